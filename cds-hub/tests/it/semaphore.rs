//! The lock, by its SQL functions and by the client.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cds_hub::semaphore::LockOptions;
use cds_hub::{ErrorKind, Hub};

use crate::server;
use crate::sql::{one, rows, run};

const STATE: &str =
    "SELECT pc_value FROM db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'";

/// H.5 with the two wanted differences, call by call: the call, its result, the state after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_truth_table_holds() {
    let hub = server::hub().await;
    assert_eq!(one(&hub, STATE).await, "WaitForCronJob");
    let held = "Ongoing - cds2db:lockA (#cds2db#)";
    let steps = [
        ("data_transfer_stop('cds2db', 'cds2db:lockA')", "true", held),
        ("data_transfer_stop('dataprocessor', 'dp:lockB')", "false", held),
        ("data_transfer_get_lock_module()", "cds2db", held),
        (
            "data_transfer_start('dataprocessor', 'dp:lockB', true)",
            "false",
            held,
        ),
        ("data_transfer_start('cds2db', 'lockA', true)", "false", held),
        (
            "data_transfer_start('cds2db', 'cds2db:lock_', true)",
            "false",
            held,
        ),
        (
            "data_transfer_start('cds2db', 'cds2db:lockA', true)",
            "true",
            "ReadyToConnect",
        ),
        ("data_transfer_get_lock_module()", "", "ReadyToConnect"),
        ("data_transfer_stop('', 'x')", "false", "ReadyToConnect"),
        ("data_transfer_stop('x', '')", "false", "ReadyToConnect"),
        ("data_transfer_stop()", "false", "ReadyToConnect"),
        // Differences wanted: exact texts, and texts are data.
        (
            "data_transfer_stop('cds2db', 'x%')",
            "true",
            "Ongoing - x% (#cds2db#)",
        ),
        (
            "data_transfer_start('cds2db', 'x', false)",
            "false",
            "Ongoing - x% (#cds2db#)",
        ),
        (
            "data_transfer_start('cds2db', 'x%', false)",
            "true",
            "WaitForCronJob",
        ),
        ("data_transfer_stop('m', 'it''s')", "true", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('n')", "false", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('_')", "false", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('m')", "true", "WaitForCronJob"),
        ("data_transfer_start('m', 'it''s')", "false", "WaitForCronJob"),
    ];
    for (call, result, state) in steps {
        assert_eq!(
            one(&hub, &format!("SELECT db.{call} AS result")).await,
            result,
            "{call}"
        );
        assert_eq!(one(&hub, STATE).await, state, "{call}");
    }
    let resets = "SELECT count(*) FROM db_config.db_error_log WHERE err_objekt LIKE '%reset_lock%'";
    assert_eq!(one(&hub, resets).await, "3", "every reset is recorded");
}

/// The status begins with the state and names the last holder.
#[tokio::test(flavor = "multi_thread")]
async fn the_status_has_the_layout_of_the_contract() {
    let hub = server::hub().await;
    run(&hub, "SELECT db.data_transfer_stop('cds2db', 'cds2db:a')").await;
    let matches = "SELECT db.data_transfer_status() ~ ('^Ongoing - cds2db:a \\(#cds2db#\\) since ' ||
        '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d ReportTime: \\d\\d:\\d\\d:\\d\\d \\| last_bl_modul:cds2db-cds2db:a ' ||
        '\\(set on :\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\)$') AS ok";
    assert_eq!(
        one(&hub, matches).await,
        "true",
        "{}",
        one(&hub, "SELECT db.data_transfer_status()").await
    );
}

/// `Interrupted` is an operator's state: nobody locks out of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_hub_cannot_be_locked() {
    let hub = server::hub().await;
    hub.interrupt("migration").await.unwrap();
    assert_eq!(one(&hub, STATE).await, "Interrupted_migration");
    assert_eq!(
        one(&hub, "SELECT db.data_transfer_stop('cds2db', 'x') AS r").await,
        "false"
    );
    let impatient = LockOptions {
        patience: Some(Duration::from_millis(50)),
        ..LockOptions::default()
    };
    let error = hub.lock_with("cds2db", "x", impatient).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    hub.resume().await.unwrap();
    hub.lock("cds2db", "x")
        .await
        .unwrap()
        .release(true)
        .await
        .unwrap();
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
    assert_eq!(one(&hub, STATE).await, "WaitForCronJob");
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

/// 32 clients at once, each several times: never two holders.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_lockers_never_hold_the_lock_together() {
    let hub = server::hub().await;
    let holders = Arc::new(AtomicU32::new(0));
    let taken = Arc::new(AtomicU32::new(0));
    let racers: Vec<_> = (0..32)
        .map(|n| {
            let (hub, holders, taken) = (hub.clone(), Arc::clone(&holders), Arc::clone(&taken));
            tokio::spawn(async move {
                for round in 0..3 {
                    // Ours and foreign ones by turns.
                    if (n + round) % 2 == 0 {
                        let lock = hub.lock("racer", &format!("racer:{n}")).await.unwrap();
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                        tokio::task::yield_now().await;
                        holders.fetch_sub(1, Ordering::SeqCst);
                        lock.release(true).await.unwrap();
                        taken.fetch_add(1, Ordering::SeqCst);
                    } else if one(&hub, &format!("SELECT db.data_transfer_stop('f', 'f:{n}') AS r")).await
                        == "true"
                    {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                        holders.fetch_sub(1, Ordering::SeqCst);
                        let start = format!("SELECT db.data_transfer_start('f', 'f:{n}', true) AS r");
                        assert_eq!(one(&hub, &start).await, "true");
                    }
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(taken.load(Ordering::SeqCst), 48);
}

/// A waiting client goes on as soon as the lock is released, not when it next looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_wakes_the_next() {
    let hub = server::hub().await;
    let first = hub.lock("a", "a:1").await.unwrap();
    let waiting = tokio::spawn({
        let hub = hub.clone();
        async move { hub.lock("b", "b:1").await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let released = Instant::now();
    first.release(true).await.unwrap();
    let second = waiting.await.unwrap();
    assert!(
        released.elapsed() < Duration::from_secs(2),
        "{:?}",
        released.elapsed()
    );
    // Dropping releases too.
    drop(second);
    hub.lock("c", "c:1").await.unwrap().release(true).await.unwrap();
}

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
    let name = "semaphore::a_killed_holder_loses_the_lock_within_its_lease";
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
    let lock = hub.lock("dataprocessor", "dp:r").await.unwrap();
    assert_eq!(lock.transferred().done.len(), 2);
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "1");
    lock.release(true).await.unwrap();
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
}
