//! The further connections of an import, see [`super::several`].

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use futures_util::future::try_join_all;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection};
use table_description::TableDescription;

use super::Import;
use crate::schema::{Kind, StoredTable};
use crate::{Error, ErrorKind, Hub, Result};

/// Nothing is lost where a piece's commit does not wait for the disk: the import's own waits for all that was written
/// before. A client whose machine vanished is noticed in half a minute.
const SETTINGS: &str = "SET synchronous_commit = off;
SET plan_cache_mode = force_custom_plan;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 4";

/// Fewer rows than these are not worth a connection of their own.
const LEAST_ROWS: usize = 50;

/// Connections that copy rows in side by side.
pub(super) struct Spread {
    import: i32,
    connections: Vec<PgConnection>,
    /// Tables whose indexes were asked for.
    asked: HashSet<String>,
    /// Whether a table goes without its indexes.
    without_indexes: bool,
    /// Rows whose `meta` the import has overwritten, which the other connections do not see.
    pub(super) overwritten: HashSet<i32>,
}

impl Spread {
    async fn open(pool: &PgPool, import: i32, connections: usize) -> Result<Self> {
        let failed = |e: &sqlx::Error| Error::sql("opening the connections of an import", e);
        let options = pool.connect_options();
        let opened = (0..connections.max(1)).map(async |_| {
            let mut connection = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
            Ok(connection)
        });
        let mut connections = try_join_all(opened).await.map_err(|e| failed(&e))?;
        if let Some(first) = connections.first_mut() {
            sqlx::query("SELECT core.spread_load($1)")
                .bind(import)
                .execute(first)
                .await
                .map_err(|e| failed(&e))?;
        }
        Ok(Self {
            import,
            connections,
            asked: HashSet::new(),
            without_indexes: false,
            overwritten: HashSet::new(),
        })
    }

    /// What begins a piece.
    pub(super) fn beginning(&self) -> String {
        format!("BEGIN; SELECT core.part_begins({})", self.import)
    }

    /// The items in neighbouring stretches, each with its connection.
    pub(super) fn shares<'s, 'i, T>(
        &'s mut self,
        items: &'i [T],
    ) -> impl Iterator<Item = (&'s mut PgConnection, &'i [T])> {
        let shares = items.len().div_ceil(LEAST_ROWS).clamp(1, self.connections.len());
        let size = items.len().div_ceil(shares).max(1);
        self.connections.iter_mut().zip(items.chunks(size))
    }

    /// An empty table goes without its indexes until [`Import::index`].
    async fn set_aside(&mut self, table: &Arc<TableDescription>) -> Result<()> {
        let Some(connection) = self.connections.first_mut() else {
            return Ok(());
        };
        // The typed table with its raw one: what is told of raw rows looks into both.
        for kind in [Kind::Raw, Kind::Typed] {
            let table = StoredTable::new(kind, table);
            if !self.asked.insert(table.name.clone()) {
                continue;
            }
            let aside: bool = sqlx::query_scalar("SELECT core.set_indexes_aside($1, $2)")
                .bind(self.import)
                .bind(&table.name)
                .fetch_one(&mut *connection)
                .await
                .map_err(|e| Error::sql(format!("looking whether {} is empty", table.name), &e))?;
            self.without_indexes |= aside;
        }
        Ok(())
    }

    /// Builds the missing indexes side by side, as far as nothing of the import's own is in the way.
    async fn index(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.without_indexes) {
            return Ok(());
        }
        let failed = |e: &sqlx::Error| Error::sql("building indexes", e);
        let Some(first) = self.connections.first_mut() else {
            return Ok(());
        };
        let names: Vec<String> = sqlx::query_scalar("SELECT core.missing_indexes($1)")
            .bind(self.import)
            .fetch_one(first)
            .await
            .map_err(|e| failed(&e))?;
        let import = self.import;
        let waiting = Mutex::new(names);
        let next = || waiting.lock().ok().and_then(|mut names| names.pop());
        let built = self.connections.iter_mut().map(async |connection| {
            while let Some(name) = next() {
                sqlx::query("SELECT core.build_index($1, $2)")
                    .bind(import)
                    .bind(name)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        });
        try_join_all(built).await.map_err(|e| failed(&e))?;
        Ok(())
    }
}

impl Hub {
    /// By how many connections its server loads best: its machine's cores, 1 where it does not tell. `None` for a hub of a
    /// release that knows one connection only.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn load_connections(&self) -> Result<Option<usize>> {
        let failed = |e: &sqlx::Error| Error::sql("asking for the server's cores", e);
        let can: bool = sqlx::query_scalar("SELECT to_regprocedure('core.spread_load(int)') IS NOT NULL")
            .fetch_one(self.pool())
            .await
            .map_err(|e| failed(&e))?;
        if !can {
            return Ok(None);
        }
        let cores: Option<i32> = sqlx::query_scalar("SELECT core.cores()")
            .fetch_one(self.pool())
            .await
            .map_err(|e| failed(&e))?;
        let cores = cores.and_then(|cores| usize::try_from(cores).ok());
        Ok(Some(cores.unwrap_or(1).max(1)))
    }
}

impl Import<'_> {
    /// Has so many further connections copy rows in from now on: for many rows. Nothing of it is seen before the commit,
    /// and the next import takes away what is left of one that never came to it.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when rows were stored before; when the server refuses a connection.
    pub async fn spread(&mut self, connections: usize) -> Result<()> {
        if !self.tables.is_empty() || self.spread.is_some() {
            return Err(Error::new(
                ErrorKind::Options,
                "an import is spread over connections before it stores rows",
            ));
        }
        let import = self.number();
        self.spread = Some(Spread::open(&self.pool, import, connections).await?);
        Ok(())
    }

    /// Builds the indexes that empty tables went without; [`Import::commit`] does it too. For who reads the tables before.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn index(&mut self) -> Result<()> {
        let Some(spread) = &mut self.spread else {
            return Ok(());
        };
        self.lock.check()?;
        spread.index().await
    }

    /// Has a table, raw and typed, go without the indexes that keep no promise until [`Import::index`], if it is empty and the
    /// import is spread. To be called before its rows are stored, where there are many: making the indexes anew costs more
    /// than some thousand entries.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn set_aside(&mut self, table: &Arc<TableDescription>) -> Result<()> {
        match &mut self.spread {
            Some(spread) => spread.set_aside(table).await,
            None => Ok(()),
        }
    }
}

/// What surrounds the copying of a piece: it ends, or leaves no trace.
pub(super) struct Piece {
    pub(super) begin: String,
    pub(super) end: &'static str,
    pub(super) undo: &'static str,
}

impl Piece {
    /// Within the import's transaction.
    pub(super) fn own() -> Self {
        Self {
            begin: "SAVEPOINT piece".to_owned(),
            end: "RELEASE SAVEPOINT piece",
            undo: "ROLLBACK TO SAVEPOINT piece",
        }
    }

    /// On a connection of [`Spread`].
    pub(super) fn of(spread: &Spread) -> Self {
        Self {
            begin: spread.beginning(),
            end: "COMMIT",
            undo: "ROLLBACK",
        }
    }

    pub(super) async fn run(sql: &str, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(connection)
            .await
            .map(|_| ())
    }
}
