//! Progress on a terminal: files, bytes, rate and the time that is left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::Progress;

/// One bar a stage, on standard error.
pub(super) struct Bars {
    bar: Mutex<Option<ProgressBar>>,
    files: AtomicU64,
    all: AtomicU64,
    quiet: bool,
}

impl Bars {
    pub(super) fn new(quiet: bool) -> Self {
        Self {
            bar: Mutex::new(None),
            files: AtomicU64::new(0),
            all: AtomicU64::new(0),
            quiet,
        }
    }

    fn with(&self, what: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self
            .bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .as_ref()
        {
            what(bar);
        }
    }
}

impl Progress for Bars {
    fn begin(&self, stage: &'static str, files: u64, bytes: u64) {
        if self.quiet || files == 0 {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = "{prefix} {msg} files  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(stage);
        self.files.store(0, Ordering::Relaxed);
        self.all.store(files, Ordering::Relaxed);
        *self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(bar);
    }

    fn advance(&self, files: u64, bytes: u64) {
        let done = self.files.fetch_add(files, Ordering::Relaxed) + files;
        self.with(|bar| {
            bar.inc(bytes);
            bar.set_message(format!("{done}/{}", self.all.load(Ordering::Relaxed)));
        });
    }

    fn end(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}
