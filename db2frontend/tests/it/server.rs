//! The server all tests of this binary share, and a hub of its own for each.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// How many test binaries may run at the same time.
const SLOTS: u32 = 16;
const TEMPLATE: &str = "template_hub";

/// Dropped, and so stopped, with the last test that uses it.
static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static NEXT: AtomicU32 = AtomicU32::new(0);

struct Server {
    cluster: Cluster,
    template: OnceCell<()>,
}

fn server() -> Arc<Server> {
    let mut shared = SERVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    // The directory is kept from run to run, which saves its creation; one a concurrent test run.
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("db2frontend-it");
    let cluster = (0..SLOTS)
        .find_map(|slot| open(&base.join(slot.to_string())))
        .expect("a free slot for a test server");
    let server = Arc::new(Server {
        cluster,
        template: OnceCell::new(),
    });
    *shared = Arc::downgrade(&server);
    server
}

fn open(dir: &Path) -> Option<Cluster> {
    let options = ClusterOptions {
        volatile: true,
        ..ClusterOptions::default()
    };
    match Cluster::open(dir, &options) {
        Ok(cluster) => Some(cluster),
        Err(e) if e.to_string().contains("in use") => None,
        // A machine that went down amid a test leaves a volatile server broken.
        Err(_) => {
            let _ = std::fs::remove_dir_all(dir.join("data"));
            Some(Cluster::open(dir, &options).expect("a new test server"))
        }
    }
}

/// A hub of the standard tables, empty, that no other test sees.
pub(crate) struct TestHub {
    pub(crate) hub: Hub,
    pub(crate) url: String,
    _server: Arc<Server>,
}

impl TestHub {
    pub(crate) async fn new() -> Self {
        let server = server();
        server
            .template
            .get_or_init(|| make_template(&server.cluster))
            .await;
        let name = format!(
            "t_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::connect(&server.cluster.url_of("postgres"))
            .await
            .unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .unwrap();
        let url = server.cluster.url_of(&name);
        Self {
            hub: Hub::connect(&url).await.unwrap(),
            url,
            _server: server,
        }
    }
}

async fn make_template(cluster: &Cluster) {
    let mut admin = PgConnection::connect(&cluster.url_of("postgres")).await.unwrap();
    let old: Vec<(String,)> =
        sqlx::query_as("SELECT datname::text FROM pg_database WHERE datname LIKE 't\\_%' OR datname = $1")
            .bind(TEMPLATE)
            .fetch_all(&mut admin)
            .await
            .unwrap();
    for (name,) in old {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut admin)
            .await
            .unwrap();
    }
    sqlx::raw_sql(AssertSqlSafe(format!(
        "CREATE DATABASE {TEMPLATE} TEMPLATE template0"
    )))
    .execute(&mut admin)
    .await
    .unwrap();
    let hub = Hub::connect(&cluster.url_of(TEMPLATE)).await.unwrap();
    hub.init(&HubTables::standard()).await.unwrap();
    crate::serve::make_roles(&hub).await;
    hub.close().await;
}
