#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// Says that a test does not do its work, and notes it: first what is absent, then, behind a comma, what was not tried.
#[macro_export]
macro_rules! skip {
    ($($text:tt)+) => {
        $crate::note(&format!($($text)+))
    };
}

/// What names of ledgers begin with.
const PREFIX: &str = "x-skipped-";
/// After how long a ledger that nobody read is removed.
const OLD: Duration = Duration::from_hours(24);

/// Prints a line that begins with `SKIPPED` and notes it in the ledger of the `cargo` that runs the test; without one the
/// line is all.
#[expect(
    clippy::print_stdout,
    reason = "a test says it, and the harness decides whether it is seen"
)]
pub fn note(text: &str) {
    println!("SKIPPED: {text}");
    let Some(ledger) = ledger() else { return };
    let file = fs::OpenOptions::new().create(true).append(true).open(ledger);
    if let Ok(mut file) = file {
        // One write a line, since tests of several programs may note at once.
        let _ = file.write_all(format!("{}\n", text.replace('\n', " ")).as_bytes());
    }
}

/// Whether R is there with the packages that the hub's modules use; says that something is not tried where it is not.
#[must_use]
pub fn has_r(not_tried: &str) -> bool {
    let found = Command::new("Rscript")
        .args(["-e", "library(DBI); library(RPostgreSQL); library(data.table)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        note(&format!(
            "{not_tried}, since Rscript with DBI, RPostgreSQL and data.table is absent (Debian: r-base-core r-cran-dbi \
             r-cran-rpostgresql r-cran-data.table)"
        ));
    }
    found
}

/// What was noted since this `cargo` began, counted by what is absent; the ledger is empty afterwards.
#[must_use]
pub fn report() -> String {
    forget_old();
    let Some(ledger) = ledger() else {
        return String::new();
    };
    let text = fs::read_to_string(&ledger).unwrap_or_default();
    let _ = fs::remove_file(ledger);
    told(&text)
}

fn told(text: &str) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for line in text.lines() {
        let absent = line.split([',', ';', '(']).next().unwrap_or(line).trim();
        *counts.entry(absent).or_default() += 1;
    }
    let mut out = match text.lines().count() {
        0 => "\nno check was skipped\n".to_owned(),
        n => format!("\n{n} checks were skipped:\n"),
    };
    for (absent, count) in counts {
        let _ = writeln!(out, "{count:>4}  {absent}");
    }
    out
}

/// The ledger of the nearest `cargo` above this process: by its id and the moment it started, since ids are used again.
/// `None` where there is no `cargo`, or no `/proc` to look for one.
fn ledger() -> Option<PathBuf> {
    let mut id = std::process::id();
    while id > 1 {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name stands in brackets and may hold anything; behind it: state, parent, …, start as the 20th.
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let started = fields.nth(17)?;
        if name == "cargo" {
            return Some(std::env::temp_dir().join(format!("{PREFIX}{id}-{started}")));
        }
        id = parent;
    }
    None
}

fn forget_old() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let written = entry.metadata().and_then(|meta| meta.modified()).ok();
        let age = written.and_then(|at| SystemTime::now().duration_since(at).ok());
        if is_ours && age.is_some_and(|age| age > OLD) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_counted() {
        let text = "../shared is absent, x was not read\nno Chromium is installed, no page was seen\n../shared is absent, y\n";
        let expected =
            "\n3 checks were skipped:\n   2  ../shared is absent\n   1  no Chromium is installed\n";
        assert_eq!(told(text), expected);
        assert_eq!(told(""), "\nno check was skipped\n");
    }

    /// Under `cargo test` there is a ledger, the same for every test of the run.
    #[test]
    fn the_ledger_is_that_of_the_cargo_above() {
        if let Some(ledger) = ledger() {
            assert!(ledger.to_string_lossy().contains(PREFIX));
            assert_eq!(super::ledger(), Some(ledger));
        }
    }
}
