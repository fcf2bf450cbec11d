//! Failed tests of the data keep them from being handed on, and the program says how to go on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
