//! A hub and a run's directory made by release 0.1.0 (`tests/release-0.1.0`) go on with this release.
//!
//! Both were made by that release's `demo --patients 6 --seed 7` and `pg_dump`; nothing in them was written by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use cds2db::Summary;

/// Roles are no part of a database's dump.
const ROLES: &str = "
    CREATE ROLE cds2db_user LOGIN CONNECTION LIMIT 20;
    CREATE ROLE db2dataprocessor_user LOGIN CONNECTION LIMIT 20;
    CREATE ROLE db2frontend_user LOGIN CONNECTION LIMIT 20;
    CREATE ROLE db_log_user LOGIN CONNECTION LIMIT 20;
    CREATE ROLE db_user LOGIN CONNECTION LIMIT 20;
";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release-0.1.0")
}

fn demo(directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(["demo", "--patients", "6", "--seed", "7", "--dir"])
        .arg(directory)
        .env_remove("DATABASE_URL")
        .output()
        .expect("the program starts")
}

fn cluster(directory: &Path) -> Cluster {
    let options = ClusterOptions {
        supervisor: Some(env!("CARGO_BIN_EXE_cds2db").into()),
        ..ClusterOptions::default()
    };
    Cluster::open(&directory.join("postgres"), &options).expect("a database")
}

/// Fills the cluster with the hub that release 0.1.0 left.
fn restore(cluster: &Cluster) {
    let psql = cluster.programs().path("psql");
    let script = kept().join("hub.sql.gz");
    let mut unpacked = Command::new("gzip")
        .arg("-dc")
        .arg(&script)
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip starts");
    let call = |words: &[&str], input: Stdio| {
        let done = Command::new(&psql)
            .arg(cluster.url())
            .args(["-q", "-v", "ON_ERROR_STOP=1"])
            .args(words)
            .stdin(input)
            .output()
            .expect("psql starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    call(&["-c", ROLES], Stdio::null());
    call(&["-f", "-"], unpacked.stdout.take().expect("the script").into());
    assert!(unpacked.wait().expect("gzip ends").success());
}

/// One line a row that the hub has, of every table of the shipped description.
async fn rows(hub: &Hub) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for table in table_description::default_description().tables {
        for name in [format!("{}_raw", table.name), table.name.clone()] {
            let sql = format!("SELECT '{name} ' || hash_index_col FROM db_log.{name}");
            let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_all(hub.pool())
                .await
                .expect("rows");
            lines.extend(found);
        }
    }
    lines
}

#[test]
fn a_hub_and_a_run_of_release_0_1_0_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path();
    let done = Command::new("tar")
        .arg("-xzf")
        .arg(kept().join("run.tar.gz"))
        .arg("-C")
        .arg(directory)
        .status()
        .expect("tar starts");
    assert!(done.success());
    restore(&cluster(directory));

    // Without the migration nothing is begun, and what to type is said.
    let refused = demo(directory);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && text.contains("cds-hub migrate"),
        "{text}"
    );

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let before = {
        let cluster = cluster(directory);
        runtime.block_on(async {
            let hub = Hub::connect(&cluster.url()).await.expect("connects");
            let tables = HubTables::standard();
            hub.migrate(&tables, true).await.expect("migrates");
            let findings = hub.check(&tables, 0).await.expect("is looked at");
            assert!(findings.is_empty(), "{findings:?}");
            rows(&hub).await
        })
    };
    assert!(before.len() > 300, "{}", before.len());

    let run = demo(directory);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let summary: Summary =
        serde_json::from_slice(&std::fs::read(directory.join("summary.json")).expect("a summary"))
            .expect("a summary");
    assert!(summary.complete, "{:?}", summary.incomplete);
    let (new, downloaded) = summary.tables.values().fold((0, 0), |(new, all), table| {
        (new + table.raw_new, all + table.downloaded)
    });
    // What today's hospital writes as that release's did is known again.
    assert!(downloaded > 200 && new * 10 < downloaded, "{new} of {downloaded}");

    let cluster = cluster(directory);
    let after = runtime.block_on(async {
        let hub = Hub::connect(&cluster.url()).await.expect("connects");
        rows(&hub).await
    });
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(lost.is_empty(), "{lost:?}");

    let status = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(["work", "status", "--dir"])
        .arg(directory.join("runs/2026-11-28_21-34-58"))
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success() && text.contains("observation"), "{text}");
}
