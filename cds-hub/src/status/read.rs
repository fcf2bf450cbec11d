use sqlx::{AssertSqlSafe, PgConnection};

use super::{ImportLine, Quarantine, SlowLine, Status, TableLine};
use crate::{Error, Hub, Result};

/// How many lines each part of the screen has at most.
const LINES: i64 = 5;

/// The tables that modules write into.
pub(super) const INBOXES: &str = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n \
     ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT') AND n.nspname IN ('cds2db_in', 'db2dataprocessor_in', \
     'db2frontend_in') ORDER BY 1";

impl Hub {
    /// Looks at semaphore, inboxes, imports, quarantine, errors and sizes.
    ///
    /// # Errors
    /// When this is no hub or the server refuses.
    pub async fn status(&self) -> Result<Status> {
        let failed = |e| Error::sql("reading the status", &e);
        let mut transaction = self.pool().begin().await.map_err(failed)?;
        let connection: &mut PgConnection = &mut transaction;
        let mut status = Status::default();
        (status.semaphore, status.bytes) =
            sqlx::query_as("SELECT db.data_transfer_status(), pg_database_size(current_database())")
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?;
        status.inboxes = counts(connection, INBOXES).await?;
        let open = "SELECT format('core.%I', table_name || '_open') FROM core.recipe \
                    WHERE to_regclass(format('core.%I', table_name || '_open')) IS NOT NULL GROUP BY table_name";
        status.untyped = counts(connection, open).await?;
        for (name, _) in &mut status.untyped {
            *name = name
                .trim_start_matches("core.")
                .trim_end_matches("_open")
                .to_owned();
        }
        status.imports = imports(connection).await?;
        status.quarantine = Quarantine::read(connection).await?;
        status.errors = sqlx::query_as(
            "SELECT to_char(input_datetime, 'YYYY-MM-DD HH24:MI:SS'), concat_ws(' ', err_objekt, err_msg) \
             FROM db_config.db_error_log ORDER BY id DESC LIMIT 3",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        status.tables = tables(connection).await?;
        status.slow = slow(connection).await?;
        Ok(status)
    }
}

/// Rows of each table the query names; those without any are left out, the fullest come first.
pub(super) async fn counts(connection: &mut PgConnection, names: &'static str) -> Result<Vec<(String, i64)>> {
    let failed = |e| Error::sql("counting waiting rows", &e);
    let names: Vec<(String,)> = sqlx::query_as(names)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let each: Vec<String> = names
        .iter()
        .map(|(name,)| {
            format!(
                "SELECT {} AS name, count(*) AS rows FROM {name}",
                crate::schema::identifier::literal(name)
            )
        })
        .collect();
    let sql = format!(
        "SELECT * FROM ({}) c WHERE rows > 0 ORDER BY rows DESC, name",
        each.join(" UNION ALL ")
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

async fn imports(connection: &mut PgConnection) -> Result<Vec<ImportLine>> {
    type Line = (Option<i32>, String, String, String, f64, i64, i64);
    let lines: Vec<Line> = sqlx::query_as(
        "SELECT i.input_nr, i.module, i.part, to_char(i.checked, 'YYYY-MM-DD HH24:MI:SS'), \
           coalesce(extract(epoch FROM i.finished - i.started), 0)::float8, \
           coalesce(sum(r.new_count), 0)::int8, coalesce(sum(r.update_count), 0)::int8 \
         FROM (SELECT * FROM core.import ORDER BY no DESC LIMIT $1) i \
         LEFT JOIN core.import_rows r ON r.import_no = i.no GROUP BY i.no, i.input_nr, i.module, i.part, i.checked, \
           i.started, i.finished ORDER BY i.no DESC",
    )
    .bind(LINES)
    .fetch_all(connection)
    .await
    .map_err(|e| Error::sql("reading the last imports", &e))?;
    let line = |(number, module, part, checked, seconds, new, seen): Line| ImportLine {
        number,
        module,
        part,
        checked,
        seconds,
        new,
        seen,
    };
    Ok(lines.into_iter().map(line).collect())
}

async fn tables(connection: &mut PgConnection) -> Result<Vec<TableLine>> {
    let lines: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT r.table_name, greatest(c.reltuples, s.n_live_tup, 0)::int8, \
           (pg_total_relation_size(c.oid) + coalesce(pg_total_relation_size(to_regclass( \
             format('core.%I', r.table_name || '_seen'))), 0))::int8 AS bytes \
         FROM (SELECT DISTINCT table_name FROM core.recipe) r \
         JOIN pg_class c ON c.oid = to_regclass(format('core.%I', r.table_name)) \
         LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid ORDER BY bytes DESC, 1 LIMIT $1",
    )
    .bind(LINES)
    .fetch_all(connection)
    .await
    .map_err(|e| Error::sql("reading the sizes of tables", &e))?;
    Ok(lines
        .into_iter()
        .map(|(name, rows, bytes)| TableLine { name, rows, bytes })
        .collect())
}

async fn slow(connection: &mut PgConnection) -> Result<Vec<SlowLine>> {
    let lines: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT relname::text, seq_scan, seq_tup_read, n_dead_tup FROM pg_stat_user_tables \
         WHERE schemaname = 'core' AND seq_tup_read > 100000 ORDER BY seq_tup_read DESC LIMIT 3",
    )
    .fetch_all(connection)
    .await
    .map_err(|e| Error::sql("reading the statistics of tables", &e))?;
    Ok(lines
        .into_iter()
        .map(|(name, scans, rows, dead)| SlowLine {
            name,
            scans,
            rows,
            dead,
        })
        .collect())
}

impl Quarantine {
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self> {
        let counted = "SELECT count(*), count(*) FILTER (WHERE next_try <= now()) FROM core.quarantine";
        let (rows, due) = sqlx::query_as(counted)
            .fetch_one(connection)
            .await
            .map_err(|e| Error::sql("counting refused rows", &e))?;
        Ok(Self { rows, due })
    }

    /// Whether no row was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}
