use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Loaded;
use super::statements::Statements;
use super::store::Outcome;
use crate::schema::StoredTable;
use crate::{Error, Result};

/// One table of an import.
pub(super) struct Loading {
    pub(super) statements: Arc<Statements>,
    /// What became of all rows so far.
    pub(super) loaded: Loaded,
    /// The part of it the server has not been told yet.
    untold: Loaded,
    /// Keys of rows stored for the first time, of rows confirmed, and of rows with other `meta`, not told yet.
    new: Vec<i32>,
    seen: Vec<i32>,
    changed: Vec<i32>,
}

impl Loading {
    pub(super) fn new(table: StoredTable) -> Self {
        Self {
            statements: Arc::new(Statements::new(table)),
            loaded: Loaded::default(),
            untold: Loaded::default(),
            new: Vec::new(),
            seen: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Remembers what became of some rows.
    pub(super) fn note(&mut self, outcome: &Outcome) {
        self.loaded += outcome.loaded;
        self.untold += outcome.loaded;
        self.new.extend(&outcome.new);
        self.seen.extend(&outcome.seen);
        self.changed.extend(&outcome.changed);
    }

    /// Tells the server which rows came and which were confirmed since this was done last; confirmed raw rows confirm
    /// their typed rows. Once for as many rows as possible: neighbours are noted together.
    pub(super) async fn tell(&mut self, connection: &mut PgConnection, import: i32) -> Result<()> {
        let counts = std::mem::take(&mut self.untold);
        if counts.new + counts.seen == 0 {
            return Ok(());
        }
        let new = ranges(std::mem::take(&mut self.new));
        let seen = ranges(std::mem::take(&mut self.seen));
        let changed = std::mem::take(&mut self.changed);
        let statements = &self.statements;
        let name = &statements.table.name;
        let failed = |e: &sqlx::Error| Error::sql(format!("noting the rows of {name}"), e);
        let count = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
        sqlx::query(
            "SELECT core.note_ranges($1, $2, $3::text::int4multirange, $4::text::int4multirange, $5, $6)",
        )
        .bind(import)
        .bind(name)
        .bind(new)
        .bind(&seen)
        .bind(count(counts.new))
        .bind(count(counts.seen))
        .execute(&mut *connection)
        .await
        .map_err(|e| failed(&e))?;
        if counts.seen == 0 {
            return Ok(());
        }
        sqlx::query(AssertSqlSafe(statements.mark.clone()))
            .bind(import)
            .bind(&seen)
            .execute(&mut *connection)
            .await
            .map_err(|e| failed(&e))?;
        let Some(carry) = &statements.carry else {
            return Ok(());
        };
        sqlx::query(AssertSqlSafe(carry.clone()))
            .bind(import)
            .bind(&seen)
            .bind(changed)
            .execute(connection)
            .await
            .map_err(|e| Error::sql(format!("confirming the typed rows of {name}"), &e))?;
        Ok(())
    }
}

/// Ids as the text of a multirange: neighbours are one range.
fn ranges(mut ids: Vec<i32>) -> String {
    ids.sort_unstable();
    ids.dedup();
    let ranges: Vec<String> = ids
        .chunk_by(|a, b| a.checked_add(1) == Some(*b))
        .filter_map(|range| Some(format!("[{},{}]", range.first()?, range.last()?)))
        .collect();
    format!("{{{}}}", ranges.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges(vec![]), "{}");
        assert_eq!(ranges(vec![7, 3, 1, 2, 3, 9]), "{[1,3],[7,7],[9,9]}");
    }
}
