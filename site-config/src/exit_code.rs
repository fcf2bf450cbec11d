//! How the programs end: one table for all of them, so that a scheduler can tell what to do.

/// Done; nothing is missing.
pub const DONE: u8 = 0;
/// Something failed that trying again alone does not mend.
pub const FAILED: u8 = 1;
/// The arguments or the configuration cannot be used; nothing was begun.
pub const USAGE: u8 = 2;
/// Ran to its end, but not all of it is there; what is missing is listed and asked for again by the next run.
pub const INCOMPLETE: u8 = 3;
/// Stopped before data were handed on or changed: a test of them failed, or somebody has to say yes first.
pub const HELD: u8 = 4;
/// Server, database or lock could not be had in time; the same command may do later.
pub const BUSY: u8 = 5;
/// Stopped by the user or the system; the same command goes on.
pub const STOPPED: u8 = 130;

/// The table as `--help` prints it.
pub const TABLE: &str = "Exit codes:
  0    done, nothing is missing
  1    failed; the message says at what
  2    arguments or configuration cannot be used; nothing was begun
  3    ran to its end, but not all is there: what is missing is listed, the next run asks for it again
  4    stopped before data were handed on or changed: a test of them failed, or somebody has to say yes first
  5    server, database or lock could not be had in time: try again later
  130  stopped from outside; the same command goes on";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code_once() {
        for code in [DONE, FAILED, USAGE, INCOMPLETE, HELD, BUSY, STOPPED] {
            let lines = TABLE
                .lines()
                .filter(|line| line.split_whitespace().next() == Some(&code.to_string()));
            assert_eq!(lines.count(), 1, "{code}");
        }
        // The README has the same lines.
        for line in TABLE.lines().skip(1) {
            let (code, meaning) = line.trim().split_once(' ').expect("a code");
            let row = format!("| {code} | {} |", meaning.trim());
            assert!(include_str!("../README.md").contains(&row), "{row}");
        }
    }
}
