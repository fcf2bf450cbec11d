//! The original's parser and planner, from the Python package `opensafely` where it is installed.
//!
//! `OPENSAFELY_PYTHON` names the interpreter, `python3` otherwise. Version 2.1.0 is the last whose rules are the recorded ones.

use std::io::Write;
use std::process::{Command, Stdio};

/// The interpreter, or `None` with a loud line.
pub(crate) fn python() -> Option<String> {
    let python = std::env::var("OPENSAFELY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let installed = Command::new(&python)
        .args([
            "-c",
            "import importlib.metadata as m; print(m.version('opensafely'))",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match installed.as_deref() {
        Some("2.1.0") => Some(python),
        found => {
            x_skipped::skip!("needs Python with opensafely==2.1.0 (OPENSAFELY_PYTHON), found {found:?}");
            None
        }
    }
}

/// Runs a script over lines and gives its lines.
pub(crate) fn ask(python: &str, script: &str, input: &[String]) -> Vec<String> {
    let script = format!("{}/tests/it/oracle/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = input.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("python ends");
    writer.join().expect("no panic").expect("python reads all");
    assert!(output.status.success(), "the oracle failed");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// How many random cases a campaign has: few by default, `PIPELINE_CASES` where more are wanted.
pub(crate) fn cases(few: usize) -> usize {
    std::env::var("PIPELINE_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(few)
}

/// The seed of a campaign: always the same, `PIPELINE_SEED` for another one.
pub(crate) fn seed() -> u64 {
    std::env::var("PIPELINE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(22)
}
