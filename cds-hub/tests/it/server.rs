//! The server all tests of this binary share, and databases of their own for each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// How many test binaries may run at the same time.
const SLOTS: u32 = 16;

static CLUSTER: OnceLock<Mutex<Cluster>> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The program that calls `supervisor_main`.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cds-hub"))
}

pub(crate) fn options() -> ClusterOptions {
    ClusterOptions {
        supervisor: Some(program()),
        volatile: true,
        ..ClusterOptions::default()
    }
}

fn cluster() -> &'static Mutex<Cluster> {
    CLUSTER.get_or_init(|| {
        // Kept from run to run, which saves the creation; one a concurrent test run.
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cds-hub-it");
        let opened = (0..SLOTS).find_map(|slot| open(&base.join(slot.to_string())));
        Mutex::new(opened.expect("a free slot for a test server"))
    })
}

fn open(dir: &Path) -> Option<Cluster> {
    match Cluster::open(dir, &options()) {
        Ok(cluster) => Some(cluster),
        Err(e) if e.to_string().contains("in use") => None,
        // A machine that went down amid a test leaves a volatile server broken.
        Err(_) => {
            let _ = std::fs::remove_dir_all(dir.join("data"));
            Some(Cluster::open(dir, &options()).expect("a new test server"))
        }
    }
}

/// URL of a database of one's own, empty.
pub(crate) async fn empty_database() -> String {
    database("template0").await
}

/// URL of a database of one's own, a copy of `template`.
pub(crate) async fn database(template: &str) -> String {
    let name = format!(
        "t_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let (admin, url) = {
        let cluster = cluster().lock().unwrap();
        (cluster.url_of("postgres"), cluster.url_of(&name))
    };
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    if name.ends_with("_0") {
        drop_left_over(&mut connection).await;
    }
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    url
}

async fn drop_left_over(connection: &mut PgConnection) {
    let own = format!("t_{}_%", std::process::id());
    let old: Vec<(String,)> = sqlx::query_as(
        "SELECT datname::text FROM pg_database WHERE datname LIKE 't\\_%' AND datname NOT LIKE $1",
    )
    .bind(own)
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (name,) in old {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();

/// A hub of one's own with the standard tables.
pub(crate) async fn hub() -> Hub {
    hub_and_url().await.0
}

/// The same with its URL, for further connections.
pub(crate) async fn hub_and_url() -> (Hub, String) {
    let template = TEMPLATE
        .get_or_init(|| async {
            let url = empty_database().await;
            let hub = Hub::connect(&url).await.unwrap();
            hub.init(&HubTables::standard()).await.unwrap();
            // A database somebody is connected to cannot be copied.
            hub.close().await;
            url.rsplit('/').next().unwrap().to_owned()
        })
        .await;
    let url = database(template).await;
    (Hub::connect(&url).await.unwrap(), url)
}
