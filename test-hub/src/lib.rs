#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot have its hub has failed"
)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// How many test programs may run at the same time.
const SLOTS: u32 = 16;
/// The hub that is copied.
const TEMPLATE: &str = "template_hub";
/// What names of the tests' databases begin with.
const PREFIX: &str = "t_";

/// The server that all tests of a program share: a `static` of theirs.
pub struct TestServer {
    folder: &'static str,
    name: &'static str,
    supervisor: Option<&'static str>,
    /// Stopped with the last database.
    running: Mutex<Weak<Running>>,
}

struct Running {
    cluster: Cluster,
    swept: OnceCell<()>,
    template: OnceCell<()>,
    prepared: OnceCell<()>,
    next: AtomicU32,
}

impl TestServer {
    /// A server below `folder`, usually `env!("CARGO_TARGET_TMPDIR")`, in a folder of this name.
    #[must_use]
    pub const fn new(folder: &'static str, name: &'static str) -> Self {
        Self {
            folder,
            name,
            supervisor: None,
            running: Mutex::new(Weak::new()),
        }
    }

    /// Also ends when the test program is killed: `program` calls `cds_hub::cluster::supervisor_main`.
    #[must_use]
    pub const fn supervised(mut self, program: &'static str) -> Self {
        self.supervisor = Some(program);
        self
    }

    /// How the server is run; also for further clusters of a test's own.
    #[must_use]
    pub fn options(&self) -> ClusterOptions {
        ClusterOptions {
            supervisor: self.supervisor.map(PathBuf::from),
            volatile: true,
            // The log of a load is worth nothing here, and several such servers share one disk.
            settings: vec![("max_wal_size".to_owned(), "512MB".to_owned())],
            ..ClusterOptions::default()
        }
    }

    /// A hub of the standard tables, empty, that no other test sees.
    ///
    /// # Panics
    /// Without PostgreSQL's programs, or when the server does not do what it is told.
    pub async fn hub(&self) -> TestHub {
        let database = self.copy().await;
        TestHub {
            hub: Hub::connect(&database.url).await.expect("connects to the copy"),
            url: database.url.clone(),
            database,
        }
    }

    /// An empty database, to be made a hub by the test.
    ///
    /// # Panics
    /// As [`Self::hub`].
    pub async fn database(&self) -> Database {
        self.running().create("template0").await
    }

    async fn copy(&self) -> Database {
        let running = self.running();
        running.template.get_or_init(|| running.make_template()).await;
        running.create(TEMPLATE).await
    }

    fn running(&self) -> Arc<Running> {
        let mut shared = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let base = Path::new(self.folder).join(self.name);
        let cluster = (0..SLOTS)
            .find_map(|slot| self.open(&base.join(slot.to_string())))
            .expect("a free slot for a test server");
        let running = Arc::new(Running {
            cluster,
            swept: OnceCell::new(),
            template: OnceCell::new(),
            prepared: OnceCell::new(),
            next: AtomicU32::new(0),
        });
        *shared = Arc::downgrade(&running);
        running
    }

    fn open(&self, folder: &Path) -> Option<Cluster> {
        match Cluster::open(folder, &self.options()) {
            Ok(cluster) => Some(cluster),
            Err(e) if e.to_string().contains("in use") => None,
            // A machine that went down amid a test leaves a volatile server broken.
            Err(_) => {
                let _ = std::fs::remove_dir_all(folder.join("data"));
                Some(Cluster::open(folder, &self.options()).expect("a new test server"))
            }
        }
    }
}

impl Running {
    /// A database of this template, once what a killed program left here is gone.
    async fn create(self: Arc<Self>, template: &str) -> Database {
        self.swept.get_or_init(|| self.sweep()).await;
        let name = format!(
            "{PREFIX}{}_{}",
            std::process::id(),
            self.next.fetch_add(1, Ordering::Relaxed)
        );
        execute(
            &mut self.admin().await,
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        Database {
            url: self.cluster.url_of(&name),
            name,
            running: self,
        }
    }

    async fn make_template(&self) {
        self.swept.get_or_init(|| self.sweep()).await;
        execute(
            &mut self.admin().await,
            &format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0"),
        )
        .await;
        let hub = Hub::connect(&self.cluster.url_of(TEMPLATE))
            .await
            .expect("connects to the template");
        hub.init(&HubTables::standard()).await.expect("makes a hub");
        // A database somebody is connected to cannot be copied.
        hub.close().await;
    }

    async fn sweep(&self) {
        let mut admin = self.admin().await;
        let old: Vec<(String,)> = sqlx::query_as(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) OR datname = $2",
        )
        .bind(PREFIX)
        .bind(TEMPLATE)
        .fetch_all(&mut admin)
        .await
        .expect("lists the databases");
        for (name,) in old {
            execute(&mut admin, &drop_database(&name)).await;
        }
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.cluster.url_of("postgres"))
            .await
            .expect("connects to the test server")
    }
}

async fn execute(admin: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(admin)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

/// A hub that no other test sees; its database is dropped with it.
pub struct TestHub {
    /// With connections of its own.
    pub hub: Hub,
    /// URL of its database for the superuser, for further connections.
    pub url: String,
    database: Database,
}

impl TestHub {
    /// Does on the hub's server what all tests find there, roles for example: once a server, of which a test program may have
    /// several behind each other (the next one is started where no test holds the last).
    pub async fn once_a_server(&self, prepare: impl AsyncFnOnce(&Hub)) {
        let prepared = &self.database.running.prepared;
        prepared.get_or_init(|| prepare(&self.hub)).await;
    }

    /// The hub and the value that drops its database, which has to outlive it.
    #[must_use]
    pub fn into_parts(self) -> (Hub, Database) {
        (self.hub, self.database)
    }

    /// The hub without the value that drops it: the database goes when the test ends (see [`Database::until_the_test_ends`]).
    #[must_use]
    pub fn until_the_test_ends(self) -> (Hub, String) {
        (self.hub, self.database.until_the_test_ends())
    }
}

/// A database that no other test sees, dropped with this value whoever is still connected.
pub struct Database {
    /// Its URL for the superuser.
    pub url: String,
    name: String,
    running: Arc<Running>,
}

thread_local! {
    /// What goes with the thread: each test has one of its own.
    static KEPT: RefCell<Vec<Database>> = const { RefCell::new(Vec::new()) };
}

impl Database {
    /// Its URL; the database goes with the calling thread, which is the test's where the test itself calls, not a task it spawned.
    #[must_use]
    pub fn until_the_test_ends(self) -> String {
        let url = self.url.clone();
        KEPT.with_borrow_mut(|kept| kept.push(self));
        url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, sql) = (self.running.cluster.url_of("postgres"), drop_database(&self.name));
        // Where it is dropped there may be a runtime already, which cannot wait for another.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async move {
                let mut admin = PgConnection::connect(&admin).await?;
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await
            })
        });
        // A test's own failure says more than this; the next run sweeps.
        drop(dropped.join());
    }
}
