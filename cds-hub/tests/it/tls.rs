//! TLS to the server, with certificates made by `openssl`.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cds_hub::cluster::{Account, Cluster};
use cds_hub::{ErrorKind, Hub, HubOptions};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::server;

/// An authority, a server's certificate signed by it, and another authority: `ca.pem`, `server.crt`, `server.key`,
/// `other.pem`. `false` where there is no openssl.
fn certificates(dir: &Path) -> bool {
    std::fs::write(
        dir.join("server.ext"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    [
        "req -new -x509 -days 2 -nodes -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -new -x509 -days 2 -nodes -subj /CN=other -keyout other.key -out other.pem",
        "req -new -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt",
    ]
    .iter()
    .all(|arguments| {
        Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(dir)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

#[tokio::test]
async fn tls_is_used_and_the_authority_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    if !certificates(dir) {
        x_skipped::skip!("no openssl to make certificates with");
        return;
    }
    let cluster = Cluster::open(&dir.join("cluster"), &server::options()).unwrap();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    let data: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    for file in ["server.crt", "server.key"] {
        let target = Path::new(&data).join(file);
        std::fs::copy(dir.join(file), &target).unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some(account) = Account::for_server().unwrap() {
            chown(&target, Some(account.uid), Some(account.gid)).unwrap();
        }
    }
    admin.execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    admin.execute("SELECT pg_reload_conf()").await.unwrap();
    for _ in 0..100 {
        let mut new = PgConnection::connect(&cluster.url()).await.unwrap();
        let on: String = sqlx::query_scalar("SHOW ssl").fetch_one(&mut new).await.unwrap();
        if on == "on" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut options = HubOptions::new(cluster.url());
    options.patience = Duration::from_secs(10);
    options.ca_file = Some(dir.join("ca.pem"));
    let hub = Hub::open(&options).await.unwrap();
    let used: bool = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(hub.pool())
        .await
        .unwrap();
    assert!(used);
    options.ca_file = Some(dir.join("other.pem"));
    let error = Hub::open(&options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("certificate"), "{cause}");
}
