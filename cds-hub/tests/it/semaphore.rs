//! The lock, by its SQL functions and by the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cds_hub::ErrorKind;
use cds_hub::semaphore::LockOptions;

use crate::server;
use crate::sql::{one, run};

pub(crate) const STATE: &str =
    "SELECT pc_value FROM db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'";

/// H.5 with the two wanted differences, call by call: the call, its result, the state after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_truth_table_holds() {
    let hub = server::hub().await;
    assert_eq!(
        one(&hub, STATE).await,
        "ReadyToConnect",
        "nobody need wait for a first transfer"
    );
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
            // What was written is transferred by then, so a reader need not wait for a scheduler.
            "ReadyToConnect",
        ),
        ("data_transfer_stop('m', 'it''s')", "true", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('n')", "false", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('_')", "false", "Ongoing - it's (#m#)"),
        ("data_transfer_reset_lock('m')", "true", "ReadyToConnect"),
        ("data_transfer_start('m', 'it''s')", "false", "ReadyToConnect"),
        ("data_transfer_start()", "false", "ReadyToConnect"),
        ("data_transfer_reset_lock()", "false", "ReadyToConnect"),
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
    assert_eq!(one(&hub, resets).await, "4", "every reset is recorded");
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
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let waiting = tokio::spawn({
        let hub = hub.clone().telling(move |_| {
            let _ = tell.send(());
        });
        async move { hub.lock("b", "b:1").await.unwrap() }
    });
    // Told whom it waits for, it looks again in ten seconds and not before: only the release can wake it sooner.
    tokio::time::timeout(Duration::from_secs(8), told.recv())
        .await
        .unwrap()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "it waits");
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

/// Each state, from the original's text: what a module's lock, a release, the scheduler's look and an operator's transfer do.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_four_states_does_what_it_is_for() {
    // State, whether it can be locked, whether a scheduler transfers a row that waits, whether an operator's call does.
    let states = [
        ("WaitForCronJob", true, true, true),
        ("ReadyToConnect", true, false, true),
        ("Ongoing - x:y (#x#)", false, false, false),
        ("Interrupted_by_hand", false, false, false),
    ];
    let hub = server::hub().await;
    for (state, lockable, scheduled, asked) in states {
        let set = format!(
            "UPDATE db_config.db_process_control SET pc_value = '{state}', last_change_timestamp = clock_timestamp()
             WHERE pc_name = 'semaphor_cron_job_data_transfer'"
        );
        run(
            &hub,
            "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]' || gen_random_uuid())",
        )
        .await;
        let waits = "SELECT count(*) FROM cds2db_in.patient_raw";
        run(&hub, &set).await;
        run(&hub, "SELECT db.cron_job_data_transfer()").await;
        assert_eq!(
            one(&hub, waits).await,
            if scheduled { "0" } else { "1" },
            "{state}: scheduler"
        );
        run(&hub, &set).await;
        let operator = hub.transfer(Duration::ZERO).await;
        assert_eq!(operator.is_ok(), asked, "{state}: {operator:?}");
        assert_eq!(
            one(&hub, waits).await,
            if asked { "0" } else { "1" },
            "{state}: operator"
        );
        run(&hub, &set).await;
        assert_eq!(
            one(&hub, "SELECT db.data_transfer_stop('m', 'm:x') AS r").await,
            lockable.to_string(),
            "{state}: lock"
        );
        if lockable {
            assert_eq!(
                one(&hub, "SELECT db.data_transfer_start('m', 'm:x', false) AS r").await,
                "true"
            );
            assert_eq!(one(&hub, STATE).await, "ReadyToConnect", "{state}: after a write");
        } else {
            assert_eq!(one(&hub, STATE).await, state, "{state} stays");
            run(&hub, "DELETE FROM cds2db_in.patient_raw").await;
        }
    }
}

/// `ReadyToConnect` is a pause from transfers for as long as the parameter says, between 5 and 45 seconds.
#[tokio::test(flavor = "multi_thread")]
async fn ready_to_connect_pauses_transfers_for_the_time_of_the_parameter() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    for (parameter, pause) in [("10", 10), ("1", 5), ("45", 45), ("90", 40), ("soon", 10)] {
        hub.set_parameter("pause_after_process_execution", parameter)
            .await
            .unwrap();
        for (age, due) in [(pause - 1, false), (pause + 1, true)] {
            run(
                &hub,
                &format!(
                    "UPDATE db_config.db_process_control SET pc_value = 'ReadyToConnect',
                       last_change_timestamp = clock_timestamp()::timestamp - interval '{age} seconds'
                     WHERE pc_name = 'semaphor_cron_job_data_transfer'"
                ),
            )
            .await;
            let found = one(&hub, "SELECT core.transfer_due(true) AS due").await;
            assert_eq!(found, due.to_string(), "{parameter}: after {age} s");
            assert_eq!(
                one(&hub, "SELECT core.transfer_due(false) AS due").await,
                "true",
                "an operator's call"
            );
        }
    }
}

/// A transfer that fails while a lock is released leaves a state that asks for another one, and the lock is free.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_transfer_fails_asks_for_another() {
    let hub = server::hub().await;
    run(&hub, "ALTER TABLE core.patient_raw_open RENAME TO gone").await;
    run(&hub, "SELECT db.data_transfer_stop('cds2db', 'cds2db:w')").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    assert_eq!(
        one(
            &hub,
            "SELECT db.data_transfer_start('cds2db', 'cds2db:w', false) AS r"
        )
        .await,
        "true"
    );
    assert_eq!(one(&hub, STATE).await, "WaitForCronJob");
    run(&hub, "ALTER TABLE core.gone RENAME TO patient_raw_open").await;
    run(&hub, "SELECT db.cron_job_data_transfer()").await;
    assert_eq!(one(&hub, STATE).await, "ReadyToConnect");
}

/// Whoever waits is told whom for, within seconds; a session that only keeps a transaction open is named too, and can keep
/// nobody waiting without an end.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_the_lock_says_whom_it_is_for() {
    let hub = server::hub().await;
    let held = hub.lock("cds2db", "cds2db:long").await.unwrap();
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let waiting = hub
        .clone()
        .telling(move |waiting| heard.lock().unwrap().push(waiting.to_string()));
    let options = LockOptions {
        patience: Some(Duration::from_secs(3)),
        ..LockOptions::default()
    };
    let error = waiting
        .lock_with("dataprocessor", "dp:1", options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let lines = said.lock().unwrap().clone();
    assert!(
        lines.len() == 1 && lines[0].contains("cds2db:long (#cds2db#), since"),
        "{lines:?}"
    );
    let since = lines[0]
        .split("since ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let told = format!(
        "SELECT abs(extract(epoch FROM clock_timestamp() - '{since}'::timestamptz))::int < 60 AND '{since}' ~ '[+-]\\d\\d$'"
    );
    assert_eq!(one(&hub, &told).await, "true", "{since} says its zone");
    held.release(true).await.unwrap();

    // An open transaction has taken the lock and not committed.
    let mut open = hub.pool().begin().await.unwrap();
    sqlx::query("SELECT db.data_transfer_stop('m', 'm:x')")
        .execute(&mut *open)
        .await
        .unwrap();
    let started = Instant::now();
    assert_eq!(
        one(&hub, "SELECT db.data_transfer_stop('n', 'n:x') AS r").await,
        "false"
    );
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    let holder = hub.lock_holder().await.unwrap();
    assert!(
        holder
            .to_string()
            .contains("kept by the open transaction of process"),
        "{holder}"
    );
}

/// The numbers of the hub's advisory locks are known to everybody: whoever takes them holds up nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_takes_known_advisory_locks_holds_up_nobody() {
    let hub = server::hub().await;
    let mut other = hub.pool().begin().await.unwrap();
    for number in [4_846_243_915_i64, 4_846_243_916] {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(number)
            .execute(&mut *other)
            .await
            .unwrap();
    }
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    let transferred = tokio::time::timeout(Duration::from_secs(20), hub.transfer(Duration::ZERO)).await;
    assert_eq!(transferred.expect("no wait").unwrap().done.len(), 2);
}
