use std::fmt;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use table_description::TableDescription;

use super::{column, last_version, micros, patient};
use crate::{Error, Hub, Result};

/// What one typed row says about an encounter; several rows of one encounter differ in identifier or type.
/// Times are microseconds since 1970-01-01 of wall time.
#[derive(Clone, Default)]
pub struct EncounterRow {
    /// FHIR id.
    pub id: String,
    /// Code of the type.
    pub type_code: Option<String>,
    /// Reference to the patient.
    pub patient: Option<String>,
    /// Start of the period.
    pub start: Option<i64>,
    /// End of the period.
    pub end: Option<i64>,
    /// System of the row's identifier.
    pub identifier_system: Option<String>,
    /// Value of the row's identifier.
    pub identifier_value: Option<String>,
    /// Code of the class.
    pub class: Option<String>,
    /// `partOf` as the server gave it.
    pub part_of: Option<String>,
}

impl fmt::Debug for EncounterRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncounterRow")
            .field("type_code", &self.type_code)
            .finish_non_exhaustive()
    }
}

impl EncounterRow {
    /// From a row whose columns are in the order of the fields.
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get(0)?,
            type_code: row.try_get(1)?,
            patient: row.try_get(2)?,
            start: row.try_get(3)?,
            end: row.try_get(4)?,
            identifier_system: row.try_get(5)?,
            identifier_value: row.try_get(6)?,
            class: row.try_get(7)?,
            part_of: row.try_get(8)?,
        })
    }
}

/// Which cases count as running.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Wall time of the hub's zone, such as `2025-01-31 07:00:00`: begun by then and not ended.
    pub at: &'a str,
    /// Class codes; all classes where empty.
    pub classes: &'a [String],
}

impl Hub {
    /// The last versions of the encounters of these patients, given as references such as `Patient/4711`. Elements that
    /// the table does not describe are `None`; without ids or patients there are no encounters.
    pub fn encounters_of<'h>(
        &'h self,
        table: &TableDescription,
        patients: &[Arc<str>],
    ) -> BoxStream<'h, Result<EncounterRow>> {
        let (Some(id), Some(patient)) = (column(table, "id"), patient(table)) else {
            return futures_util::stream::empty().boxed();
        };
        let text = |path| column(table, path).unwrap_or_else(|| "NULL::text".to_owned());
        let time = |path| column(table, path).map_or_else(|| "NULL::bigint".to_owned(), |c| micros(&c));
        let sql = format!(
            "SELECT {id}, {type_code}, {patient}, {start}, {end}, {system}, {value}, {class}, {part_of}
             FROM {view} WHERE {patient} = ANY ($1) AND {id} IS NOT NULL",
            type_code = text("type/coding/code"),
            start = time("period/start"),
            end = time("period/end"),
            system = text("identifier/system"),
            value = text("identifier/value"),
            class = text("class/code"),
            part_of = text("partOf/reference"),
            view = last_version(table),
        );
        let patients: Vec<String> = patients.iter().map(|p| (**p).to_owned()).collect();
        sqlx::query(AssertSqlSafe(sql))
            .bind(patients)
            .fetch(self.pool())
            .and_then(|row| std::future::ready(EncounterRow::read(&row)))
            .map_err(|e| Error::sql("reading encounters of patients", &e))
            .boxed()
    }

    /// References to the patients with a case that has begun and not ended, by the last version of their encounters;
    /// encounters that are marked as deleted do not count.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn running_patients(
        &self,
        table: &TableDescription,
        running: Running<'_>,
    ) -> Result<Vec<String>> {
        let columns = ["id", "status", "period/start"].map(|path| column(table, path));
        let ([Some(id), Some(status), Some(start)], Some(patient)) = (columns, patient(table)) else {
            return Ok(Vec::new());
        };
        let or = |path, known: &dyn Fn(String) -> String, unknown: &str| {
            column(table, path).map_or_else(|| unknown.to_owned(), known)
        };
        let open = or(
            "period/end",
            &|end| format!("({end} IS NULL OR {end} > $1::text::timestamp)"),
            "true",
        );
        let class = or("class/code", &|class| format!("{class} = ANY ($2)"), "false");
        let sql = format!(
            "SELECT DISTINCT {patient} FROM {view}
             WHERE {status} = 'in-progress' AND {start} <= $1::text::timestamp AND {open}
               AND (cardinality($2::text[]) = 0 OR {class}) AND {patient} IS NOT NULL
               AND {id} NOT IN (SELECT fhir_id FROM cds2db_out.v_deleted_resource WHERE resource = $3)",
            view = last_version(table),
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(running.at)
            .bind(running.classes)
            .bind(table.resource.as_deref().unwrap_or_default())
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql("reading the running cases", &e))
    }
}
