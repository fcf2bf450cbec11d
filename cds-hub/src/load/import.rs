use std::sync::Arc;

use sqlx::postgres::{PgConnection, PgPool, Postgres};
use sqlx::{AssertSqlSafe, Row, Transaction};
use table_description::TableDescription;

use super::loading::Loading;
use super::rows::Rows;
use super::spread::Spread;
use super::statements::Statements;
use super::store::{Outcome, Stamp, Storing};
use super::{ImportSummary, Loaded, Run};
use crate::schema::{Kind, StoredTable};
use crate::semaphore::{Importing, Lock};
use crate::{Error, ErrorKind, Hub, Result, quarantine};

/// Arrays have very different lengths from call to call, so a plan for the average fits none. A client whose machine
/// vanished is noticed in half a minute: its import would hold up all others.
const SETTINGS: &str = "SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL tcp_keepalives_idle = 10;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 4";

/// What the server says where rows of an import that ended early are there.
const LEFT_OVER: &str = "CDH05";

/// One import: several tables, one transaction, one processing number.
///
/// Nothing of it can be seen before [`Import::commit`], and nothing remains of it if it is dropped.
pub struct Import<'l> {
    pub(super) lock: &'l Lock,
    pub(super) transaction: Transaction<'static, Postgres>,
    pub(super) stamp: Stamp,
    run: Run,
    pub(super) tables: Vec<Loading>,
    /// For further connections.
    pub(super) pool: PgPool,
    pub(super) spread: Option<Spread>,
    _alone: Importing<'l>,
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import")
            .field("import", &self.stamp.import)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// Begins an import that starts a run of its own.
    ///
    /// Imports follow one another: this waits for another one that is being made.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when another import under this lock is still open; when the lock was lost or the server
    /// refuses.
    pub async fn begin_import<'l>(&self, lock: &'l Lock) -> Result<Import<'l>> {
        self.begin(lock, None).await
    }

    /// Begins an import that continues a run: the typed rows of raw rows imported before. All rows of the run then have
    /// this import's number as their last.
    ///
    /// # Errors
    /// As [`Hub::begin_import`].
    pub async fn continue_import<'l>(&self, lock: &'l Lock, run: Run) -> Result<Import<'l>> {
        self.begin(lock, Some(run)).await
    }

    async fn begin<'l>(&self, lock: &'l Lock, run: Option<Run>) -> Result<Import<'l>> {
        let alone = lock.importing()?;
        let failed = |e: &sqlx::Error| Error::sql("beginning an import", e);
        let (mut transaction, import) = match self.number(lock, run).await {
            Err(e) if e.sqlstate() == Some(LEFT_OVER) => {
                sqlx::query("SELECT core.sweep()")
                    .execute(self.pool())
                    .await
                    .map_err(|e| Error::sql("taking away the rows of an import that ended early", &e))?;
                self.number(lock, run).await?
            }
            begun => begun?,
        };
        let row = sqlx::query(
            "SELECT run, (extract(epoch FROM checked - timestamp '2000-01-01') * 1000000)::bigint
             FROM core.import WHERE no = $1",
        )
        .bind(import)
        .fetch_one(&mut *transaction)
        .await
        .map_err(|e| failed(&e))?;
        let stamp = Stamp {
            import,
            input: row.try_get(1).map_err(|e| failed(&e))?,
        };
        let run = Run(row.try_get(0).map_err(|e| failed(&e))?);
        Ok(Import {
            lock,
            transaction,
            stamp,
            run,
            tables: Vec::new(),
            pool: self.pool().clone(),
            spread: None,
            _alone: alone,
        })
    }
}

impl Hub {
    /// A transaction with the number of its import.
    async fn number(&self, lock: &Lock, run: Option<Run>) -> Result<(Transaction<'static, Postgres>, i32)> {
        let failed = |e: &sqlx::Error| Error::sql("beginning an import", e);
        let mut transaction = self.pool().begin().await.map_err(|e| failed(&e))?;
        sqlx::raw_sql(SETTINGS)
            .execute(&mut *transaction)
            .await
            .map_err(|e| failed(&e))?;
        let import = sqlx::query_scalar("SELECT core.begin_load($1, $2)")
            .bind(lock.module())
            .bind(run.map(|r| r.0))
            .fetch_one(&mut *transaction)
            .await
            .map_err(|e| failed(&e))?;
        Ok((transaction, import))
    }
}

impl Import<'_> {
    /// The run this import belongs to.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run
    }

    /// The number of the import within the hub, not its processing number.
    pub(super) fn number(&self) -> i32 {
        self.stamp.import
    }

    /// Stores rows of one of the import's tables.
    pub(super) async fn keep(&mut self, table: usize, rows: &Rows) -> Result<Outcome> {
        let Some(loading) = self.tables.get_mut(table) else {
            return Ok(Outcome::default());
        };
        let statements = Arc::clone(&loading.statements);
        Storing {
            connection: &mut self.transaction,
            spread: self.spread.as_mut(),
            trust: &mut loading.trust,
            stamp: self.stamp,
            statements: &statements,
            rows,
            outcome: Outcome::default(),
        }
        .all()
        .await
    }

    /// The connection of the import's transaction.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Makes everything visible at once, under one number.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`] when the lock passed to somebody else meanwhile: nothing is stored then. When the server
    /// refuses; if the connection broke during the commit itself, whether it happened is not known, and importing the
    /// same rows again is harmless.
    pub async fn commit(mut self) -> Result<ImportSummary> {
        let failed = |e: &sqlx::Error| Error::sql("finishing an import", e);
        let held: bool = sqlx::query_scalar("SELECT core.assert_lock($1)")
            .bind(self.lock.token())
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(|e| failed(&e))?;
        if !held {
            return Err(Error::new(
                ErrorKind::LockLost,
                format!("import of module {}", self.lock.module()),
            ));
        }
        self.index().await?;
        let mut tables = Vec::with_capacity(self.tables.len());
        for table in &mut self.tables {
            table.tell(&mut self.transaction, self.stamp.import).await?;
            tables.push((table.statements.table.name.clone(), table.loaded));
        }
        let number: Option<i32> = sqlx::query_scalar("SELECT core.finish_load($1, $2)")
            .bind(self.stamp.import)
            .bind(self.lock.token())
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(|e| failed(&e))?;
        self.transaction.commit().await.map_err(|e| failed(&e))?;
        Ok(ImportSummary {
            number,
            run: self.run,
            tables,
        })
    }

    /// Position of the table in this import, added at its first use.
    pub(super) fn loading(&mut self, kind: Kind, description: &Arc<TableDescription>) -> usize {
        let table = StoredTable::new(kind, description);
        if let Some(position) = self
            .tables
            .iter()
            .position(|t| t.statements.table.name == table.name)
        {
            return position;
        }
        self.tables.push(Loading::new(table));
        self.tables.len() - 1
    }

    /// Tells the server what is known of a table's raw rows, before typed rows are stored that depend on it.
    pub(super) async fn tell_raw(&mut self, description: &TableDescription) -> Result<()> {
        let raw = self.tables.iter().position(|t| {
            let table = &t.statements.table;
            table.kind == Kind::Raw && table.base() == description.name
        });
        match raw {
            Some(raw) => {
                self.tables[raw]
                    .tell(&mut self.transaction, self.stamp.import)
                    .await
            }
            None => Ok(()),
        }
    }

    pub(super) async fn after_typed(
        &mut self,
        table: usize,
        statements: &Statements,
        rows: &Rows,
        outcome: Outcome,
    ) -> Result<Loaded> {
        self.link(statements, rows, &outcome).await?;
        self.keep_precision(statements, rows, &outcome).await?;
        self.note(table, rows, outcome).await
    }

    /// These raw rows count as typed.
    pub(super) async fn typed_ended(&mut self, statements: &Statements, raw_ids: &[i32]) -> Result<()> {
        self.call(
            statements.typed.as_deref(),
            "taking rows off the queue",
            &[raw_ids],
        )
        .await
    }

    /// Typed rows that were known, or came twice, are linked to the raw rows they came with.
    async fn link(&mut self, statements: &Statements, rows: &Rows, outcome: &Outcome) -> Result<()> {
        if outcome.loaded.seen == 0 {
            return Ok(());
        }
        let pairs =
            (0..rows.len()).filter_map(|row| Some((rows.raw_id(row)?, *outcome.keys.get(&rows.hash(row))?)));
        let (raw, typed): (Vec<i32>, Vec<i32>) = pairs.unzip();
        self.call(statements.link.as_deref(), "linking typed rows", &[&raw, &typed])
            .await
    }

    async fn keep_precision(
        &mut self,
        statements: &Statements,
        rows: &Rows,
        outcome: &Outcome,
    ) -> Result<()> {
        let import = self.stamp.import;
        super::precision::keep(
            &mut self.transaction,
            import,
            &statements.table,
            rows,
            &outcome.stored,
        )
        .await
    }

    /// Adds the outcome of some rows to the table's and puts those refused into the quarantine.
    pub(super) async fn note(&mut self, table: usize, rows: &Rows, outcome: Outcome) -> Result<Loaded> {
        let loading = &mut self.tables[table];
        loading.note(&outcome);
        for (row, state) in outcome.refused {
            let table = &loading.statements.table;
            let refused = quarantine::Refused::new(table, rows.texts(row), rows.raw_id(row), state);
            refused.keep(&mut self.transaction, self.stamp.import).await?;
        }
        Ok(outcome.loaded)
    }

    /// Calls a function whose arguments are the import and arrays of ids.
    pub(super) async fn call(&mut self, sql: Option<&str>, what: &str, arrays: &[&[i32]]) -> Result<()> {
        let Some(sql) = sql else { return Ok(()) };
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(self.stamp.import);
        for array in arrays {
            query = query.bind(*array);
        }
        query
            .execute(&mut *self.transaction)
            .await
            .map_err(|e| Error::sql(what, &e))?;
        Ok(())
    }
}
