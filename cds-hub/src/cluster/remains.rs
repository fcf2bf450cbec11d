use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::directory::failed;
use crate::{Error, ErrorKind, Result};

/// How long a server of an earlier run may take to end by itself, and again after each signal.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the server with this process id accepts connections, after its own note in the data directory.
/// Source: <https://www.postgresql.org/docs/current/storage-file-layout.html> (`postmaster.pid`).
pub(super) fn ready(data: &Path, id: u32) -> bool {
    let Ok(note) = std::fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = note.lines();
    lines.next().is_some_and(|l| l.trim() == id.to_string())
        && lines.nth(6).is_some_and(|l| l.trim() == "ready")
}

/// Ends a server that an earlier run left on this data directory, and removes the note of one that is gone.
///
/// The caller holds the directory's lock, so a server that still runs has no owner: its supervisor is about to
/// stop it, or there was none.
pub(super) fn clear(data: &Path) -> Result<()> {
    let note = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&note) else {
        return Ok(());
    };
    let server = text
        .lines()
        .next()
        .and_then(|l| l.trim().parse().ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = server.filter(|p| serves(*p, data)) {
        for signal in [None, Some(Signal::INT), Some(Signal::QUIT), Some(Signal::KILL)] {
            if let Some(signal) = signal {
                let _ = kill_process(pid, signal);
            }
            if gone(pid, data) {
                break;
            }
        }
        if serves(pid, data) {
            let place = format!("a server of an earlier run still uses {}", data.display());
            return Err(Error::new(ErrorKind::Cluster, place));
        }
    }
    match std::fs::remove_file(&note) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(&note, e)),
        _ => Ok(()),
    }
}

fn gone(pid: Pid, data: &Path) -> bool {
    let until = Instant::now() + PATIENCE;
    while serves(pid, data) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Whether this process is a server on this data directory, and not another program that got the number of a
/// server long gone (common where containers restart).
fn serves(pid: Pid, data: &Path) -> bool {
    if test_kill_process(pid).is_err_and(|e| e == rustix::io::Errno::SRCH) {
        return false;
    }
    let of = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    if !Path::new("/proc/self/cwd").exists() {
        // No /proc (macOS): better wait for a stranger than start a second server.
        return true;
    }
    // A server's working directory is its data directory.
    of.join("cwd").read_link().is_ok_and(|cwd| cwd == data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_with_the_number_of_another_process_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let note = temp.path().join("postmaster.pid");
        for text in [
            format!("{}\n/elsewhere\n", std::process::id()),
            "2147483647\n".into(),
            "odd".into(),
            String::new(),
        ] {
            std::fs::write(&note, &text).unwrap();
            clear(temp.path()).unwrap();
            assert!(!note.exists(), "{text}");
        }
        clear(temp.path()).unwrap();
    }

    #[test]
    fn ready_is_read_from_the_eighth_line_of_the_right_process() {
        let temp = tempfile::tempdir().unwrap();
        let note = "42\n/data\n1700000000\n5432\n/socket\n127.0.0.1\n  1 2\nready   \n";
        std::fs::write(temp.path().join("postmaster.pid"), note).unwrap();
        assert!(ready(temp.path(), 42));
        assert!(!ready(temp.path(), 43));
        std::fs::write(
            temp.path().join("postmaster.pid"),
            note.replace("ready   ", "starting"),
        )
        .unwrap();
        assert!(!ready(temp.path(), 42));
    }
}
