//! What an operator sees and does: status, check, parameters, and the program itself.

use std::process::{Command, Output};

use cds_hub::check::Rule;
use cds_hub::{ErrorKind, Hub, HubTables};
use sqlx::Executor as _;

use crate::server::{empty_database, hub, hub_and_url, program};
use crate::sql::run;

/// Raw and typed rows of one patient, moved to the core, and one that waits.
async fn some_rows(hub: &Hub) {
    for statement in [
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_name_family) VALUES ('[1]p1', '[1.1]Marker4711')",
        "SELECT db.copy_raw_cds_in_to_db_log()",
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_name_family) \
         SELECT patient_raw_id, 'p1', 'Marker4711' FROM db_log.patient_raw",
        "SELECT db.copy_type_cds_in_to_db_log()",
        "SELECT db.take_over_last_check_date()",
        "INSERT INTO cds2db_in.encounter_raw (enc_id) VALUES ('[1]Marker4711')",
    ] {
        hub.pool().execute(statement).await.unwrap();
    }
}

#[tokio::test]
async fn status_is_one_screen_without_values() {
    let hub = hub().await;
    some_rows(&hub).await;
    let status = hub.status().await.unwrap();
    assert_eq!(status.inboxes, [("cds2db_in.encounter_raw".to_owned(), 1)]);
    assert!(
        status.untyped.is_empty() && status.quarantine.is_empty(),
        "{status}"
    );
    assert!(
        status.imports.len() >= 2 && status.imports.iter().any(|i| i.new == 1),
        "{status}"
    );
    let screen = status.to_string();
    assert!(
        screen.starts_with("semaphore   ReadyToConnect since "),
        "{screen}"
    );
    assert!(
        screen.lines().count() <= 40 && screen.lines().all(|l| l.len() <= 130),
        "{screen}"
    );
    assert!(!screen.contains("Marker4711"), "{screen}");
}

#[tokio::test]
async fn check_is_content_with_a_sound_hub_and_names_what_was_broken() {
    let hub = hub().await;
    some_rows(&hub).await;
    let tables = HubTables::standard();
    assert_eq!(hub.check(&tables, 100).await.unwrap(), []);
    for (damage, rule, place) in [
        (
            "UPDATE core.patient_raw SET pat_gender = 'x'",
            Rule::Hash,
            "patient_raw",
        ),
        (
            "UPDATE core.patient SET patient_raw_id = 999",
            Rule::TypedHasRaw,
            "patient",
        ),
        (
            "INSERT INTO core.patient_seen (block, imports) VALUES (99, array_fill(1, ARRAY[64]))",
            Rule::CompanionHasRow,
            "patient",
        ),
        (
            "UPDATE core.patient SET import_no = 99",
            Rule::RowHasImport,
            "patient",
        ),
        (
            "INSERT INTO core.patient_raw_open SELECT patient_raw_id FROM core.patient_raw",
            Rule::Typed,
            "patient_raw",
        ),
        ("SELECT setval('db.db_seq', 1)", Rule::Sequence, "db.db_seq"),
        (
            "ALTER TABLE core.patient DROP COLUMN pat_gender CASCADE",
            Rule::Described,
            "changes a migration would make",
        ),
    ] {
        hub.pool().execute(damage).await.unwrap();
        let findings = hub.check(&tables, 100).await.unwrap();
        let found = findings
            .iter()
            .any(|f| f.rule == rule && f.place == place && f.count > 0);
        assert!(found, "{damage}: {findings:?}");
    }
}

#[tokio::test]
async fn parameters_are_changed_by_name_only() {
    let hub = hub().await;
    hub.set_parameter("pause_after_process_execution", "it's 20")
        .await
        .unwrap();
    let parameters = hub.parameters().await.unwrap();
    let pause = parameters
        .iter()
        .find(|p| p.name == "pause_after_process_execution")
        .unwrap();
    assert_eq!(pause.value, "it's 20");
    let error = hub.set_parameter("pause' OR 'x'='x", "1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn program_with(url: &str, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .unwrap()
}

fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn program_makes_inspects_and_changes_a_hub() {
    let url = empty_database().await;
    for (arguments, success, wanted) in [
        (["status"].as_slice(), false, "error: "),
        (&["migrate"], false, "the database is empty"),
        (&["init"], true, "the hub is made: "),
        (&["init"], true, "the hub was there already"),
        (&["status"], true, "semaphore   ReadyToConnect"),
        (&["params", "release_version"], true, "1.7.1"),
        (
            &["params", "pause_after_process_execution", "20"],
            true,
            "pause_after_process_execution is 20 now; it was 10",
        ),
        (&["params", "pause_after_process_execution"], true, " 20 "),
        (
            &["params", "nothing"],
            false,
            "error: not found: parameter nothing",
        ),
        (
            &["lock", "repair"],
            true,
            "modules and transfers are stopped (Interrupted_repair)",
        ),
        (&["status"], true, "semaphore   Interrupted_repair"),
        (&["unlock"], true, "modules and transfers go on: ReadyToConnect"),
        (&["status"], true, "semaphore   ReadyToConnect"),
        (
            &["check", "--sample", "10"],
            true,
            "ok      tables are as described",
        ),
        (&["migrate"], true, "nothing to do"),
        (&["sql"], true, "CREATE TABLE cds2db_in.patient_raw ("),
        (&["init", "--description", "/nowhere.csv"], false, "/nowhere.csv"),
    ] {
        let output = program_with(&url, arguments);
        let text = shown(&output);
        assert_eq!(output.status.success(), success, "{arguments:?}: {text}");
        assert!(text.contains(wanted), "{arguments:?}: {text}");
    }
}

#[test]
fn program_shows_neither_password_nor_url_when_it_cannot_connect() {
    let url = "postgres://somebody:Marker4711@127.0.0.1:1/nothing";
    let output = program_with(url, &["status"]);
    let text = shown(&output);
    assert!(
        !output.status.success() && text.contains("cannot connect"),
        "{text}"
    );
    assert!(!text.contains("Marker4711"), "{text}");
    assert!(!shown(&program_with(url, &["--help"])).contains("Marker4711"));
}

#[tokio::test]
async fn program_lists_retries_and_exports_refused_rows() {
    let (hub, url) = hub_and_url().await;
    for sql in [
        "ALTER TABLE core.patient_raw ADD CONSTRAINT no_bad CHECK (pat_gender <> '[1]bad')",
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('[1]p1', '[1]bad'), ('[1]p2', '[1]good')",
        "SELECT db.copy_raw_cds_in_to_db_log()",
    ] {
        run(&hub, sql).await;
    }
    let ask = |arguments: &[&str]| {
        let output = program_with(&url, arguments);
        let text = shown(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    let listed = ask(&["quarantine", "list"]);
    assert!(
        listed.contains("patient_raw") && listed.contains("23514"),
        "{listed}"
    );
    assert!(!listed.contains("[1]"), "{listed}");
    assert!(ask(&["quarantine", "retry"]).contains("1 rows tried, 0 landed"));
    assert!(ask(&["quarantine", "export"]).contains("[1]bad"));
    run(&hub, "ALTER TABLE core.patient_raw DROP CONSTRAINT no_bad").await;
    assert!(ask(&["quarantine", "retry", "1"]).contains("1 rows tried, 1 landed"));
    assert!(ask(&["quarantine", "list"]).contains("empty"));
    assert!(ask(&["trace", "patient_raw", "1"]).contains("Patient/p1"));
}
