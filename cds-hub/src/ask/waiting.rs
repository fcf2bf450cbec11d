use std::collections::HashSet;
use std::fmt;

use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::column;
use crate::schema::identifier;
use crate::{Error, Hub, Result};

/// Raw rows of one run that wait in the hub to be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRun {
    /// Number of the run.
    pub run: i32,
    /// When it began, in the hub's zone: `2025-01-31 07:00`.
    pub began: String,
    /// How many of its raw rows wait.
    pub rows: i64,
}

impl fmt::Display for WaitingRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows of run {} ({})", self.rows, self.run, self.began)
    }
}

impl Hub {
    /// The runs whose raw rows of a table wait to be typed, the oldest first.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn waiting(&self, table: &TableDescription) -> Result<Vec<WaitingRun>> {
        let Queue { open, raw, key } = Queue::of(table);
        let sql = format!(
            "SELECT i.run, to_char(min(i.checked), 'YYYY-MM-DD HH24:MI') AS began, count(DISTINCT o.id) AS rows
             FROM {open} o JOIN {raw} r ON r.{key} = o.id JOIN core.import i ON i.no = r.import_no
             GROUP BY i.run ORDER BY i.run"
        );
        let rows: Vec<(i32, String, i64)> =
            sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(self.pool())
                .await
                .map_err(|e| Error::sql(format!("asking what waits of {}", table.name), &e))?;
        let waiting = |(run, began, rows)| WaitingRun { run, began, rows };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// Raw ids of the rows of a table that wait, of each resource only the newest. A row without an id is a resource of its
    /// own.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn newest_waiting(&self, table: &TableDescription) -> Result<HashSet<i32>> {
        let Queue { open, raw, key } = Queue::of(table);
        let resource = match column(table, "id") {
            Some(id) => format!("coalesce(r.{id}, r.{key}::text)"),
            None => format!("r.{key}"),
        };
        let sql = format!(
            "SELECT max(r.{key}) FROM (SELECT DISTINCT id FROM {open}) o JOIN {raw} r ON r.{key} = o.id GROUP BY {resource}"
        );
        let ids: Vec<i32> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("asking what waits of {}", table.name), &e))?;
        Ok(ids.into_iter().collect())
    }
}

/// Where the raw rows of a table stand that wait.
struct Queue {
    open: String,
    raw: String,
    key: String,
}

impl Queue {
    fn of(table: &TableDescription) -> Self {
        let name = |end: &str| identifier(&format!("{}_raw{end}", table.name)).into_owned();
        Self {
            open: format!("core.{}", name("_open")),
            raw: format!("core.{}", name("")),
            key: name("_id"),
        }
    }
}
