//! Who watches a run: somebody at the terminal, the service manager, a collector of metrics.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use monitoring::ServiceManager;

use super::Bars;
use super::metrics::Metrics;
use crate::Summary;
use crate::progress::{Progress, Stage};

/// What of a run is written for those who watch many.
#[derive(Debug, Args)]
pub(super) struct Watching {
    /// Write metrics into this file, as the textfile collector of Prometheus reads them: when the run begins and when it ends
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

/// Tells all of them.
pub(super) struct Watched {
    bars: Bars,
    manager: Arc<ServiceManager>,
    metrics: Option<Metrics>,
}

impl Watching {
    /// Nobody is told anything yet, but for what bars show.
    pub(super) fn of(&self, bars: Bars, command: &'static str) -> Watched {
        let metrics = self.metrics.as_deref().and_then(|path| {
            let begun = Metrics::begin(path, command);
            begun.map_err(|e| not_written(&bars, path, &e)).ok()
        });
        Watched {
            bars,
            manager: Arc::new(ServiceManager::of_environment()),
            metrics,
        }
    }
}

/// A run goes on without its metrics.
fn not_written(bars: &Bars, path: &Path, error: &std::io::Error) {
    bars.note(&format!(
        "note: the metrics in {} cannot be written: {error}",
        path.display()
    ));
}

impl Watched {
    /// The program has what it needs to begin.
    pub(super) fn ready(&self) {
        self.manager.ready("looks for server and hub");
    }

    /// Gives signs of life for as long as it is polled. Never ends: to be selected beside the work, in the task that does it, so
    /// that work that hangs in there gives none.
    pub(super) async fn signs_of_life(&self) -> Infallible {
        let Some(every) = self.manager.every() else {
            return std::future::pending().await;
        };
        loop {
            self.manager.alive();
            tokio::time::sleep(every.max(Duration::from_millis(10))).await;
        }
    }

    /// What is left to do when everything is stored.
    pub(super) fn closing(&self) {
        self.manager.alive();
        self.manager.status("writes the report");
    }

    /// Tells how it ended: the run, or each part of a backfill.
    /// `None`: with an error.
    pub(super) fn ended(&mut self, parts: Option<&[&Summary]>) {
        let word = match parts {
            None => "failed",
            Some(parts) if parts.iter().all(|part| part.complete) => "complete",
            Some(_) => "incomplete",
        };
        self.manager.stopping(word);
        if let Some(metrics) = &mut self.metrics
            && let Err(error) = metrics.end(parts)
        {
            not_written(&self.bars, metrics.path(), &error);
        }
    }
}

impl Progress for Watched {
    fn begin(&self, stage: Stage, total: Option<u64>) {
        self.bars.begin(stage, total);
        self.manager.status(&format!("{stage}: started"));
    }

    fn advance(&self, stage: Stage, resources: u64, bytes: u64) {
        self.bars.advance(stage, resources, bytes);
        self.manager.alive();
        self.manager.status_now_and_then(|| self.bars.line_of(stage));
    }

    fn end(&self, stage: Stage) {
        self.bars.end(stage);
        self.manager.status(&format!("{stage}: done"));
    }

    fn note(&self, text: &str) {
        self.bars.note(text);
        self.manager.status_now_and_then(|| text.to_owned());
    }

    fn teller(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        let (bars, manager) = (self.bars.teller(), Arc::clone(&self.manager));
        Box::new(move |text| {
            bars(text);
            manager.status(text);
        })
    }
}
