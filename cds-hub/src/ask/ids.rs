use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::{column, patient, view};
use crate::{Error, Hub, Result};

/// Whose resources are meant.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// Those of these patients, by the patients' ids; everybody's where the table belongs to no patient.
    Patients(&'a [String]),
    /// Those with these ids.
    Ids(&'a [String]),
}

impl Hub {
    /// Those of the ids that the hub has of a table, deleted or not; each once.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn known_ids(&self, table: &TableDescription, ids: &[String]) -> Result<Vec<String>> {
        let Some(id) = column(table, "id") else {
            return Ok(Vec::new());
        };
        let sql = format!(
            "SELECT DISTINCT {id} FROM {view} WHERE {id} = ANY ($1)",
            view = view(table)
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(ids)
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("asking which ids of {} are known", table.name), &e))
    }

    /// The ids of a table that are not marked as deleted; each once.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn present_ids(&self, table: &TableDescription, whose: Whose<'_>) -> Result<Vec<String>> {
        let Some(id) = column(table, "id") else {
            return Ok(Vec::new());
        };
        let everybody = || {
            (
                format!("{id} IS NOT NULL AND cardinality($1::text[]) = 0"),
                Vec::new(),
            )
        };
        let (condition, list) = match whose {
            Whose::Ids(ids) => (format!("{id} = ANY ($1)"), ids.to_vec()),
            Whose::Patients(patients) if table.resource.as_deref() == Some("Patient") => {
                (format!("{id} = ANY ($1)"), patients.to_vec())
            }
            Whose::Patients(patients) => patient(table).map_or_else(everybody, |patient| {
                let references = patients.iter().map(|p| format!("Patient/{p}")).collect();
                (format!("{patient} = ANY ($1) AND {id} IS NOT NULL"), references)
            }),
        };
        let sql = format!(
            "SELECT DISTINCT {id} FROM {view} WHERE {condition}
               AND {id} NOT IN (SELECT fhir_id FROM cds2db_out.v_deleted_resource WHERE resource = $2)",
            view = view(table)
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(list)
            .bind(table.resource.as_deref().unwrap_or_default())
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("reading the ids of {}", table.name), &e))
    }
}
