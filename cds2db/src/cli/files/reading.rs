use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// How often a plain line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows on standard error how much of the input is read: a bar on a terminal, else a line now and then.
pub(in crate::cli) struct Reading {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    so_far: Mutex<(u64, Instant)>,
}

impl Reading {
    /// `total` is how many bytes there are to read, if that is known.
    pub(in crate::cli) fn begin(total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match total {
                Some(total) => (
                    ProgressBar::new(total),
                    "{prefix:>8} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}",
                ),
                None => (
                    ProgressBar::new_spinner(),
                    "{prefix:>8} {spinner} {bytes} {bytes_per_sec} {elapsed}",
                ),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix("reading");
            bar
        });
        Self {
            bar,
            total,
            so_far: Mutex::new((0, Instant::now())),
        }
    }

    pub(in crate::cli) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
            return;
        }
        let Ok(mut so_far) = self.so_far.lock() else {
            return;
        };
        so_far.0 += bytes;
        if so_far.1.elapsed() >= LINE_EVERY {
            so_far.1 = Instant::now();
            let of = self
                .total
                .map(|total| format!(" of {}", HumanBytes(total)))
                .unwrap_or_default();
            // An error here means that nobody reads standard error; the work goes on.
            drop(writeln!(
                std::io::stderr().lock(),
                "reading: {}{of}",
                HumanBytes(so_far.0)
            ));
        }
    }

    pub(in crate::cli) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
