//! Failed tests of the data keep them from being handed on, and the program says how to go on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cds2db::run::{DirectoryOptions, RunDirectory};
use cds2db::{ErrorKind, Result, Summary};
use fixtures::hospital::Hospital;
use work_dir::Layout;

use crate::load_elsewhere::rows_in_files;
use crate::site::Site;

fn program(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(arguments)
        .arg("--dir")
        .arg(directory)
        .env_remove("DATABASE_URL")
        .output()
        .expect("the program starts")
}

fn run_in(directory: &Path) -> PathBuf {
    let runs = std::fs::read_dir(directory.join("runs")).expect("runs");
    let mut runs: Vec<PathBuf> = runs.map(|entry| entry.expect("a run").path()).collect();
    assert_eq!(
        runs.len(),
        1,
        "the second command goes on with the first one's run"
    );
    runs.remove(0)
}

#[test]
fn a_failed_test_stops_before_the_hub_and_warn_only_goes_on() {
    let directory = tempfile::tempdir().expect("directory");
    let rules = "[[site]]\nname = 'nothing may be observed'\ntable = 'observation'\nseverity = 'stop'\n\
                 sql = 'SELECT * FROM observation'\n";
    std::fs::write(directory.path().join("checks.toml"), rules).expect("rules");
    let stopped = program(directory.path(), &["demo", "--patients", "5"]);
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(!stopped.status.success(), "{said}");
    for word in [
        "nothing may be observed",
        "--warn-only",
        "--override observation",
        "checks.toml",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let run = run_in(directory.path());
    let state = || std::fs::read_to_string(run.join("loading_status.state")).expect("state");
    assert!(
        state().contains("Failed") && !state().contains("Completed"),
        "{}",
        state()
    );
    assert!(!run.join("summary.json").exists(), "the run is not finished");

    let warned = program(directory.path(), &["demo", "--patients", "5", "--warn-only"]);
    let said = String::from_utf8_lossy(&warned.stderr).into_owned();
    assert!(warned.status.success(), "{said}");
    assert_eq!(run_in(directory.path()), run);
    assert!(state().contains("Completed") && !state().contains("Failed"));
    let index = || std::fs::read_to_string(run.join("outputs/index.html")).expect("the report");
    assert!(index().contains("fewer than 5 patients"), "five patients are few");

    let checked = program(directory.path(), &["work", "check"]);
    assert!(!checked.status.success(), "the rules still say stop");
    assert!(
        program(directory.path(), &["work", "report", "--few", "0"])
            .status
            .success()
    );
    assert!(index().contains("nothing may be observed") && index().contains("class=\"bar\""));
    let asked = program(
        directory.path(),
        &[
            "work",
            "inspect",
            "observation",
            "-c",
            "SELECT count(*) AS n FROM observation",
        ],
    );
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(answer.contains("(1 rows)"), "{answer}");
    let kept = std::fs::read_to_string(run.join("signal_processings_log/observation.log"));
    assert!(kept.expect("the log").contains("SELECT count(*)"));
}

/// A new run in a directory of its own below `base`.
async fn fresh_run(site: &Site, base: &Path, again: &[&str]) -> (Layout, Result<Summary>) {
    let options = DirectoryOptions {
        fresh: true,
        again: again.iter().map(|table| (*table).to_owned()).collect(),
        ..DirectoryOptions::default()
    };
    let directory = RunDirectory::open(base, options).expect("opens");
    let done = site.run_in(&directory).await;
    (directory.layout().clone(), done)
}

fn forbid(base: &Path, table: &str, condition: &str) {
    let rules = format!(
        "[[site]]\nname = 'of the site'\ntable = '{table}'\nseverity = 'stop'\n\
         sql = \"SELECT * FROM {table} WHERE {condition}\"\n"
    );
    std::fs::write(base.join("checks.toml"), rules).expect("rules");
}

async fn waiting_and_typed(site: &Site, table: &str) -> (u64, u64) {
    let waiting = format!("SELECT count(*)::text FROM cds2db_out.v_{table}_raw_diff");
    let typed = format!("SELECT count(*)::text FROM db_log.{table}");
    (site.count(&waiting).await, site.count(&typed).await)
}

/// A run that was refused leaves raw rows in the queue: whoever types them tests them.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_refused_run_are_tested_by_the_run_that_hands_them_on() {
    let site = Site::open(Hospital::new(5, 10)).await;
    let base = tempfile::tempdir().expect("directory");
    forbid(base.path(), "observation", "true");
    let (first, refused) = fresh_run(&site, base.path(), &[]).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Data);
    let (waiting, typed) = waiting_and_typed(&site, "observation").await;
    assert!(waiting > 10 && typed == 0, "{waiting} wait, {typed} are typed");

    // As if the first run had died before its tests.
    sqlx::raw_sql("DELETE FROM core.watermark WHERE resource = 'refused'")
        .execute(site.hub.pool())
        .await
        .expect("forgets the refusal");

    // The server has nothing new, so no observation is in this run's own files.
    let (second, refused) = fresh_run(&site, base.path(), &[]).await;
    assert_ne!(first, second);
    let text = refused
        .expect_err("rows of the run before failed the test")
        .to_string();
    for word in [
        "observation",
        "of the site",
        "of run 1 (",
        "--override observation",
        "--warn-only",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(waiting_and_typed(&site, "observation").await, (waiting, 0));

    // A run without a directory makes no tests, so it hands nothing on that a test refused.
    let refused = site.run().await.expect_err("rows of a refused run wait");
    assert_eq!(refused.kind(), ErrorKind::Data);
    assert!(refused.to_string().contains("of run 1 ("), "{refused}");
    assert_eq!(waiting_and_typed(&site, "observation").await, (waiting, 0));

    // The rules are mended: the next run hands on what waits, and its files have it.
    forbid(base.path(), "observation", "false");
    let (third, done) = fresh_run(&site, base.path(), &[]).await;
    let summary = done.expect("nothing is wrong");
    assert!(
        summary.notes.iter().any(|note| note.contains("handed on too")),
        "{:?}",
        summary.notes
    );
    let (left, typed) = waiting_and_typed(&site, "observation").await;
    assert_eq!(left, 0);
    assert_eq!(rows_in_files(&third, "observation"), typed);
    site.run().await.expect("nothing waits any more");
}

/// A resource that was corrected on the server: its new version is tested, the old one becomes history.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_resource_takes_the_place_of_the_refused_one() {
    let hospital = Hospital::new(5, 10);
    let site = Site::open(hospital.clone()).await;
    let base = tempfile::tempdir().expect("directory");
    let seen = hospital.timestamp();
    let later = seen + std::time::Duration::from_secs(3_600);
    forbid(base.path(), "patient", "pat_meta_versionid = '1'");
    let (_, refused) = fresh_run(&site, base.path(), &[]).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Data);
    let patients = waiting_and_typed(&site, "patient").await.0;

    site.server.set_store(hospital.with_change(10, Some(later)));
    let (_, done) = fresh_run(&site, base.path(), &["patient"]).await;
    done.expect("all patients have been corrected");
    let (waiting, typed) = waiting_and_typed(&site, "patient").await;
    assert!(
        waiting == 0 && typed >= 2 * patients,
        "{waiting} {typed} {patients}"
    );
}
