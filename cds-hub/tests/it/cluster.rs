//! The private cluster itself.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cds_hub::cluster::{Cluster, ClusterOptions, Service, Supervisor};
use cds_hub::{Hub, HubTables};
use sqlx::{Connection, PgConnection, Row};

use crate::server::{options, program};

#[tokio::test]
async fn data_stay_from_run_to_run_and_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::open(dir.path(), &options()).unwrap();
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 42 AS answer")
        .execute(&mut connection)
        .await
        .unwrap();
    cluster.crash().unwrap();
    assert!(
        sqlx::query("SELECT 1").execute(&mut connection).await.is_err(),
        "the connection broke"
    );
    cluster.start().unwrap();
    drop(cluster);
    let cluster = Cluster::open(dir.path(), &options()).unwrap();
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    let row = sqlx::query("SELECT answer FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(row.get::<i32, _>(0), 42);
}

#[tokio::test]
async fn nobody_enters_without_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::open(dir.path(), &options()).unwrap();
    let password = std::fs::read_to_string(cluster.password_file()).unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&cluster.password_file().metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let wrong = cluster.url().replace(password.trim(), "wrong");
    assert!(PgConnection::connect(&wrong).await.is_err());
    assert!(!format!("{cluster:?}").contains(password.trim()));
}

#[test]
fn second_owner_of_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Cluster::open(dir.path(), &options()).unwrap();
    let error = Cluster::open(dir.path(), &options()).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
}

#[test]
fn server_without_supervisor_stops_when_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let options = ClusterOptions {
        supervisor: None,
        ..options()
    };
    let cluster = Cluster::open(dir.path(), &options).unwrap();
    let server = server_of(cluster.directory());
    assert!(runs(server));
    drop(cluster);
    assert!(!runs(server));
}

/// An installation needs more locks than such a server has; the administrator is told which setting to raise.
#[tokio::test]
async fn a_server_with_too_few_locks_is_told_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let few = [("max_locks_per_transaction", "10"), ("max_connections", "20")];
    let options = ClusterOptions {
        settings: few
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..options()
    };
    let cluster = Cluster::open(dir.path(), &options).unwrap();
    let hub = Hub::connect(&cluster.url()).await.unwrap();
    let error = hub.init(&HubTables::standard()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("53200"), "{error:?}");
    let said = std::error::Error::source(&error).unwrap().to_string();
    assert!(said.contains("raise max_locks_per_transaction"), "{said}");
}

#[test]
fn killed_owner_leaves_no_server_and_the_next_run_works() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = Command::new(program())
        .args(["cluster", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("psql"), "{line}");
    let server = server_of(&dir.path().canonicalize().unwrap());
    assert!(runs(server));
    owner.kill().unwrap();
    owner.wait().unwrap();
    // At once: the next owner waits for the end of the old server.
    let cluster = Cluster::open(dir.path(), &options()).unwrap();
    assert!(!runs(server));
    drop(cluster);
}

#[test]
fn owner_killed_while_it_creates_leaves_nothing_running() {
    for pause in [20, 150, 600] {
        let dir = tempfile::tempdir().unwrap();
        let mut owner = Command::new(program())
            .args(["cluster", "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        owner.kill().unwrap();
        owner.wait().unwrap();
        let mark = dir.path().canonicalize().unwrap();
        wait_until(|| !anything_names(&mark), "programs that name the directory end");
        drop(Cluster::open(dir.path(), &options()).unwrap());
    }
}

#[test]
fn supervisor_keeps_any_service_and_stops_the_youngest_first() {
    let mut supervisor = Supervisor::start(&program()).unwrap();
    let first = supervisor.spawn(&Service::new("/bin/sleep", ["600"])).unwrap();
    let second = supervisor.spawn(&Service::new("/bin/sleep", ["601"])).unwrap();
    assert!(runs(first) && runs(second));
    supervisor.stop(first, None).unwrap();
    assert!(!runs(first) && runs(second));
    assert_eq!(
        supervisor
            .run(&Service::new("/bin/sh", ["-c", "exit 3"]))
            .unwrap(),
        3
    );
    assert!(supervisor.spawn(&Service::new("/nowhere", [""; 0])).is_err());
    drop(supervisor);
    assert!(!runs(second));
}

/// Process id of the server on this cluster directory.
fn server_of(root: &Path) -> u32 {
    let note = std::fs::read_to_string(root.join("data/postmaster.pid")).unwrap();
    note.lines().next().unwrap().trim().parse().unwrap()
}

fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

fn anything_names(dir: &Path) -> bool {
    let dir = dir.display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|p| {
        let line = std::fs::read(p.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&dir)
    })
}

fn wait_until(done: impl Fn() -> bool, what: &str) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
