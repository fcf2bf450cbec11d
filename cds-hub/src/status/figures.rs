//! What is watched of a hub from minute to minute: cheap to ask for, and numbers only.

use sqlx::PgConnection;

use super::Quarantine;
use super::read::counts;
use crate::{Error, Hub, Result};

/// Rows that wait, the lock, and when something was stored last.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Inboxes that hold rows, with how many; the fullest first.
    pub inboxes: Vec<(String, i64)>,
    /// Rows the core refused.
    pub quarantine: Quarantine,
    /// Whose lock it is and since when, in seconds since 1970-01-01 UTC; `None` where it is free. `operator` where somebody has
    /// stopped modules and transfers.
    pub lock: Option<(String, f64)>,
    /// When each module last finished an import, in seconds since 1970-01-01 UTC.
    pub imports: Vec<(String, f64)>,
    /// Searches that were not answered in full and are asked again, by watermark.
    pub unanswered: Vec<(String, i64)>,
    /// Size of the database in bytes.
    pub bytes: i64,
}

impl Hub {
    /// Asks for the figures.
    ///
    /// # Errors
    /// When this is no hub or the server refuses.
    pub async fn figures(&self) -> Result<Figures> {
        let failed = |e| Error::sql("reading the hub's figures", &e);
        let mut transaction = self.pool().begin().await.map_err(failed)?;
        let connection: &mut PgConnection = &mut transaction;
        let mut figures = Figures {
            inboxes: counts(connection, super::read::INBOXES).await?,
            quarantine: Quarantine::read(connection).await?,
            ..Figures::default()
        };
        figures.lock = sqlx::query_as(
            "SELECT CASE WHEN state LIKE 'Interrupted%' THEN 'operator' ELSE coalesce(module, 'unknown') END, \
               extract(epoch FROM since)::float8 \
             FROM core.lock_holder() WHERE since IS NOT NULL AND (state LIKE 'Ongoing%' OR state LIKE 'Interrupted%')",
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
        figures.imports = sqlx::query_as(
            "SELECT module, max(extract(epoch FROM finished))::float8 FROM core.import \
             WHERE finished IS NOT NULL GROUP BY module ORDER BY module",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        figures.unanswered = sqlx::query_as(crate::overview::UNANSWERED)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        figures.bytes = sqlx::query_scalar("SELECT pg_database_size(current_database())")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(figures)
    }
}
