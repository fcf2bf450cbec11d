//! One job's process: its output into a log, its limits, its end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// What a job may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of all its processes, in bytes.
    pub memory: u64,
    /// Time from its start to its end.
    pub time: Duration,
    /// Time between the polite and the final signal.
    pub grace: Duration,
    /// Bytes of its log; what is more is left out.
    pub log: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            time: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(5),
            log: 64 << 20,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with an exit code, or 128 and the number of a signal.
    Exit(i32),
    Cancelled,
    OutOfMemory,
    OutOfTime,
}

/// The variable that marks every process of a job.
pub(super) const MARK: &str = "PIPELINE_JOB";

/// Lets the system refuse a process more memory than the limit, in KiB, at once and not at the next look, then becomes the
/// command. Set before it begins, since what it starts first would escape it; its children inherit it. What several processes
/// hold together is seen by looking.
const LIMITED: &str = r#"ulimit -d "$0" && exec "$@""#;

const TICK: Duration = Duration::from_millis(25);

/// Runs a command in a folder to its end; nothing of it is left running. Gives also the most memory seen, in bytes.
pub(super) fn run(
    command: &[String],
    folder: &Path,
    environment: &[(String, String)],
    job: &str,
    log: &Path,
    limits: &Limits,
    cancel: &AtomicBool,
) -> io::Result<(End, u64)> {
    if command.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (reader, writer) = io::pipe()?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", LIMITED, &(limits.memory / 1024).to_string()])
        .args(command)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env(MARK, job)
        .stdin(Stdio::null())
        .stdout(Stdio::from(writer.try_clone()?))
        .stderr(Stdio::from(writer))
        .process_group(0)
        .spawn()?;
    let written = write_log(reader, File::create(log)?, limits.log);
    let group = Pid::from_child(&child);
    let started = Instant::now();
    let mut peak = 0;
    let mut wait = TICK / 8;
    let end = loop {
        if let Some(status) = child.try_wait()? {
            let signal = status.signal().map_or(-1, |signal| 128 + signal);
            break End::Exit(status.code().unwrap_or(signal));
        }
        peak = peak.max(memory_below(group));
        let why = if cancel.load(Ordering::Relaxed) {
            Some(End::Cancelled)
        } else if peak > limits.memory {
            Some(End::OutOfMemory)
        } else if started.elapsed() > limits.time {
            Some(End::OutOfTime)
        } else {
            None
        };
        if let Some(why) = why {
            end_group(&mut child, group, limits.grace)?;
            break why;
        }
        std::thread::sleep(wait);
        wait = (wait * 2).min(TICK);
    };
    let _ = kill_process_group(group, Signal::KILL);
    end_marked(job);
    let _ = written.recv_timeout(Duration::from_secs(5));
    Ok((end, peak))
}

/// Asks the group to end, then makes it.
fn end_group(child: &mut std::process::Child, group: Pid, grace: Duration) -> io::Result<()> {
    let below = processes_below(group);
    let _ = kill_process_group(group, Signal::TERM);
    let until = Instant::now() + grace;
    while Instant::now() < until {
        if child.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(TICK);
    }
    let _ = kill_process_group(group, Signal::KILL);
    for process in below.iter().filter(|process| **process != group) {
        let _ = kill_process(*process, Signal::KILL);
    }
    child.wait()?;
    Ok(())
}

/// Ends every process that carries a job's mark, whatever group or session it went to.
pub(super) fn end_marked(job: &str) {
    let mark = format!("{MARK}={job}");
    // A process that forks while it is looked for is found in a later round.
    for _ in 0..20 {
        let marked: Vec<Pid> = processes()
            .filter(|pid| {
                std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|text| {
                    text.split(|byte| *byte == 0)
                        .any(|entry| entry == mark.as_bytes())
                })
            })
            .filter_map(Pid::from_raw)
            .collect();
        if marked.is_empty() {
            return;
        }
        for process in marked {
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn processes() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process and all that descend from it.
fn processes_below(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in processes() {
        let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // pid (name) state parent …; the name may hold anything.
        let parent = text
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root.as_raw_nonzero().get()];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(
            children
                .get(pid)
                .into_iter()
                .flatten()
                .copied()
                .collect::<Vec<_>>(),
        );
        at += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Memory that a process and its descendants hold, in bytes.
fn memory_below(root: Pid) -> u64 {
    let page = rustix::param::page_size() as u64;
    processes_below(root)
        .into_iter()
        .filter_map(|pid| {
            let text = std::fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero())).ok()?;
            text.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum::<u64>()
        * page
}

/// Copies lines with their time into a log, up to a size; tells when the last writer has gone.
fn write_log(reader: io::PipeReader, mut log: File, most: u64) -> mpsc::Receiver<()> {
    const LINE: u64 = 64 * 1024;
    let (done, written) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        let mut size = 0;
        loop {
            line.clear();
            match reader.by_ref().take(LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            if size > most {
                continue; // the process must be able to go on
            }
            let time = jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S%.9fZ ")
                .to_string();
            size += (time.len() + line.len()) as u64;
            let mut text = time.into_bytes();
            text.extend_from_slice(&line);
            if size > most {
                text = format!("(the log ends here: it has more than {most} bytes)").into_bytes();
            }
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
            let _ = log.write_all(&text);
        }
        let _ = log.flush();
        let _ = done.send(());
    });
    written
}
