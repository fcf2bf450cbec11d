//! What an import notes about the searches its rows came from.

use super::Import;
use crate::{Error, Result};

impl Import<'_> {
    /// Remembers until when the resources of these patients have been loaded: microseconds since 1970-01-01 UTC. What is
    /// still to come by the server's clock counts as now.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn set_watermarks(&mut self, resource: &str, ids: &[String], micros: i64) -> Result<()> {
        let what = "noting how far resources are loaded";
        self.note_moments(
            "SELECT core.move_watermarks($1, $2, $3, $4)",
            what,
            resource,
            ids,
            micros,
        )
        .await
    }

    /// Remembers until when resources of these patients that are gone were looked for.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn set_census(&mut self, name: &str, ids: &[String], micros: i64) -> Result<()> {
        let what = "noting until when deleted resources were looked for";
        self.note_moments("SELECT core.move_census($1, $2, $3, $4)", what, name, ids, micros)
            .await
    }

    /// Remembers for whom a search was not answered in full, by the watermark it would have moved.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn keep_unanswered(&mut self, watermark: &str, ids: &[String], micros: i64) -> Result<()> {
        let what = "noting what was not answered";
        self.note_moments(
            "SELECT core.keep_unanswered($1, $2, $3, $4)",
            what,
            watermark,
            ids,
            micros,
        )
        .await
    }

    async fn note_moments(
        &mut self,
        sql: &'static str,
        what: &str,
        name: &str,
        ids: &[String],
        micros: i64,
    ) -> Result<()> {
        sqlx::query(sql)
            .bind(self.number())
            .bind(name)
            .bind(ids)
            .bind(micros)
            .execute(self.connection())
            .await
            .map(|_| ())
            .map_err(|e| Error::sql(what, &e))
    }
}
