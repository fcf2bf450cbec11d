//! Until when resources were loaded, looked for in vain, or counted.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::micros;
use crate::{Error, Hub, Result};

impl Hub {
    /// Until when the resources of a type have been loaded, by patient, in microseconds since 1970-01-01 UTC; patients
    /// never loaded are not in the map, nor are those whose watermark is still to come: nothing was loaded until then.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn watermarks(&self, resource: &str, ids: &[String]) -> Result<HashMap<String, i64>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT w.patient_id, {} FROM core.watermark w
             WHERE w.resource = $1 AND w.patient_id = ANY ($2) AND w.loaded_until <= clock_timestamp()",
            micros("w.loaded_until")
        )))
        .bind(resource)
        .bind(ids)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql(format!("reading how far {resource} is loaded"), &e))?;
        Ok(rows.into_iter().collect())
    }

    /// Until when the resources of a type have been loaded of whom they were loaded last, in microseconds since 1970-01-01 UTC:
    /// when the last run began. `None` where nothing was ever loaded.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn last_watermark(&self, resource: &str) -> Result<Option<i64>> {
        sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT {} FROM core.watermark w WHERE w.resource = $1 AND w.loaded_until <= clock_timestamp()",
            micros("max(w.loaded_until)")
        )))
        .bind(resource)
        .fetch_one(self.pool())
        .await
        .map_err(|e| Error::sql(format!("reading how far {resource} is loaded"), &e))
    }

    /// How many watermarks lie in the future, as after a clock that was ahead or a hand in the table; they count as
    /// unknown.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn watermarks_to_come(&self) -> Result<u64> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM core.watermark WHERE loaded_until > clock_timestamp()")
                .fetch_one(self.pool())
                .await
                .map_err(|e| Error::sql("counting watermarks that are to come", &e))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Until when resources that are gone were looked for, by patient; in microseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn census(&self, name: &str, ids: &[String]) -> Result<HashMap<String, i64>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT c.patient_id, {} FROM core.census c
             WHERE c.name = $1 AND c.patient_id = ANY ($2) AND c.counted_until <= clock_timestamp()",
            micros("c.counted_until")
        )))
        .bind(name)
        .bind(ids)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading until when deleted resources were looked for", &e))?;
        Ok(rows.into_iter().collect())
    }

    /// The ids for which a search of these watermarks, or a census of these names, was tried and has not been answered in
    /// full since.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn unanswered(&self, watermarks: &[String]) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT DISTINCT u.id FROM core.unanswered u
             LEFT JOIN core.watermark w ON w.resource = u.watermark AND w.patient_id = u.id
             LEFT JOIN core.census c ON c.name = u.watermark AND c.patient_id = u.id
             WHERE u.watermark = ANY ($1)
               AND coalesce(greatest(w.loaded_until, c.counted_until) < u.tried_until, true)
             ORDER BY u.id",
        )
        .bind(watermarks)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading what was not answered", &e))
    }
}
