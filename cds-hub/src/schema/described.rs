//! The descriptions a hub was made from, kept in the hub: whoever migrates it later, or loads into it, need not have them.
//!
//! A part that is the project's own is noted as such and follows the program; one that was given stays as it was given, and
//! so do tables that a site added.

use std::sync::Arc;

use sqlx::{PgConnection, Row};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use super::HubTables;
use crate::{Error, ErrorKind, Hub, Result};

const FHIR: &str = "fhir";
const FORMS: &str = "forms";
const CORE: &str = "core";
const SUBMODULES: &str = "submodules";

impl HubTables {
    fn parts(&self) -> [(&'static str, &Description); 4] {
        [
            (FHIR, &self.fhir),
            (FORMS, &self.forms),
            (CORE, &self.core),
            (SUBMODULES, &self.submodules),
        ]
    }

    fn part(&mut self, name: &str) -> Option<&mut Description> {
        match name {
            FHIR => Some(&mut self.fhir),
            FORMS => Some(&mut self.forms),
            CORE => Some(&mut self.core),
            SUBMODULES => Some(&mut self.submodules),
            _ => None,
        }
    }
}

impl Hub {
    /// The tables this hub was made for. The project's own are those of this program, also where an older one made the hub;
    /// tables that a site gave are as it gave them. `None` where no hub of this release made a note.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn described(&self) -> Result<Option<HubTables>> {
        let mut connection = self
            .pool()
            .acquire()
            .await
            .map_err(|e| Error::sql("connecting for the descriptions", &e))?;
        read(&mut connection).await
    }

    /// The tables this hub was made for, the project's own where nothing is noted.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn tables(&self) -> Result<HubTables> {
        Ok(self.described().await?.unwrap_or_else(HubTables::standard))
    }
}

pub(crate) async fn read(connection: &mut PgConnection) -> Result<Option<HubTables>> {
    let failed = |e: &sqlx::Error| Error::sql("reading the descriptions of the hub", e);
    let readable: Option<bool> =
        sqlx::query_scalar("SELECT has_table_privilege(to_regclass('core.described'), 'SELECT')")
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| failed(&e))?;
    match readable {
        None => return Ok(None),
        Some(true) => {}
        Some(false) => {
            return Err(Error::new(
                ErrorKind::Schema,
                "this user may not read what the hub was made for; cds-hub migrate brings an older hub up to date",
            ));
        }
    }
    let parts: Vec<(String, bool)> = sqlx::query_as("SELECT part, standard FROM core.described_part")
        .fetch_all(&mut *connection)
        .await
        .map_err(|e| failed(&e))?;
    if parts.is_empty() {
        return Ok(None);
    }
    let mut tables = HubTables::standard();
    for (part, standard) in parts {
        if let Some(description) = tables.part(&part).filter(|_| !standard) {
            description.tables.clear();
        }
    }
    let rows = sqlx::query(
        "SELECT part, table_name, resource, prefix, melt, column_name, path, calculated, fhir_type, reference_targets, joined,
                description FROM core.described ORDER BY part, table_position, position",
    )
    .fetch_all(connection)
    .await
    .map_err(|e| failed(&e))?;
    for row in &rows {
        let (part, column): (String, Column) = (row.try_get(0).map_err(|e| failed(&e))?, column(row)?);
        let Some(description) = tables.part(&part) else {
            continue;
        };
        let name: String = row.try_get(1).map_err(|e| failed(&e))?;
        match description.tables.last_mut().filter(|t| t.name == name) {
            Some(table) => Arc::make_mut(table).columns.push(column),
            None => description.tables.push(Arc::new(TableDescription {
                name,
                resource: row.try_get(2).map_err(|e| failed(&e))?,
                prefix: row.try_get(3).map_err(|e| failed(&e))?,
                columns: vec![column],
                melt: melt(row.try_get(4).map_err(|e| failed(&e))?),
            })),
        }
    }
    Ok(Some(tables))
}

fn column(row: &sqlx::postgres::PgRow) -> Result<Column> {
    let read = || -> sqlx::Result<Column> {
        let path = ElementPath::new(row.try_get::<String, _>(6)?);
        let origin = if row.try_get(7)? {
            Origin::Calculated(path)
        } else {
            Origin::Element(path)
        };
        let fhir_type = FhirType::from_word(row.try_get(8)?).unwrap_or(FhirType::String);
        let mut column = Column::new(row.try_get::<String, _>(5)?, origin, fhir_type);
        column.reference_targets = row.try_get(9)?;
        column.joined = row.try_get(10)?;
        column.description = row.try_get(11)?;
        Ok(column)
    };
    read().map_err(|e| Error::sql("reading the descriptions of the hub", &e))
}

const ONLY: &str = "only ";

fn melt(word: &str) -> MeltMode {
    match word {
        "aligned" => MeltMode::Aligned,
        "child" => MeltMode::Child,
        other => match other.strip_prefix(ONLY) {
            Some(paths) => MeltMode::Only(paths.split(' ').map(ElementPath::new).collect()),
            None => MeltMode::Product,
        },
    }
}

fn melt_word(mode: &MeltMode) -> String {
    match mode {
        MeltMode::Aligned => "aligned".to_owned(),
        MeltMode::Child => "child".to_owned(),
        MeltMode::Only(paths) => {
            let paths: Vec<&str> = paths.iter().map(ElementPath::as_str).collect();
            format!("{ONLY}{}", paths.join(" "))
        }
        _ => "product".to_owned(),
    }
}

/// Notes what the hub is made for now.
pub(crate) async fn keep(connection: &mut PgConnection, tables: &HubTables) -> Result<()> {
    let failed = |e: &sqlx::Error| Error::sql("noting the descriptions", e);
    sqlx::raw_sql("DELETE FROM core.described; DELETE FROM core.described_part")
        .execute(&mut *connection)
        .await
        .map_err(|e| failed(&e))?;
    let own = HubTables::standard();
    for ((part, given), (_, own)) in tables.parts().into_iter().zip(own.parts()) {
        // The project's own, perhaps with tables of a site behind them.
        let standard = given.tables.starts_with(&own.tables);
        sqlx::query("INSERT INTO core.described_part (part, standard) VALUES ($1, $2)")
            .bind(part)
            .bind(standard)
            .execute(&mut *connection)
            .await
            .map_err(|e| failed(&e))?;
        let known = if standard { own.tables.len() } else { 0 };
        for (position, table) in given.tables.iter().enumerate().skip(known) {
            keep_table(connection, part, position, table).await?;
        }
    }
    Ok(())
}

async fn keep_table(
    connection: &mut PgConnection,
    part: &str,
    position: usize,
    table: &TableDescription,
) -> Result<()> {
    for (at, column) in table.columns.iter().enumerate() {
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        sqlx::query(
            "INSERT INTO core.described (part, table_position, table_name, resource, prefix, melt, position, column_name,
               path, calculated, fhir_type, reference_targets, joined, description)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(part)
        .bind(number(position))
        .bind(&table.name)
        .bind(&table.resource)
        .bind(&table.prefix)
        .bind(melt_word(&table.melt))
        .bind(number(at))
        .bind(&column.name)
        .bind(column.path().as_str())
        .bind(column.is_calculated())
        .bind(column.fhir_type.as_str())
        .bind(&column.reference_targets)
        .bind(column.joined)
        .bind(&column.description)
        .execute(&mut *connection)
        .await
        .map_err(|e| Error::sql(format!("noting the description of {}", table.name), &e))?;
    }
    Ok(())
}
