use std::collections::BTreeMap;

use sqlx::Row;

use super::Run;
use crate::{Error, Hub, Result};

impl Hub {
    /// The run with this number, if its first import was committed with rows. A caller that died during a commit learns
    /// so whether it happened.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn known_run(&self, number: i32) -> Result<Option<Run>> {
        let known: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM core.import WHERE no = $1 AND run = $1)")
                .bind(number)
                .fetch_one(self.pool())
                .await
                .map_err(|e| Error::sql("asking for a run", &e))?;
        Ok(known.then_some(Run(number)))
    }

    /// How many rows of each table a run confirmed without storing them again, by contract name; typed rows that were
    /// confirmed because their raw row was are among them.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn confirmed(&self, run: Run) -> Result<BTreeMap<String, u64>> {
        let failed = |e: &sqlx::Error| Error::sql("counting confirmed rows", e);
        let rows = sqlx::query(
            "SELECT n.table_name, sum(upper(r.ids) - lower(r.ids))::bigint
             FROM core.import i JOIN core.import_rows n ON n.import_no = i.no CROSS JOIN unnest(n.seen_ids) AS r(ids)
             WHERE i.run = $1 GROUP BY n.table_name",
        )
        .bind(run.0)
        .fetch_all(self.pool())
        .await
        .map_err(|e| failed(&e))?;
        let count = |row: &sqlx::postgres::PgRow| -> sqlx::Result<(String, u64)> {
            Ok((
                row.try_get(0)?,
                u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
            ))
        };
        rows.iter()
            .map(|row| count(row).map_err(|e| failed(&e)))
            .collect()
    }
}
