use std::collections::HashSet;

use sqlx::AssertSqlSafe;
use table_description::reference::{IdRule, listed_id};

use super::Readable;
use crate::schema::{Kind, Model, StoredTable, identifier, version_order};
use crate::transfer::Names;
use crate::{Error, Hub, Result};

/// Most rows of one table.
const MOST: usize = 100;

/// A row that an id leads to.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Contract name of the table.
    pub table: String,
    /// The contract's id of the row.
    pub id: i32,
    /// FHIR version id, of a raw or typed row.
    pub version: Option<String>,
    /// When the row came into the hub, wall time of the hub's zone.
    pub since: String,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("table", &self.table)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// The rows of a resource: its id alone looks through all types, a reference such as `Patient/p1` through that one. Tables
    /// in the order of the model, the newest rows first, at most 100 of each table; those the role may not read are left out.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn find_resource(&self, model: &Model, readable: &Readable, text: &str) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for table in model.of(Kind::Typed).chain(model.of(Kind::Raw)) {
            let (Some(column), Some(resource)) = (table.fhir_id_column(), &table.description.resource) else {
                continue;
            };
            // What is no legal id may be stored nevertheless.
            let id = listed_id(text, resource, IdRule::Legal)
                .or_else(|| (!text.contains('/')).then_some(text.trim()));
            if let Some(id) = id.filter(|id| !id.is_empty() && readable.may_see(&table.name)) {
                let stored = match table.kind {
                    Kind::Raw => format!("[1]{id}"),
                    _ => id.to_owned(),
                };
                let condition = format!("t.{} = $1", identifier(column));
                found.extend(self.found(table, &condition, &stored).await?);
            }
        }
        Ok(found)
    }

    /// The rows with a row id: at most one of raw and typed tables together, several where a form has it more than once.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn find_row(&self, model: &Model, readable: &Readable, id: i32) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for table in model
            .tables()
            .iter()
            .filter(|table| readable.may_see(&table.name))
        {
            let condition = format!("t.{} = $1::text::integer", Names::of(table).id);
            let mut rows = self.found(table, &condition, &id.to_string()).await?;
            // A row id that repeats leads to one place.
            let mut known = HashSet::new();
            rows.retain(|row| known.insert(row.id));
            found.extend(rows);
        }
        Ok(found)
    }

    /// The rows of which the condition holds, with the value as its parameter.
    async fn found(&self, table: &StoredTable, condition: &str, value: &str) -> Result<Vec<Found>> {
        let version = table
            .version_id_column()
            .filter(|_| matches!(table.kind, Kind::Raw | Kind::Typed))
            .map_or_else(
                || "NULL::text".to_owned(),
                |c| format!(r"regexp_replace(t.{}::text, '^\[[0-9.]+\]', '')", identifier(c)),
            );
        let sql = format!(
            "SELECT t.{id}, {version}, to_char(t.input_datetime, 'YYYY-MM-DD HH24:MI:SS')
             FROM {rows} t WHERE {condition} ORDER BY t.{key} DESC LIMIT {MOST}",
            id = Names::of(table).id,
            key = Names::of(table).key,
            rows = version_order::rows(table),
        );
        let rows: Vec<(Option<i32>, Option<String>, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(value)
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("looking for an id in {}", table.name), &e))?;
        let found = |(id, version, since): (Option<i32>, Option<String>, String)| {
            Some(Found {
                table: table.name.clone(),
                id: id?,
                version,
                since,
            })
        };
        Ok(rows.into_iter().filter_map(found).collect())
    }
}
