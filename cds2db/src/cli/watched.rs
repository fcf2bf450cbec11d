//! Who watches a run: somebody at the terminal, the service manager, a collector of metrics.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use monitoring::ServiceManager;

use super::Bars;
use super::metrics::{Metrics, worst};
use crate::progress::{Progress, Stage};
use crate::{Summary, Verdict};

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

    /// As [`ServiceManager::signs_of_life`].
    pub(super) async fn signs_of_life(&self) -> Infallible {
        self.manager.signs_of_life().await
    }

    /// What is left to do when everything is stored.
    pub(super) fn closing(&self) {
        self.manager.alive();
        self.manager.status("writes the report");
    }

    /// Tells how it ended: the run, or each part of a backfill.
    /// `None`: with an error.
    pub(super) fn ended<'s>(&mut self, parts: Option<impl Iterator<Item = &'s Summary>>) {
        let parts: Option<Vec<&Summary>> = parts.map(Iterator::collect);
        let parts = parts.as_deref();
        let word = match parts.map(worst) {
            None => "failed",
            Some(Verdict::Incomplete) => "incomplete",
            Some(_) => "complete",
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
