use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};

use crate::semaphore::Lock;
use crate::transfer::Transfer;
use crate::{Error, Hub, Result};

/// A row in the quarantine, without its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Its number in the quarantine.
    pub id: i64,
    /// Contract name of the table it is for.
    pub table_name: String,
    /// Schema of the inbox it goes through at the next attempt.
    pub inbox: String,
    /// What the server said, as SQLSTATE.
    pub sqlstate: String,
    /// What the server said, without values.
    pub reason: String,
    /// How often it was tried, the first time included.
    pub attempts: i32,
    /// When it was refused first: wall time of the hub's zone.
    pub first_seen: String,
    /// When it was refused last.
    pub last_tried: String,
    /// When a transfer tries it again.
    pub next_try: String,
}

impl FromRow<'_, PgRow> for Quarantined {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            table_name: row.try_get("table_name")?,
            inbox: row.try_get("inbox")?,
            sqlstate: row.try_get("sqlstate")?,
            reason: row.try_get("reason")?,
            attempts: row.try_get("attempts")?,
            first_seen: row.try_get("first_seen")?,
            last_tried: row.try_get("last_tried")?,
            next_try: row.try_get("next_try")?,
        })
    }
}

impl Hub {
    /// The rows in the quarantine, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn quarantined(&self, limit: i64) -> Result<Vec<Quarantined>> {
        sqlx::query_as(
            "SELECT id, table_name, inbox, sqlstate, reason, attempts,
                    to_char(first_seen, 'YYYY-MM-DD HH24:MI:SS') AS first_seen,
                    to_char(last_tried, 'YYYY-MM-DD HH24:MI:SS') AS last_tried,
                    to_char(next_try, 'YYYY-MM-DD HH24:MI:SS') AS next_try
             FROM core.quarantine ORDER BY id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading the quarantine", &e))
    }

    /// Tries rows of the quarantine again now, all of them or those with these numbers; what the transfer did.
    ///
    /// # Errors
    /// When the lock was lost, or the server refuses.
    pub async fn retry_quarantined(&self, lock: &Lock, ids: Option<&[i64]>) -> Result<Transfer> {
        sqlx::query(
            "UPDATE core.quarantine SET next_try = now() WHERE $1::bigint[] IS NULL OR id = ANY ($1)",
        )
        .bind(ids)
        .execute(self.pool())
        .await
        .map_err(|e| Error::sql("marking quarantined rows as due", &e))?;
        self.transfer_all(lock).await
    }

    /// The rows of the quarantine with their values, one JSON object a line. The output is patient data.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn export_quarantine(&self) -> Result<Vec<u8>> {
        let failed = |e: &sqlx::Error| Error::sql("exporting the quarantine", e);
        let rows = sqlx::query("SELECT row_to_json(q)::text FROM core.quarantine q ORDER BY id")
            .fetch_all(self.pool())
            .await
            .map_err(|e| failed(&e))?;
        let mut out = Vec::new();
        for row in rows {
            let line: String = row.try_get(0).map_err(|e| failed(&e))?;
            // A row may hold line breaks between its members, never within a value.
            out.extend(line.bytes().map(|b| if b == b'\n' { b' ' } else { b }));
            out.push(b'\n');
        }
        Ok(out)
    }
}
