use rusqlite::{Row, params};
use serde::Serialize;

use super::Record;
use crate::{Level, Result};

/// A file that an action made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputRow {
    /// Its path below the store.
    pub path: String,
    /// The action that made it.
    pub action: String,
    /// The level that the action gives it.
    pub level: Level,
    /// The job that made it.
    pub job: String,
    /// The request of that job.
    pub request: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored, in milliseconds since 1970.
    pub timestamp: i64,
    /// Its SHA-256.
    pub digest: String,
    /// Why it is held back from `level4`; `None` if it is there or was never meant for it.
    pub held: Option<String>,
    /// The path of the note that says so.
    pub note: Option<String>,
    /// Rows, for a moderately sensitive table.
    pub rows: Option<u64>,
    /// Columns, for a moderately sensitive table.
    pub columns: Option<u64>,
    /// Cells with small counts.
    pub small_cells: u64,
    /// Whether another action has written the file since.
    pub overwritten: bool,
}

const COLUMNS: &str = "path, action, level, job_id, job_request, size, timestamp, content_hash, message, note, row_count, col_count, \
                       small_cells, overwritten";

impl Record {
    /// All outputs by path.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn outputs(&self) -> Result<Vec<OutputRow>> {
        self.try_sql(|connection| {
            let mut query =
                connection.prepare(&format!("SELECT {COLUMNS} FROM output ORDER BY path, action"))?;
            query.query_map([], read)?.collect()
        })
    }

    pub(crate) fn put_output(&self, row: &OutputRow) -> Result<()> {
        self.try_sql(|connection| {
            connection.execute("UPDATE output SET overwritten = 1 WHERE path = ?1 AND action <> ?2", params![row.path, row.action])?;
            connection.execute(
                &format!("INSERT OR REPLACE INTO output ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"),
                params![
                    row.path, row.action, row.level.key(), row.job, row.request, row.size.cast_signed(), row.timestamp, row.digest, row.held,
                    row.note, row.rows.map(u64::cast_signed), row.columns.map(u64::cast_signed), row.small_cells.cast_signed(), row.overwritten,
                ],
            )?;
            Ok(())
        })
    }

    pub(crate) fn remove_output(&self, path: &str, action: &str) -> Result<()> {
        self.try_sql(|connection| {
            connection.execute(
                "DELETE FROM output WHERE path = ?1 AND action = ?2",
                params![path, action],
            )?;
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutputRow> {
    let level: String = row.get(2)?;
    let count = |at| row.get::<_, Option<i64>>(at).map(|n| n.map(i64::cast_unsigned));
    Ok(OutputRow {
        path: row.get(0)?,
        action: row.get(1)?,
        level: Level::from_key(&level).unwrap_or(Level::HighlySensitive),
        job: row.get(3)?,
        request: row.get(4)?,
        size: row.get::<_, i64>(5)?.cast_unsigned(),
        timestamp: row.get(6)?,
        digest: row.get(7)?,
        held: row.get(8)?,
        note: row.get(9)?,
        rows: count(10)?,
        columns: count(11)?,
        small_cells: row.get::<_, i64>(12)?.cast_unsigned(),
        overwritten: row.get(13)?,
    })
}
