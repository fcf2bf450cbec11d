use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::plan::State;
use crate::record::{Job, StatusCode, duration};
use crate::run::Progress;

/// Jobs on standard error: a table that is drawn again on a terminal, a line a change elsewhere.
pub(super) struct Live {
    terminal: bool,
    /// Lines of the table on the screen.
    drawn: usize,
    last: Option<Instant>,
    seen: HashMap<String, StatusCode>,
    jobs: Vec<Job>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            drawn: 0,
            last: None,
            seen: HashMap::new(),
            jobs: Vec::new(),
        }
    }

    /// Draws the table for the last time.
    pub(super) fn end(&mut self) {
        self.last = None;
        let jobs = std::mem::take(&mut self.jobs);
        if self.terminal {
            self.draw(&jobs, crate::record::now());
        }
    }

    /// One line on how all ended.
    pub(super) fn summary(jobs: &[Job]) -> String {
        let count = |state| jobs.iter().filter(|job| job.status.state() == state).count();
        let held: usize = jobs.iter().map(|job| job.excluded.len()).sum();
        let held = if held == 0 {
            String::new()
        } else {
            format!(", {held} file(s) held back")
        };
        let mut text = format!(
            "{} succeeded, {} failed{held}",
            count(State::Succeeded),
            count(State::Failed)
        );
        for job in jobs.iter().filter(|job| job.status.state() == State::Failed) {
            text.push_str(&format!("\n  {}: {} – {}", job.action, job.status, job.message));
        }
        for job in jobs {
            for (path, why) in &job.excluded {
                text.push_str(&format!("\n  {path} of {} is held back: {why}", job.action));
            }
        }
        text
    }

    fn draw(&mut self, jobs: &[Job], now: i64) {
        let width = jobs
            .iter()
            .map(|job| job.action.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for job in jobs {
            let colour = match job.status.state() {
                State::Succeeded => "\x1b[32m",
                State::Failed => "\x1b[31m",
                State::Running => "\x1b[36m",
                State::Pending => "\x1b[2m",
            };
            let time = job.started_at.map_or_else(String::new, |start| {
                duration(job.completed_at.unwrap_or(now) - start)
            });
            let message = if job.status == StatusCode::Succeeded || job.status.state() == State::Running {
                ""
            } else {
                &job.message
            };
            text.push_str(&format!(
                "\x1b[2K{:width$}  {colour}{:<24}\x1b[0m {time:>10}  {message:.60}\n",
                job.action,
                job.status.name()
            ));
        }
        self.drawn = jobs.len();
        print(&text);
    }
}

impl Progress for Live {
    fn show(&mut self, jobs: &[Job], now: i64) {
        let changed: Vec<&Job> = jobs
            .iter()
            .filter(|job| self.seen.get(&job.id) != Some(&job.status))
            .collect();
        if self.terminal {
            let due = self
                .last
                .is_none_or(|last| last.elapsed() > Duration::from_millis(250));
            if !changed.is_empty() || due {
                self.draw(jobs, now);
                self.last = Some(Instant::now());
            }
        } else {
            for job in &changed {
                if job.status.state() != State::Pending {
                    print(&format!("{}: {} ({})\n", job.action, job.status, job.message));
                }
            }
        }
        self.seen = jobs.iter().map(|job| (job.id.clone(), job.status)).collect();
        self.jobs = jobs.to_vec();
    }

    fn warn(&mut self, message: &str) {
        print(&format!("warning: {message}\n"));
        self.drawn = 0;
    }
}

fn print(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
