use std::fmt;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use table_description::TableDescription;

use super::{column, micros, patient};
use crate::schema::identifier;
use crate::schema::visible::visible;
use crate::{Error, Hub, Result};

/// Which calculated references are looked for.
#[derive(Clone, Copy, Debug)]
pub struct InvalidReferences<'a> {
    /// Positions of the calculated references in the table.
    pub calculated: &'a [usize],
    /// Positions of the columns that say when something happened.
    pub times: &'a [usize],
    /// What a reference says that could not be worked out.
    pub mark: &'a str,
}

/// A typed row with a calculated reference that could not be worked out.
#[derive(Clone)]
pub struct InvalidRow {
    /// Key of the typed row.
    pub row_id: i32,
    /// FHIR id.
    pub id: String,
    /// Reference to the patient.
    pub patient: Option<String>,
    /// Reference to the encounter as the server gave it.
    pub encounter: Option<String>,
    /// The calculated references, as asked for.
    pub calculated: Vec<Option<String>>,
    /// The times, as asked for: microseconds since 1970-01-01 of wall time.
    pub times: Vec<Option<i64>>,
}

impl fmt::Debug for InvalidRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidRow")
            .field("row_id", &self.row_id)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// The rows of these patients, given as references such as `Patient/4711`, of whose calculated references one says
    /// the mark. None where the table has no ids, patients or such references.
    pub fn invalid_references<'h>(
        &'h self,
        table: &TableDescription,
        wanted: InvalidReferences<'_>,
        patients: &[Arc<str>],
    ) -> BoxStream<'h, Result<InvalidRow>> {
        let InvalidReferences {
            calculated, times, ..
        } = wanted;
        let (Some(id), Some(patient)) = (column(table, "id"), patient(table)) else {
            return futures_util::stream::empty().boxed();
        };
        if calculated.is_empty() {
            return futures_util::stream::empty().boxed();
        }
        let name = |position: &usize| identifier(&table.columns[*position].name);
        let encounter = column(table, "encounter/reference").or_else(|| column(table, "context/reference"));
        let mut selected = vec![
            identifier(&format!("{}_id", table.name)).into_owned(),
            id.clone(),
            patient.clone(),
            encounter.unwrap_or_else(|| "NULL::text".to_owned()),
        ];
        selected.extend(calculated.iter().map(|c| name(c).into_owned()));
        selected.extend(times.iter().map(|c| micros(&name(c))));
        let marked: Vec<String> = calculated.iter().map(|c| format!("{} = $2", name(c))).collect();
        let sql = format!(
            "SELECT {} FROM core.{} t WHERE {patient} = ANY ($1) AND {id} IS NOT NULL AND ({}) AND {}",
            selected.join(", "),
            identifier(&table.name),
            marked.join(" OR "),
            visible("t")
        );
        let patients: Vec<String> = patients.iter().map(|p| (**p).to_owned()).collect();
        let (references, times) = (calculated.len(), times.len());
        let place = format!("reading references of {} that are not worked out", table.name);
        sqlx::query(AssertSqlSafe(sql))
            .bind(patients)
            .bind(wanted.mark.to_owned())
            .fetch(self.pool())
            .and_then(move |row| std::future::ready(read(&row, references, times)))
            .map_err(move |e| Error::sql(place.as_str(), &e))
            .boxed()
    }
}

fn read(row: &PgRow, references: usize, times: usize) -> sqlx::Result<InvalidRow> {
    const FIRST: usize = 4;
    Ok(InvalidRow {
        row_id: row.try_get(0)?,
        id: row.try_get(1)?,
        patient: row.try_get(2)?,
        encounter: row.try_get(3)?,
        calculated: (FIRST..FIRST + references)
            .map(|n| row.try_get(n))
            .collect::<sqlx::Result<_>>()?,
        times: (FIRST + references..FIRST + references + times)
            .map(|n| row.try_get(n))
            .collect::<sqlx::Result<_>>()?,
    })
}
