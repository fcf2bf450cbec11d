use std::fmt::Write as _;

use md5::{Digest, Md5};
use sqlx::{AssertSqlSafe, PgConnection};

use super::identifier::literal;
use super::{HubTables, Script, definitions, described, guard, script};
use crate::{Error, ErrorKind, Hub, Result};

/// Number of the advisory lock that lets one installation or migration run at a time.
pub(crate) const INSTALL_LOCK: i64 = 0x0063_6473_5f68_7562;

/// A short text that differs when the installed objects would.
pub(crate) fn fingerprint(script: &Script) -> String {
    let mut digest = Md5::new();
    for statement in script.statements() {
        digest.update(statement.as_bytes());
        digest.update(b"\0");
    }
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// What the database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// None of the hub's schemas.
    Nothing,
    /// A hub made by this program from something with this fingerprint.
    Hub(String),
    /// Tables of the original system, or something unknown under its names.
    Original,
}

pub(crate) async fn found(connection: &mut PgConnection) -> Result<Found> {
    let failed = |e| Error::sql("looking for an installed hub", &e);
    let (ours, theirs): (bool, bool) = sqlx::query_as(
        "SELECT to_regclass('core.installation') IS NOT NULL, \
         EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('cds2db_in', 'db_log'))",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if !ours {
        return Ok(if theirs { Found::Original } else { Found::Nothing });
    }
    let newest = "SELECT fingerprint FROM core.installation ORDER BY since DESC LIMIT 1";
    let (fingerprint,): (String,) = sqlx::query_as(newest)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(Found::Hub(fingerprint))
}

impl Hub {
    /// Makes the hub of these tables in an empty database, in one transaction; does nothing where it is there already, and
    /// then says `false`.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the database holds a hub of another description (`migrate` brings it up to date);
    /// [`ErrorKind::Database`] when the server refuses, for instance a role without the right to create schemas.
    pub async fn init(&self, tables: &HubTables) -> Result<bool> {
        let script = script(tables);
        let fingerprint = fingerprint(&script);
        let mut transaction = self
            .pool()
            .begin()
            .await
            .map_err(|e| Error::sql("beginning the installation", &e))?;
        lock(&mut transaction).await?;
        match found(&mut transaction).await? {
            Found::Nothing => {}
            Found::Hub(installed) if installed == fingerprint => return Ok(false),
            Found::Hub(_) => {
                let place =
                    "this hub was made from another description or by another version; run `cds-hub migrate`";
                return Err(Error::new(ErrorKind::Schema, place));
            }
            Found::Original => {
                let place =
                    "the database holds tables of the original system; run `cds-hub migrate` to adopt them";
                return Err(Error::new(ErrorKind::Schema, place));
            }
        }
        run(&mut transaction, &script).await?;
        self.keep_settings(&mut transaction).await?;
        note(&mut transaction, &fingerprint, &script).await?;
        described::keep(&mut transaction, tables).await?;
        transaction
            .commit()
            .await
            .map(|()| true)
            .map_err(|e| Error::sql("committing the installation", &e))
    }
}

impl Hub {
    /// Makes the session's settings the database's, for those who come without us: the zone for foreign writers; no
    /// compilation for readers, whom it costs seconds over wide tables, and room to compare the versions of a million
    /// rows in memory. Not being the owner of the database is no obstacle: then somebody else decides.
    pub(crate) async fn keep_settings(&self, connection: &mut PgConnection) -> Result<()> {
        let mut changes = String::new();
        for (setting, value) in [("timezone", self.zone()), ("jit", "off"), ("work_mem", "64MB")] {
            let (setting, value) = (literal(setting), literal(value));
            let _ = writeln!(
                changes,
                "EXECUTE format('ALTER DATABASE %I SET %I = %L', current_database(), {setting}, {value});"
            );
        }
        let sql = format!("DO $$ BEGIN {changes} EXCEPTION WHEN insufficient_privilege THEN NULL; END $$");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(|e| Error::sql("setting the database's defaults", &e))
    }
}

pub(crate) async fn lock(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(INSTALL_LOCK)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(|e| Error::sql("waiting for another installation", &e))
}

/// Runs a script in one round trip; the server reports which object it stopped at.
pub(crate) async fn run(connection: &mut PgConnection, script: &Script) -> Result<()> {
    let statements = std::iter::once(guard::CHANGING).chain(script.statements());
    let text = statements.collect::<Vec<_>>().join(";\n");
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(|e| Error::sql("creating tables, views and functions", &e))
}

/// Notes what was installed: from which script, and the definitions that the database has now.
pub(crate) async fn note(connection: &mut PgConnection, fingerprint: &str, script: &Script) -> Result<()> {
    sqlx::query("INSERT INTO core.installation (fingerprint, program) VALUES ($1, $2)")
        .bind(fingerprint)
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(&mut *connection)
        .await
        .map_err(|e| Error::sql("noting the installation", &e))?;
    definitions::keep(connection, script).await
}
