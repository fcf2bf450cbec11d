use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Loaded;
use super::id_ranges::IdRanges;
use super::statements::Statements;
use super::store::Outcome;
use super::trust::Trust;
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
    new: IdRanges,
    seen: IdRanges,
    changed: Vec<i32>,
    /// Whether rows are looked up before they are copied in.
    pub(super) trust: Trust,
}

impl Loading {
    pub(super) fn new(table: StoredTable) -> Self {
        Self {
            statements: Arc::new(Statements::new(table)),
            loaded: Loaded::default(),
            untold: Loaded::default(),
            new: IdRanges::default(),
            seen: IdRanges::default(),
            changed: Vec::new(),
            trust: Trust::default(),
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
        let new = self.new.take();
        let seen = self.seen.take();
        let changed = std::mem::take(&mut self.changed);
        let statements = &self.statements;
        let name = &statements.table.name;
        let count = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
        sqlx::query(AssertSqlSafe(statements.tell.clone()))
            .bind(import)
            .bind(new)
            .bind(seen)
            .bind(count(counts.new))
            .bind(count(counts.seen))
            .bind(changed)
            .execute(connection)
            .await
            .map_err(|e| Error::sql(format!("noting the rows of {name}"), &e))?;
        Ok(())
    }
}
