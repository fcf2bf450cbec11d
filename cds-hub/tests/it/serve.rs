//! The scheduler.

use std::time::{Duration, Instant};

use cds_hub::Hub;
use cds_hub::scheduler::ServeOptions;
use tokio::sync::oneshot;

use crate::server;
use crate::sql::{one, run};

/// A scheduler that runs until the sender is dropped.
fn serve(hub: &Hub, interval: Duration) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let hub = hub.clone();
    let options = ServeOptions {
        interval: Some(interval),
        ..ServeOptions::default()
    };
    let task = tokio::spawn(async move {
        hub.serve(options, async {
            let _ = stopped.await;
        })
        .await
        .unwrap();
    });
    (stop, task)
}

/// Waits until the query gives this.
async fn becomes(hub: &Hub, sql: &str, expected: &str) {
    let started = Instant::now();
    while one(hub, sql).await != expected {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{sql} does not become {expected}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const STATE: &str =
    "SELECT pc_value FROM db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'";
const PATIENTS: &str = "SELECT count(*) FROM db_log.patient_raw";

/// A foreign write is transferred when its lock is released, long before the interval; only one scheduler works.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_after_a_write_starts_a_transfer() {
    let hub = server::hub().await;
    let (first, first_task) = serve(&hub, Duration::from_secs(3_600));
    let (second, second_task) = serve(&hub, Duration::from_secs(3_600));
    becomes(&hub, STATE, "ReadyToConnect").await;
    run(&hub, "SELECT db.data_transfer_stop('cds2db', 'cds2db:w')").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    run(&hub, "SELECT db.data_transfer_start('cds2db', 'cds2db:w', false)").await;
    becomes(&hub, PATIENTS, "1").await;
    becomes(&hub, STATE, "ReadyToConnect").await;
    drop((first, second));
    first_task.await.unwrap();
    second_task.await.unwrap();
}

/// Rows written without the lock are found at the next interval.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_lock_are_found_at_the_interval() {
    let hub = server::hub().await;
    hub.set_parameter("pause_after_process_execution", "5")
        .await
        .unwrap();
    let (stop, task) = serve(&hub, Duration::from_millis(200));
    becomes(&hub, STATE, "ReadyToConnect").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    becomes(&hub, PATIENTS, "1").await;
    drop(stop);
    task.await.unwrap();
}

/// A function that fails leaves an error row and a state in which the transfer is tried again; the others still run.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_function_is_recorded_and_tried_again() {
    let hub = server::hub().await;
    run(&hub, "ALTER TABLE core.patient_raw_open RENAME TO gone").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    run(
        &hub,
        "INSERT INTO db2dataprocessor_in.patient_fe (record_id, pat_id) VALUES ('7', 'p1')",
    )
    .await;
    let transfer = hub.transfer(Duration::ZERO).await.unwrap();
    assert_eq!(
        transfer.failed,
        ["Fehler db.copy_raw_cds_in_to_db_log - 42P01 - last_pro_nr:"]
    );
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_fe").await, "1");
    assert_eq!(one(&hub, STATE).await, "WaitForCronJob");
    let log = one(
        &hub,
        "SELECT err_objekt, left(err_msg, 5) FROM db_config.db_error_log",
    )
    .await;
    assert_eq!(log, "db.copy_raw_cds_in_to_db_log()|42P01");
    run(&hub, "ALTER TABLE core.gone RENAME TO patient_raw_open").await;
    let transfer = hub.transfer(Duration::ZERO).await.unwrap();
    assert!(transfer.failed.is_empty());
    assert_eq!(one(&hub, PATIENTS).await, "1");
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
}
