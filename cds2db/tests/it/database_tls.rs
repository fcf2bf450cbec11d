//! A database that lets nobody in without TLS: the keys of both programs reach it, and only with the right authority.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use cds_hub::Hub;
use cds_hub::cluster::{Account, Cluster, ClusterOptions};
use cds_hub::reach::{Patience, open};
use cds2db::config::{Config, Database, Overrides};
use dataprocessor::config::{DATABASE_FILE, TEMPLATE};

use crate::keys::certificates;

/// Copies certificate and key to where the server's account can read them, and takes TLS only from now on.
async fn demand_tls(cluster: &Cluster, folder: &Path) {
    let hub = Hub::connect(&cluster.url()).await.expect("connects");
    let ask = async |sql: &str| {
        let rows = crate::select::select(&hub, sql).await;
        rows.into_iter().flatten().flatten().next().expect("a value")
    };
    let data = ask("SELECT current_setting('data_directory')").await;
    let hba = ask("SELECT current_setting('hba_file')").await;
    for file in ["server.crt", "server.key"] {
        let target = Path::new(&data).join(file);
        std::fs::copy(folder.join(file), &target).expect("copied");
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        if let Some(account) = Account::for_server().expect("an account") {
            chown(&target, Some(account.uid), Some(account.gid)).expect("given");
        }
    }
    let rules = std::fs::read_to_string(&hba).expect("reads");
    let lines = rules.lines().map(|line| match line.strip_prefix("host ") {
        Some(rest) => format!("hostssl {rest}\n"),
        None => format!("{line}\n"),
    });
    std::fs::write(&hba, lines.collect::<String>()).expect("writes");
    for sql in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(sql).execute(hub.pool()).await.expect(sql);
    }
    hub.close().await;
}

/// The way to the hub as each program reads it from the same file.
fn databases(folder: &Path, url: &str, tls: &str) -> [Database; 2] {
    let rest = url.strip_prefix("postgres://").expect("a URL");
    let (login, rest) = rest.split_once('@').expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let (address, name) = rest.split_once('/').expect("a database");
    let (_, port) = address.split_once(':').expect("a port");
    let text = format!(
        "DB_HOST = \"localhost\"\nDB_PORT = {port}\nDB_NAME = \"{name}\"\n\
         DB_CDS2DB_USER = \"{user}\"\nDB_CDS2DB_PASSWORD = \"{password}\"\n\
         DB_DATAPROCESSOR_USER = \"{user}\"\nDB_DATAPROCESSOR_PASSWORD = \"{password}\"\n{tls}\n"
    );
    std::fs::write(folder.join(DATABASE_FILE), text).expect("writes");
    let config = "FHIR_SERVER_ENDPOINT = \"http://h/fhir\"\nPATH_TO_DB_CONFIG_TOML = \"cds_hub_db_config.toml\"\n\
                  ENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = 'W'\"]\n";
    std::fs::write(folder.join("cds2db.toml"), config).expect("writes");
    std::fs::write(folder.join("dataprocessor.toml"), TEMPLATE).expect("writes");
    let ours = Config::read(&folder.join("cds2db.toml"), &Overrides::default()).expect("reads");
    let theirs = dataprocessor::Config::read(&folder.join("dataprocessor.toml")).expect("reads");
    [ours.settings.database, theirs.database.expect("a database")]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_programs_reach_a_database_that_demands_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    if !(certificates(folder.path()) && certificates(other.path())) {
        x_skipped::skip!("no openssl to make certificates with, TLS to the database was not tried");
        return;
    }
    let options = ClusterOptions {
        supervisor: Some(env!("CARGO_BIN_EXE_cds2db").into()),
        volatile: true,
        ..ClusterOptions::default()
    };
    let cluster = Cluster::open(&folder.path().join("cluster"), &options).expect("a database");
    demand_tls(&cluster, folder.path()).await;
    let foreign = format!("DB_SSL_CA_FILE = \"{}\"", other.path().join("ca.pem").display());
    let plain = "DB_SSL_MODE = \"disable\"";
    for (tls, is_let_in) in [
        ("DB_SSL_CA_FILE = \"ca.pem\"", true),
        ("DB_SSL_MODE = \"require\"", true),
        (&*foreign, false),
        (plain, false),
    ] {
        for database in databases(folder.path(), &cluster.url(), tls) {
            // The server takes a moment to read its new settings.
            let patience = Patience {
                wait: Duration::from_secs(if is_let_in { 10 } else { 0 }),
                told: &|_| {},
            };
            match open(&database, patience).await {
                Ok(hub) => {
                    assert!(is_let_in, "{tls}");
                    let used = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                    let used = crate::select::select(&hub, used).await;
                    assert_eq!(used, [[Some("true".to_owned())]], "{tls}");
                    hub.close().await;
                }
                Err(error) => assert!(!is_let_in, "{tls}: {error}"),
            }
        }
    }
}
