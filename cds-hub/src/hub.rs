use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

use crate::semaphore::Told;
use crate::{Error, ErrorKind, Result};

/// What every connection begins with.
const SESSION: &str = "SELECT set_config('TimeZone', $1, false), set_config('jit', 'off', false)";

/// After so long without a question a connection for reading is closed: people read, and there are many of them.
const IDLE: Duration = Duration::from_secs(60);

/// How to reach a hub.
#[derive(Clone)]
pub struct HubOptions {
    /// `postgres://user@host:port/database`; a password in it works but is better kept elsewhere.
    pub url: String,
    /// The role to log in as; takes precedence over the URL and `PGUSER`.
    pub user: Option<String>,
    /// The password; takes precedence over the URL and `PGPASSWORD`.
    pub password: Option<String>,
    /// File whose first line is the password; takes precedence over the URL and `PGPASSWORD`.
    pub password_file: Option<PathBuf>,
    /// Certificate of the authority that signed the server's; with it the server's name is verified.
    pub ca_file: Option<PathBuf>,
    /// Schemas searched for unqualified names; the hub itself qualifies all of its own.
    pub search_path: Option<String>,
    /// Time zone of the session; the columns hold wall time of this zone.
    pub zone: String,
    /// Most connections open at the same time.
    pub connections: u32,
    /// How long to wait for a connection.
    pub patience: Duration,
    /// Only reads: nothing can be written, and the server gives up a statement that takes longer than this.
    pub reading: Option<Duration>,
}

impl HubOptions {
    /// Options for this URL: zone `Europe/Berlin`, at most 8 connections, 30 s patience.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
            password_file: None,
            ca_file: None,
            search_path: None,
            zone: "Europe/Berlin".into(),
            connections: 8,
            patience: Duration::from_secs(30),
            reading: None,
        }
    }

    pub(crate) fn connect_options(&self) -> Result<PgConnectOptions> {
        let mut options = PgConnectOptions::from_str(&self.url)
            .map_err(|_| Error::new(ErrorKind::Options, "database URL is not of the form postgres://…"))?
            .application_name("cds-hub")
            // A statement can hold ids of patients.
            .disable_statement_logging();
        if let Some(path) = &self.search_path {
            options = options.options([("search_path", path.as_str())]);
        }
        if let Some(longest) = self.reading {
            options = options.options([
                ("default_transaction_read_only", "on".to_owned()),
                ("statement_timeout", format!("{}ms", longest.as_millis().max(1))),
            ]);
        }
        if let Some(user) = &self.user {
            options = options.username(user);
        }
        if let Some(password) = &self.password {
            options = options.password(password);
        }
        if let Some(file) = &self.password_file {
            options = options.password(&first_line(file)?);
        }
        if let Some(file) = &self.ca_file {
            options = options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file);
        }
        Ok(options)
    }
}

/// Whether a connection answers what it is asked, and has no transaction open. One whose last statement was given up half-way,
/// since its future was dropped, may have that one's answer still to give, or a transaction that it does not know of, in which
/// the next one's rows would be lost. It is closed then.
async fn is_as_new(connection: &mut PgConnection) -> sqlx::Result<bool> {
    static ASKED: AtomicI64 = AtomicI64::new(0);
    let token = ASKED.fetch_add(1, Ordering::Relaxed);
    // As one message, so that a transaction of its own begins with it.
    let ask = AssertSqlSafe(format!("SELECT {token}::bigint, now() = statement_timestamp()"));
    let Ok(row) = sqlx::raw_sql(ask).fetch_one(connection).await else {
        return Ok(false);
    };
    Ok(
        matches!((row.try_get::<i64, _>(0), row.try_get::<bool, _>(1)), (Ok(echoed), Ok(true)) if echoed == token),
    )
}

/// What every pool of a hub's connections does with them.
fn pool_options(zone: &Arc<str>) -> PgPoolOptions {
    let zone = Arc::clone(zone);
    PgPoolOptions::new()
        // The zone is not among the connection's options: the client library asks for UTC there. Compiling a statement over
        // hundreds of columns takes longer than running it.
        .after_connect(move |connection, _| {
            let set = sqlx::query(SESSION).bind(zone.to_string());
            Box::pin(async move { set.execute(connection).await.map(|_| ()) })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_as_new(connection)))
}

fn first_line(file: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        Error::new(ErrorKind::File, format!("password file {}", file.display())).with_source(e)
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

impl std::fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("HubOptions")
            .field("zone", &self.zone)
            .field("connections", &self.connections)
            .finish()
    }
}

/// A hub: a pool of connections to one database.
#[derive(Clone, Debug)]
pub struct Hub {
    pool: PgPool,
    zone: Arc<str>,
    told: Told,
}

impl Hub {
    /// Connects with the defaults of [`HubOptions::new`].
    ///
    /// # Errors
    /// When the URL is not one, or the server cannot be reached or refuses.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::open(&HubOptions::new(url)).await
    }

    /// Connects with these options.
    ///
    /// # Errors
    /// When an option is unusable, or the server cannot be reached or refuses.
    pub async fn open(options: &HubOptions) -> Result<Self> {
        let zone: Arc<str> = options.zone.as_str().into();
        let mut pool = pool_options(&zone);
        if options.reading.is_some() {
            pool = pool.idle_timeout(IDLE);
        }
        let pool = pool
            .max_connections(options.connections)
            .acquire_timeout(options.patience)
            .connect_with(options.connect_options()?)
            .await
            .map_err(|e| Error::sql("opening the first connection", &e))?;
        Ok(Self {
            pool,
            zone,
            told: Told::default(),
        })
    }

    /// One connection more, opened when it is needed, which does not depend on others giving theirs back.
    pub(crate) fn pool_of_one(&self, patience: Duration) -> PgPool {
        pool_options(&self.zone)
            .max_connections(1)
            .acquire_timeout(patience)
            .connect_lazy_with(self.pool.connect_options().as_ref().clone())
    }

    /// The time zone whose wall time the columns hold.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The connections, for statements of one's own.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    pub(crate) fn told_mut(&mut self) -> &mut Told {
        &mut self.told
    }

    /// Closes all connections and waits until they are gone.
    pub async fn close(self) {
        self.pool.close().await;
    }
}
