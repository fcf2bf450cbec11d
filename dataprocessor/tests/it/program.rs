//! The program itself: its commands, what it prints and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use crate::server::TestHub;
use crate::settings::MANDATORY;

fn program(folder: &Path, hub: &str, arguments: &[&str]) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_dataprocessor"))
        .current_dir(folder)
        .env("CDS_HUB_URL", hub)
        .env_remove("RUST_LOG")
        .args(arguments)
        .output()
        .unwrap();
    (
        status.success(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

fn configured(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let profile = match more.contains("CASE_PROFILE") {
        true => "",
        false => "CASE_PROFILE = \"clock\"",
    };
    std::fs::write(
        folder.path().join("dataprocessor_config.toml"),
        format!("{MANDATORY}\n{profile}\n{more}\n"),
    )
    .unwrap();
    let database = "DB_HOST = \"h\"\nDB_NAME = \"d\"\nDB_DATAPROCESSOR_USER = \"u\"\nDB_DATAPROCESSOR_PASSWORD = \"Secret-Marker\"\n\
        DB_DATAPROCESSOR_SCHEMA_IN = \"i\"\nDB_DATAPROCESSOR_SCHEMA_OUT = \"o\"\n";
    std::fs::write(folder.path().join("cds_hub_db_config.toml"), database).unwrap();
    folder
}

#[tokio::test]
async fn run_and_show_print_no_name_unless_asked_to() {
    let t = TestHub::new().await;
    t.patient("p1", "Family-Marker").await;
    t.listed("S1", "p1", "e1").await;
    t.stay(
        "e1",
        "p1",
        "2026-03-01 08:00",
        &[("enc_diagnosis_condition_ref", "Condition/c1")],
    )
    .await;
    t.put("condition", &[&[("con_id", "c1"), ("con_code_text", "Sepsis")]])
        .await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 10:00", "80.5 kg")
        .await;
    t.import().await;
    let folder = configured("DEBUG_ENCOUNTER_DATETIME = \"2026-03-02\"");

    let (ok, out, err) = program(folder.path(), &t.url, &["run"]);
    assert!(ok, "{err}");
    assert!(
        out.starts_with("1 patients, 1 cases at 2026-03-02 00:00:00\n"),
        "{out}"
    );
    assert!(
        out.contains("fall_fe: 1 new, 0 unchanged") && out.ends_with("DEBUG_ENCOUNTER_DATETIME\n"),
        "{out}"
    );

    let (_, masked, _) = program(folder.path(), &t.url, &["show"]);
    assert!(
        masked.contains("S1    record ") && masked.contains("2026-03-01 08:00  Sepsis     80.5 kg"),
        "{masked}"
    );
    assert!(!(out + &masked + &err).contains("Marker"));
    let (_, clear, _) = program(folder.path(), &t.url, &["show", "--clear"]);
    assert!(clear.contains("Family-Marker, Ada  1950-05-05"), "{clear}");
    // A birth year is no first of January, and readers of the hub can tell.
    t.sql(
        "UPDATE core.patient SET pat_birthdate = '1950-01-01'; UPDATE core.patient_fe SET pat_gebdat = '1950-01-01';
         INSERT INTO core.precision SELECT 'patient', patient_id, 'pat_birthdate', 'year' FROM core.patient",
    )
    .await;
    let (_, clear, _) = program(folder.path(), &t.url, &["show", "--clear"]);
    assert!(clear.contains("Family-Marker, Ada  1950  2026-03-01"), "{clear}");
    for schema in ["cds2db_out", "db2dataprocessor_out", "db2frontend_out"] {
        let rows = t
            .lines(
                "table_name, column_name, precision",
                &format!("{schema}.v_precision"),
            )
            .await;
        assert_eq!(rows, ["patient | pat_birthdate | year"]);
    }
}

#[test]
fn init_writes_a_configuration_that_check_accepts_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, out, err) = program(folder.path(), "", &["config", "init"]);
    assert!(
        ok && out.contains("written: cds_hub_db_config.toml"),
        "{out}{err}"
    );
    let (ok, out, err) = program(folder.path(), "", &["config", "check"]);
    assert!(ok, "{out}{err}");
    assert!(out.contains("profile clock") && !out.contains("note:"), "{out}");
    let file = folder.path().join("dataprocessor_config.toml");
    std::fs::write(&file, "mine").unwrap();
    let (ok, _, err) = program(folder.path(), "", &["config", "init"]);
    assert!(!ok && err.contains("dataprocessor_config.toml"), "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn the_fullest_log_holds_no_value_of_a_patient() {
    let t = TestHub::new().await;
    let mark = |column: &'static str| (column, "Marker");
    t.put(
        "patient",
        &[&[
            "pat_id",
            "pat_identifier_value",
            "pat_name_family",
            "pat_name_given",
            "pat_gender",
        ]
        .map(mark)],
    )
    .await;
    t.listed("S1", "Marker", "Marker").await;
    t.stay(
        "Marker",
        "Marker",
        "2026-03-01",
        &[("enc_diagnosis_condition_ref", "Condition/Marker")],
    )
    .await;
    t.put(
        "condition",
        &[&["con_id", "con_code_text", "con_code_code"].map(mark)],
    )
    .await;
    t.measured(
        "Marker",
        "29463-7",
        "Marker",
        "Marker",
        "2026-03-01 10:00",
        "80 Marker",
    )
    .await;
    t.import().await;
    for profile in ["clock", "ward-list"] {
        let folder = configured(&format!(
            "CASE_PROFILE = \"{profile}\"\nDEBUG_ENCOUNTER_DATETIME = \"2026-03-02\""
        ));
        let run = Command::new(env!("CARGO_BIN_EXE_dataprocessor"))
            .current_dir(folder.path())
            .env("CDS_HUB_URL", &t.url)
            .env("RUST_LOG", "trace")
            .arg("run")
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap() + &String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success() && said.contains("read"), "{profile}");
        let line = said.lines().find(|l| l.contains("Marker"));
        assert!(line.is_none(), "{profile}: {line:?}");
    }
}

#[test]
fn config_check_reports_everything_at_once() {
    let folder = configured("");
    let (ok, out, _) = program(folder.path(), "", &["config", "check"]);
    let wanted = "The configuration is usable.\nprofile clock: cases that run at the moment (CASE_PROFILE)\n";
    assert!(ok && out == wanted, "{out}");

    let folder = configured(
        "MAX_DIR_COUNT = 5\nLOG_TEMP_EXCEL_TABLES = true\nDEBUG_SUBMODULE_DIR = \"./x\"\nSITE_KEY = 1",
    );
    let (ok, out, _) = program(folder.path(), "", &["config", "check"]);
    assert!(ok, "{out}");
    for wanted in [
        "MAX_DIR_COUNT: has no effect",
        "LOG_TEMP_EXCEL_TABLES: has no effect",
        "DEBUG_SUBMODULE_DIR: has no effect",
        "SITE_KEY",
        "to be off in real operation: DEBUG_SUBMODULE_DIR",
    ] {
        assert!(out.contains(wanted), "{wanted} in {out}");
    }

    let folder = configured(
        "VERBOSE = \"loud\"\nCASE_PROFIL = \"clock\"\nSITE_KEY = 1\n[debug]\nDEBUG_ENCOUNTER_DATETIME = \"2024-03-31 02:30\"",
    );
    let (ok, _, err) = program(folder.path(), "", &["config", "check"]);
    assert!(!ok);
    for wanted in [
        "3 fault(s)",
        ": VERBOSE: must be a whole number",
        "did you mean CASE_PROFILE?",
        ": DEBUG_ENCOUNTER_DATETIME: must be",
    ] {
        assert!(err.contains(wanted), "{wanted} in {err}");
    }
    assert!(!err.contains("Marker") && !err.contains("loud"));
}

#[tokio::test]
async fn verbose_says_how_much_is_logged_and_rust_log_wins() {
    let t = TestHub::new().await;
    for (verbose, rust_log, logged) in [
        ("0", "", false),
        ("4", "", false),
        ("10", "", true),
        ("10", "off", false),
        ("1", "dataprocessor=debug", true),
    ] {
        let folder = configured(&format!("VERBOSE = {verbose}"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_dataprocessor"));
        program
            .current_dir(folder.path())
            .env("CDS_HUB_URL", &t.url)
            .env_remove("RUST_LOG")
            .arg("run");
        if !rust_log.is_empty() {
            program.env("RUST_LOG", rust_log);
        }
        let run = program.output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(run.status.success(), "{said}");
        assert_eq!(
            said.contains("v_patient_last_version"),
            logged,
            "{verbose} {rust_log}: {said}"
        );
    }
}

#[test]
fn an_unreachable_hub_is_told_without_its_password() {
    let folder = configured("");
    let (ok, out, err) = program(
        folder.path(),
        "postgres://u:Secret-Marker@127.0.0.1:1/x",
        &["run"],
    );
    assert!(!ok && out.is_empty() && err.contains("because: "), "{err}");
    assert!(!err.contains("Marker"));
}

#[tokio::test]
async fn the_directory_of_a_run_says_how_it_went() {
    let t = TestHub::new().await;
    let folder = configured("CASE_PROFILE = \"ward-list\"");
    let base = folder.path().display().to_string();
    let (ok, _, err) = program(folder.path(), &t.url, &["run", "--dir", &base]);
    assert!(!ok && err.contains("has no run of cds2db"), "{err}");
    let layout = work_dir::Runs::below(folder.path()).create().unwrap();
    drop(work_dir::WorkDir::open(layout.root()).unwrap());
    let status = || {
        let work = work_dir::WorkDir::look(layout.root()).unwrap();
        work.status("dataprocessor")
    };
    let (ok, ..) = program(folder.path(), &t.url, &["run", "--dir", &base]);
    assert!(!ok, "nobody is of interest");
    assert_eq!(status(), Some(work_dir::Status::Failed));
    std::fs::write(folder.path().join("dataprocessor_config.toml"), MANDATORY).unwrap();
    t.patient("p1", "Family").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01 08:00", &[]).await;
    t.import().await;
    let (ok, _, err) = program(folder.path(), &t.url, &["run", "--dir", &base]);
    assert!(ok, "{err}");
    assert_eq!(status(), Some(work_dir::Status::Completed));
}
