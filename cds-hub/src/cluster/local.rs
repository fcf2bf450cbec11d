use std::fmt;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::directory::{Directory, failed};
use super::{Account, ClusterOptions, Programs, Service, Stop, StopSignal, Supervisor, creation, remains};
use crate::{Error, ErrorKind, Result};

/// Name of the superuser, as hubs have always had it.
const ADMIN: &str = "cds_hub_db_admin";
/// Name of the database.
const DATABASE: &str = "cds_hub_db";
/// How long a server may take to start; recovery after a crash counts.
const START: Duration = Duration::from_secs(300);
/// How often another free port is tried where somebody else was quicker.
const PORT_ATTEMPTS: usize = 5;
/// Fast shutdown, then as after a power failure.
pub(super) const SHUTDOWN: [Stop; 2] = [
    Stop {
        signal: StopSignal::Interrupt,
        patience_ms: 30_000,
    },
    Stop {
        signal: StopSignal::Quit,
        patience_ms: 10_000,
    },
];

/// A PostgreSQL server of one's own, stopped when dropped; its data stay for the next time.
pub struct Cluster {
    // Dropped in this order: the server ends before the directory is unlocked.
    supervisor: Supervisor,
    directory: Directory,
    programs: Programs,
    options: ClusterOptions,
    password: String,
    server: Option<u32>,
    port: u16,
}

impl Cluster {
    /// Starts the server that lives in `dir`, after creating it where there is none yet. Blocks for about two
    /// seconds the first time, half a second later.
    ///
    /// As root the server runs under the account `postgres`, else `nobody`; where that account cannot reach
    /// `dir`, the data go below the temporary directory and [`Self::notice`] says so.
    ///
    /// # Errors
    /// [`ErrorKind::NoPostgres`] where no programs are found; [`ErrorKind::Cluster`] when another process uses the
    /// directory, or the server does not start (the message names its log).
    pub fn open(dir: &Path, options: &ClusterOptions) -> Result<Self> {
        let directory = Directory::open(dir, Account::for_server()?)?;
        let made_by = creation::made_by(&directory.data())?;
        let programs = made_by.map_or_else(Programs::find, Programs::find_major)?;
        let password = directory.password()?;
        let mut supervisor = match &options.supervisor {
            Some(program) => Supervisor::start(program)?,
            None => Supervisor::here(),
        };
        if made_by.is_none() {
            creation::create(
                &directory,
                &programs,
                &mut supervisor,
                &password,
                options.volatile,
            )?;
        }
        remains::clear(&directory.data())?;
        let mut this = Self {
            supervisor,
            directory,
            programs,
            options: options.clone(),
            password,
            server: None,
            port: 0,
        };
        this.start()?;
        Ok(this)
    }

    /// Starts the server again after [`Self::crash`] or [`Self::halt`], on the same port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        let fixed = self.options.port.or((self.port != 0).then_some(self.port));
        let attempts = if fixed.is_some() { 1 } else { PORT_ATTEMPTS };
        let mut last = Error::new(ErrorKind::Cluster, "no port tried");
        for _ in 0..attempts {
            let port = fixed.map_or_else(free_port, Ok)?;
            match self.start_on(port) {
                Ok(id) => {
                    (self.server, self.port) = (Some(id), port);
                    let line = format!("127.0.0.1:{port}:*:{ADMIN}:{}\n", self.password);
                    return self.directory.write(&self.directory.pgpass(), &line, false);
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn start_on(&mut self, port: u16) -> Result<u32> {
        let service = Service {
            program: self.programs.path("postgres"),
            args: self.arguments(port),
            account: self.directory.account,
            log: Some(self.directory.log()),
            input: None,
            stop: SHUTDOWN.to_vec(),
        };
        let id = self.supervisor.spawn(&service)?;
        let until = Instant::now() + START;
        while !remains::ready(&self.directory.data(), id) {
            if self.supervisor.poll(id)?.is_some() {
                return Err(self.not_started("ended at once"));
            }
            if Instant::now() > until {
                self.supervisor.stop(id, None)?;
                return Err(self.not_started("was not ready in time"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(id)
    }

    fn not_started(&self, what: &str) -> Error {
        let place = format!("the server {what}; its log is {}", self.directory.log().display());
        Error::new(ErrorKind::Cluster, place)
    }

    fn arguments(&self, port: u16) -> Vec<String> {
        let mut settings = vec![
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            (
                "unix_socket_directories",
                self.directory.sockets.display().to_string(),
            ),
            ("password_encryption", "scram-sha-256".to_owned()),
            ("timezone", "Europe/Berlin".to_owned()),
            ("max_wal_size", "4GB".to_owned()),
            ("shared_buffers", "256MB".to_owned()),
            // `init` and `migrate` hold some 3,000 locks each until they commit, and several hubs may live here.
            ("max_locks_per_transaction", "512".to_owned()),
            // Compiling a statement over hundreds of columns takes longer than running it.
            ("jit", "off".to_owned()),
            // Rows must not reach the log: no detail, no context, no statement, no parameter.
            ("log_error_verbosity", "terse".to_owned()),
            ("log_min_error_statement", "panic".to_owned()),
            ("log_parameter_max_length", "0".to_owned()),
            ("log_parameter_max_length_on_error", "0".to_owned()),
            ("log_checkpoints", "off".to_owned()),
        ];
        if self.options.volatile {
            settings.extend(["fsync", "full_page_writes"].map(|s| (s, "off".to_owned())));
        }
        let further = self.options.settings.iter().map(|(n, v)| (n.as_str(), v.clone()));
        let mut arguments = vec!["-D".to_owned(), self.directory.data().display().to_string()];
        for (name, value) in settings.into_iter().chain(further) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        arguments
    }

    /// Ends the server as a power failure would: connections break, nothing is flushed, recovery follows.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn crash(&mut self) -> Result<()> {
        self.end(&[Stop {
            signal: StopSignal::Quit,
            patience_ms: 10_000,
        }])
    }

    /// Stops the server in good order; [`Self::start`] starts it again. Dropping does the same.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn halt(&mut self) -> Result<()> {
        self.end(&SHUTDOWN)
    }

    fn end(&mut self, signals: &[Stop]) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |id| self.supervisor.stop(id, Some(signals)))
    }

    /// Starts one more service that ends with this cluster, or with the owner where it is supervised.
    ///
    /// # Errors
    /// When its program cannot be started.
    pub fn spawn(&mut self, service: &Service) -> Result<u32> {
        self.supervisor.spawn(service)
    }

    /// URL of the hub's database for the superuser. Holds the password: not for logs.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// URL of the hub's database for a role that logs in with a password of its own; holds none.
    #[must_use]
    pub fn url_for(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// URL of another database for the superuser. Holds the password: not for logs.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://{ADMIN}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The command that opens the hub in psql; names a file with the password instead of holding it.
    #[must_use]
    pub fn psql(&self) -> String {
        let pgpass = self.directory.pgpass();
        format!(
            "PGPASSFILE='{}' psql -h 127.0.0.1 -p {} -U {ADMIN} {DATABASE}",
            pgpass.display(),
            self.port
        )
    }

    /// Port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the data, the log and the password file really are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory.root
    }

    /// Directory of the Unix socket.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        &self.directory.sockets
    }

    /// File with the superuser's password, readable by the caller only.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.directory.password_file()
    }

    /// The server's programs.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Why the data are not in the directory asked for, where they are not.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.directory.notice.as_deref()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("directory", &self.directory.root)
            .field("port", &self.port)
            .finish()
    }
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|l| l.local_addr())
        .map(|a| a.port())
        .map_err(|e| failed(Path::new("127.0.0.1"), e))
}

/// The database the cluster is created with.
pub(super) const fn names() -> (&'static str, &'static str) {
    (ADMIN, DATABASE)
}
