//! Holders of the lock that die, are killed or are broken, and who comes behind them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cds_hub::semaphore::LockOptions;
use cds_hub::{ErrorKind, Hub};

use crate::semaphore::STATE;
use crate::server;
use crate::sql::{one, rows, run};

/// A holder that gives no sign of life loses the lock when its lease ends, and notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_loses_the_lock_with_its_lease() {
    let (hub, url) = server::hub_and_url().await;
    // As a killed process: its runtime ends, with it all tasks and connections, and nobody releases.
    let dying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = LockOptions {
            lease: Duration::from_millis(900),
            ..LockOptions::default()
        };
        let lock = runtime.block_on(async {
            let hub = Hub::connect(&url).await.unwrap();
            hub.lock_with("cds2db", "cds2db:dying", options).await.unwrap()
        });
        runtime.shutdown_timeout(Duration::ZERO);
        drop(lock);
    });
    tokio::task::spawn_blocking(move || dying.join().unwrap())
        .await
        .unwrap();
    let started = Instant::now();
    let next = hub.lock("dataprocessor", "dp:1").await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        rows(&hub, "SELECT err_msg, err_variables FROM db_config.db_error_log").await,
        ["lock expired without release|cds2db"]
    );
    next.release(true).await.unwrap();
}

/// kill -9 of the process that holds the lock: the next one has it within the lease. Run by itself as the victim when
/// its environment says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_loses_the_lock_within_its_lease() {
    const LEASE: Duration = Duration::from_secs(2);
    if let Ok(url) = std::env::var("CDS_HUB_LOCK_URL") {
        let hub = Hub::connect(&url).await.unwrap();
        let options = LockOptions {
            lease: LEASE,
            ..LockOptions::default()
        };
        let _lock = hub.lock_with("cds2db", "cds2db:victim", options).await.unwrap();
        println!("\nlocked");
        std::future::pending::<()>().await;
    }
    let (hub, url) = server::hub_and_url().await;
    let name = "semaphore_lost::a_killed_holder_loses_the_lock_within_its_lease";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("CDS_HUB_LOCK_URL", &url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "locked"));
    assert_eq!(one(&hub, STATE).await, "Ongoing - cds2db:victim (#cds2db#)");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let killed = Instant::now();
    let next = hub.lock("dataprocessor", "dp:1").await.unwrap();
    let waited = killed.elapsed();
    assert!(waited < LEASE + Duration::from_secs(2), "{waited:?}");
    next.release(true).await.unwrap();
}

/// An operator breaks a lock that will not end by itself soon; its holder cannot commit any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_breaks_a_lock() {
    let hub = server::hub().await;
    run(&hub, "SELECT db.data_transfer_stop('frontend', 'frontend:hangs')").await;
    assert_eq!(hub.resume().await.unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(one(&hub, STATE).await, "Ongoing - frontend:hangs (#frontend#)");
    assert!(hub.break_lock().await.unwrap());
    assert!(!hub.break_lock().await.unwrap(), "nobody holds it");
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
    assert_eq!(
        rows(&hub, "SELECT err_msg, err_variables FROM db_config.db_error_log").await,
        ["lock broken by an operator|frontend"]
    );
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let import = hub.begin_import(&lock).await.unwrap();
    assert!(hub.break_lock().await.unwrap());
    assert_eq!(import.commit().await.unwrap_err().kind(), ErrorKind::LockLost);
    assert_eq!(lock.release(true).await.unwrap_err().kind(), ErrorKind::LockLost);
}

/// Whoever locks after a write finds the write transferred.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_holder_reads_what_the_last_one_wrote() {
    let hub = server::hub().await;
    run(&hub, "SELECT db.data_transfer_stop('cds2db', 'cds2db:w')").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    run(&hub, "SELECT db.data_transfer_start('cds2db', 'cds2db:w', false)").await;
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect", "without any scheduler");
    let lock = hub.lock("dataprocessor", "dp:r").await.unwrap();
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "1");
    lock.release(true).await.unwrap();
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
}
