use std::collections::HashMap;

use sqlx::postgres::PgConnection;

use crate::{Error, Hub, Result};

impl Hub {
    /// Until when the resources of a type have been loaded, by patient, in microseconds since 1970-01-01 UTC; patients
    /// never loaded are not in the map.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn watermarks(&self, resource: &str, ids: &[String]) -> Result<HashMap<String, i64>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT w.patient_id, (extract(epoch FROM w.loaded_until) * 1000000)::bigint
             FROM core.watermark w WHERE w.resource = $1 AND w.patient_id = ANY ($2)",
        )
        .bind(resource)
        .bind(ids)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql(format!("reading how far {resource} is loaded"), &e))?;
        Ok(rows.into_iter().collect())
    }
}

/// Moves the watermarks of these patients.
pub(super) async fn set(
    connection: &mut PgConnection,
    resource: &str,
    ids: &[String],
    micros: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO core.watermark (resource, patient_id, loaded_until)
         SELECT DISTINCT $1, p.id, timestamptz '1970-01-01 00:00:00+00' + $3 * interval '1 microsecond'
         FROM unnest($2::text[]) AS p(id)
         ON CONFLICT (resource, patient_id) DO UPDATE SET loaded_until = excluded.loaded_until",
    )
    .bind(resource)
    .bind(ids)
    .bind(micros)
    .execute(connection)
    .await
    .map_err(|e| Error::sql(format!("noting how far {resource} is loaded"), &e))?;
    Ok(())
}
