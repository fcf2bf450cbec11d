//! A failed test that stops keeps its table from being handed on and no other, and the program says how to go on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cds2db::run::{DirectoryOptions, RunDirectory};
use cds2db::{Result, Summary, Verdict};
use fixtures::hospital::Hospital;
use work_dir::{Layout, Runs};

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

fn runs_in(directory: &Path) -> Vec<PathBuf> {
    let runs = Runs::below(directory).all().expect("runs");
    runs.into_iter().map(|run| run.root().to_owned()).collect()
}

#[test]
fn a_failed_test_stops_its_table_alone_and_warn_only_hands_it_on() {
    let directory = tempfile::tempdir().expect("directory");
    let rules = "[[site]]\nname = 'nothing may be observed'\ntable = 'observation'\nseverity = 'stop'\n\
                 sql = 'SELECT * FROM observation'\n";
    std::fs::write(directory.path().join("checks.toml"), rules).expect("rules");
    let stopped = program(directory.path(), &["demo", "--patients", "5"]);
    let said = String::from_utf8_lossy(&[stopped.stdout, stopped.stderr].concat()).into_owned();
    assert!(!stopped.status.success(), "{said}");
    for word in [
        "nothing may be observed",
        "--warn-only",
        "--override observation",
        "checks.toml",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let [stopped] = &runs_in(directory.path())[..] else {
        panic!("one run")
    };
    let state = |run: &Path| std::fs::read_to_string(run.join("loading_status.state")).expect("state");
    let failed: Vec<String> = state(stopped)
        .lines()
        .filter(|line| line.contains("Failed"))
        .map(str::to_owned)
        .collect();
    assert!(
        failed.len() == 1 && failed[0].starts_with("observation"),
        "{failed:?}"
    );
    let summary = std::fs::read(stopped.join("summary.json")).expect("figures");
    let summary: Summary = serde_json::from_slice(&summary).expect("figures");
    assert_eq!(summary.verdict, Verdict::Incomplete);
    assert!(summary.tables["patient"].typed_new > 0 && summary.tables["encounter"].typed_new > 0);
    assert_eq!(summary.tables["observation"].typed_new, 0);
    assert!(summary.tables["observation"].raw_new > 0);

    let warned = program(directory.path(), &["demo", "--patients", "5", "--warn-only"]);
    let said = String::from_utf8_lossy(&[warned.stdout, warned.stderr].concat()).into_owned();
    assert!(warned.status.success(), "{said}");
    let runs = runs_in(directory.path());
    assert_eq!(runs.len(), 2, "the first run is finished");
    let run = &runs[1];
    assert!(state(run).contains("Completed") && !state(run).contains("Failed"));
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

/// A table that was stopped leaves its raw rows in the queue: the next run tests them apart, and hands them on when they
/// pass.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_stopped_table_wait_and_stop_no_later_run() {
    let site = Site::open(Hospital::new(5, 10)).await;
    let base = tempfile::tempdir().expect("directory");
    forbid(base.path(), "observation", "true");
    let (first, done) = fresh_run(&site, base.path(), &[]).await;
    let summary = done.expect("the other tables are handed on");
    let [stopped] = &summary.incomplete[..] else {
        panic!("{:?}", summary.incomplete)
    };
    assert!(
        stopped.resource == "observation" && stopped.cause.contains("of the site"),
        "{stopped}"
    );
    let (waiting, typed) = waiting_and_typed(&site, "observation").await;
    assert!(waiting > 10 && typed == 0, "{waiting} wait, {typed} are typed");
    let (left, patients) = waiting_and_typed(&site, "patient").await;
    assert!(left == 0 && patients > 0, "{left} wait, {patients} are typed");

    // The server has nothing new, so no observation is in this run's own files.
    let (second, done) = fresh_run(&site, base.path(), &[]).await;
    assert_ne!(first, second);
    let summary = done.expect("the other tables are handed on");
    assert_eq!(summary.verdict, Verdict::CompleteWithRemarks, "{summary:?}");
    let text = summary.remarks.join("; ");
    for word in [
        "observation",
        "of the site",
        "of run 1 (",
        "wait until",
        "held.json",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(waiting_and_typed(&site, "observation").await, (waiting, 0));

    // The rules are mended: the next run hands on what waits, and its files have it.
    forbid(base.path(), "observation", "false");
    let (third, done) = fresh_run(&site, base.path(), &[]).await;
    let summary = done.expect("nothing is wrong");
    assert!(summary.complete, "{:?}", summary.incomplete);
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
    let (_, stopped) = fresh_run(&site, base.path(), &[]).await;
    assert!(!stopped.expect("the other tables are handed on").complete);
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
