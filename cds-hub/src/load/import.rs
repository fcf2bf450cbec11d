use std::sync::Arc;

use fhir_crack::Batch;
use fhir_melt::TypedBatch;
use futures_util::future::join;
use sqlx::postgres::{PgConnection, PgPool, Postgres};
use sqlx::{AssertSqlSafe, Row, Transaction};
use table_description::{Defect, TableDescription};

use super::encoded::{Encoded, SLICE_BYTES, SLICE_ROWS, have_raw_rows, of_one_table};
use super::loading::Loading;
use super::raw_rows::RawWalk;
use super::rows::Rows;
use super::spread::Spread;
use super::statements::Statements;
use super::store::{Outcome, Stamp, Storing};
use super::{ImportSummary, Loaded, Run};
use crate::schema::{Kind, StoredTable};
use crate::semaphore::{Importing, Lock};
use crate::{Error, ErrorKind, Hub, Result, quarantine};

/// Rows of the first slice; each further one has twice as many.
const FIRST_ROWS: usize = 1_250;

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

    /// Stores raw rows. The batches must be of the same table; an import may store several tables, each in several
    /// calls.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the batches are of different tables; when the lock was lost; when the server refuses
    /// for a reason that is not in a row. A row it refuses goes to the quarantine and is counted.
    pub async fn raw(&mut self, batches: &[Batch]) -> Result<Loaded> {
        let Some(description) = of_one_table(batches)? else {
            return Ok(Loaded::default());
        };
        let table = self.loading(Kind::Raw, description);
        let statements = Arc::clone(&self.tables[table].statements);
        let mut walk = RawWalk::new(batches);
        let mut total = Loaded::default();
        // The first slices are small, so that the server has work soon.
        let mut size = FIRST_ROWS;
        let mut rows = Rows::of_raw(&statements.table, &mut walk, size, SLICE_BYTES);
        while rows.len() > 0 {
            self.lock.check()?;
            // While the server works on these rows, the next ones are encoded.
            size = SLICE_ROWS.min(size * 2);
            let next = Rows::of_raw_with_pauses(&statements.table, &mut walk, size, SLICE_BYTES);
            let (loaded, following) = join(self.raw_slice(table, &statements, &rows), next).await;
            total += loaded?;
            rows = following;
        }
        Ok(total)
    }

    async fn raw_slice(&mut self, table: usize, statements: &Statements, rows: &Rows) -> Result<Loaded> {
        let outcome = self.keep(table, rows).await?;
        if !outcome.new.is_empty() {
            self.call(
                statements.open.as_deref(),
                "queueing rows to be typed",
                &[&outcome.new],
            )
            .await?;
        }
        self.note(table, rows, outcome).await
    }

    /// Stores typed rows; `raw_ids` are the ids of the raw rows they were melted from, by [`TypedBatch::source_row`].
    ///
    /// All of these raw rows count as typed from now on, those without typed rows too.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a typed row has no raw row; otherwise as [`Import::raw`].
    pub async fn typed(&mut self, batch: &TypedBatch, raw_ids: &[i32]) -> Result<Loaded> {
        let table = self.loading(Kind::Typed, batch.table());
        let statements = Arc::clone(&self.tables[table].statements);
        have_raw_rows(batch, raw_ids)?;
        self.tell_raw(batch.table()).await?;
        let mut total = Loaded::default();
        let mut from = 0;
        while from < batch.rows() {
            self.lock.check()?;
            let to = batch.rows().min(from + SLICE_ROWS);
            let rows = Rows::of_typed(&statements.table, batch, from..to, |row| {
                raw_ids.get(batch.source_row(row)).copied()
            });
            from = to;
            let outcome = self.keep(table, &rows).await?;
            total += self.after_typed(table, &statements, &rows, outcome).await?;
        }
        self.typed_ended(&statements, raw_ids).await?;
        Ok(total)
    }

    /// Stores rows that were encoded before.
    ///
    /// # Errors
    /// As [`Import::raw`] and [`Import::typed`].
    pub async fn store(&mut self, encoded: &Encoded) -> Result<Loaded> {
        let table = self.loading(encoded.kind, &encoded.table);
        let statements = Arc::clone(&self.tables[table].statements);
        if encoded.kind == Kind::Typed {
            self.tell_raw(&encoded.table).await?;
        }
        let mut total = Loaded::default();
        for rows in &encoded.slices {
            self.lock.check()?;
            total += if encoded.kind == Kind::Raw {
                self.raw_slice(table, &statements, rows).await?
            } else {
                let outcome = self.keep(table, rows).await?;
                self.after_typed(table, &statements, rows, outcome).await?
            };
        }
        if encoded.kind == Kind::Typed {
            self.typed_ended(&statements, &encoded.raw_ids).await?;
        }
        Ok(total)
    }

    /// Keeps defects of typing beside their raw rows: those of `batch`, whose rows have the ids `raw_ids`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn defects(&mut self, defects: &[Defect], batch: &Batch, raw_ids: &[i32]) -> Result<()> {
        super::defects::keep(&mut self.transaction, self.stamp.import, defects, batch, raw_ids).await
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
