//! How long a stage worked and on how much.

use std::sync::Mutex;
use std::time::Instant;

use crate::StageSummary;

/// Time from a stage's first to its last work, and how much it did; shared by its workers.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    first: Option<Instant>,
    last: Option<Instant>,
    resources: u64,
    bytes: u64,
}

impl Stopwatch {
    pub(crate) fn start(&self) {
        if let Ok(mut times) = self.0.lock() {
            let now = Instant::now();
            times.first.get_or_insert(now);
            times.last = Some(now);
        }
    }

    pub(crate) fn add(&self, resources: u64, bytes: u64) {
        if let Ok(mut times) = self.0.lock() {
            times.last = Some(Instant::now());
            times.resources += resources;
            times.bytes += bytes;
        }
    }

    pub(crate) fn summary(&self) -> StageSummary {
        let Ok(times) = self.0.lock() else {
            return StageSummary::default();
        };
        let seconds = match (times.first, times.last) {
            (Some(first), Some(last)) => last.duration_since(first).as_secs_f64(),
            _ => 0.0,
        };
        StageSummary {
            seconds,
            resources: times.resources,
            bytes: times.bytes,
        }
    }
}
