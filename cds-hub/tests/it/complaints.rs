//! What sites of the original complained of, one test a complaint.

use std::time::{Duration, Instant};

use cds_hub::semaphore::LockOptions;
use cds_hub::{Condition, Error, HubTables};

use crate::server;
use crate::sql::{one, run};

const STATE: &str =
    "SELECT pc_value FROM db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'";

/// "After VACUUM FULL the state stays WaitForCronJob for ever": a transfer that meets the tables' exclusive locks waits for them
/// and goes on, and so does the state. The locks are what VACUUM FULL takes; real ones follow while rows come.
#[tokio::test(flavor = "multi_thread")]
async fn a_vacuum_full_in_the_way_leaves_no_state_behind() {
    let hub = server::hub().await;
    let insert = "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p' || nextval('db.db_seq'))";
    let mut vacuum = hub.pool().begin().await.unwrap();
    run(&hub, insert).await;
    for table in ["core.patient_raw", "core.patient_raw_seen"] {
        let lock = sqlx::AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"));
        sqlx::raw_sql(lock).execute(&mut *vacuum).await.unwrap();
    }
    let other = hub.clone();
    let transfer = tokio::spawn(async move { other.transfer(Duration::from_secs(5)).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let began = Instant::now();
    while one(&hub, waits).await == "0" {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the transfer meets the lock"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    vacuum.rollback().await.unwrap();
    let transferred = tokio::time::timeout(Duration::from_secs(60), transfer).await;
    let transferred = transferred.expect("it goes on").unwrap().unwrap();
    assert!(transferred.failed.is_empty(), "{:?}", transferred.failed);
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
    for table in [
        "core.patient_raw",
        "core.patient_raw_seen",
        "core.import_rows",
        "cds2db_in.patient_raw",
        "db_config.db_process_control",
    ] {
        run(&hub, insert).await;
        let other = hub.clone();
        let transfer = tokio::spawn(async move { other.transfer(Duration::from_secs(30)).await });
        run(&hub, &format!("VACUUM FULL {table}")).await;
        transfer.await.unwrap().unwrap();
        hub.transfer(Duration::from_secs(5)).await.unwrap();
        assert_eq!(one(&hub, STATE).await, "ReadyToConnect", "{table}");
    }
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "6");
}

/// "The real error is hidden behind a secondary one": where the connection breaks in the middle and the lock cannot be given
/// back either, the break is what is said.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_error_is_told_and_not_one_that_follows_from_it() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1'); \
         CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS \
           $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$; \
         CREATE TRIGGER slow BEFORE INSERT ON core.patient_raw FOR EACH ROW EXECUTE FUNCTION public.slow()",
    )
    .await;
    let other = hub.clone();
    let transfer = tokio::spawn(async move { other.transfer(Duration::ZERO).await });
    let sleeps =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let began = Instant::now();
    while one(&hub, sleeps).await != "1" {
        assert!(began.elapsed() < Duration::from_secs(30), "the transfer begins");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    run(
        &hub,
        "ALTER FUNCTION core.release_lock(uuid, text) RENAME TO gone; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep'",
    )
    .await;
    let error = transfer.await.unwrap().unwrap_err();
    assert_eq!(error.condition(), Some(&Condition::ConnectionLost), "{error:?}");
    let text = chain(&error);
    assert!(!text.contains("releasing"), "{text}");
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(level) = cause {
        text = format!("{text}: {level}");
        cause = level.source();
    }
    text
}

/// A caller knows what to do without reading a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_what_a_caller_acts_on() {
    let (hub, url) = server::hub_and_url().await;
    let held = hub.lock("dataprocessor", "dataprocessor:tables").await.unwrap();
    let impatient = LockOptions {
        patience: Some(Duration::from_millis(50)),
        ..LockOptions::default()
    };
    let error = hub.lock_with("cds2db", "cds2db:x", impatient).await.unwrap_err();
    let Some(Condition::LockHeld { by, since }) = error.condition() else {
        panic!("{error:?}");
    };
    assert_eq!(by, "dataprocessor");
    assert!(
        since.len() == 23 && since.starts_with("20") && (since.contains(" +") || since.contains(" -")),
        "{since}"
    );
    held.release(true).await.unwrap();

    let mut tables = HubTables::standard().fhir;
    let first = std::sync::Arc::make_mut(&mut tables.tables[0]);
    let mut column = first.columns[0].clone();
    column.name = "pat_of_tomorrow".into();
    first.columns.push(column);
    let error = hub.fits(&tables).await.unwrap_err();
    let Some(Condition::HubOlder { missing }) = error.condition() else {
        panic!("{error:?}");
    };
    assert!(
        missing.len() == 1 && missing[0].contains("pat_of_tomorrow"),
        "{missing:?}"
    );

    hub.is_not_newer().await.unwrap();
    run(
        &hub,
        "INSERT INTO core.installation (fingerprint, program, since) \
         SELECT fingerprint, '99.1.0', since + interval '1 s' FROM core.installation ORDER BY since DESC LIMIT 1",
    )
    .await;
    let newer = Condition::HubNewer {
        release: "99.1.0".to_owned(),
    };
    assert_eq!(hub.is_not_newer().await.unwrap_err().condition(), Some(&newer));

    let nowhere = url.replace(
        url.rsplit_once('@').unwrap().1.split('/').next().unwrap(),
        "127.0.0.1:1",
    );
    let error = cds_hub::Hub::connect(&nowhere).await.unwrap_err();
    assert_eq!(error.condition(), Some(&Condition::ConnectionLost));
}
