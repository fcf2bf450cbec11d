//! The progress of a run on standard error.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::{Progress, Stage};

/// How often a plain line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the stages of a run on standard error: a bar each on a terminal, else a line now and then.
#[derive(Debug)]
pub struct Bars {
    bars: Option<MultiProgress>,
    stages: Mutex<HashMap<Stage, Shown>>,
}

#[derive(Debug)]
struct Shown {
    bar: Option<ProgressBar>,
    begun: Instant,
    line: Instant,
    resources: u64,
    bytes: u64,
    total: Option<u64>,
}

impl Default for Bars {
    fn default() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self {
            bars,
            stages: Mutex::new(HashMap::new()),
        }
    }
}

impl Bars {
    fn bar(&self, stage: Stage, total: Option<u64>) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix:>13} [{bar:30}] {human_pos}/{human_len} {per_sec} ETA {eta} {msg}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{prefix:>13} {spinner} {human_pos} {per_sec} {elapsed} {msg}",
            ),
        };
        let bar = bars.add(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(stage.as_str());
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(bar)
    }

    /// What a stage has done so far, in a line; empty where it has not begun.
    pub(super) fn line_of(&self, stage: Stage) -> String {
        let stages = self.stages.lock();
        let stages = stages.as_deref();
        stages
            .ok()
            .and_then(|stages| Some(amount(stage, stages.get(&stage)?)))
            .unwrap_or_default()
    }

    fn line(&self, text: &str) {
        print_above(self.bars.as_ref(), text);
    }
}

/// Prints a line above the bars, or alone. An error here means that the terminal is gone; the run goes on.
fn print_above(bars: Option<&MultiProgress>, text: &str) {
    match bars {
        Some(bars) => drop(bars.println(text)),
        None => drop(writeln!(std::io::stderr().lock(), "{text}")),
    }
}

fn amount(stage: Stage, shown: &Shown) -> String {
    let seconds = shown.begun.elapsed().as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = shown.resources as f64 / seconds;
    let of = shown.total.map(|t| format!(" of {t}")).unwrap_or_default();
    let bytes = if shown.bytes > 0 {
        format!(", {}", HumanBytes(shown.bytes))
    } else {
        String::new()
    };
    format!(
        "{stage}: {}{of}{bytes}, {rate:.0}/s, {seconds:.1} s",
        shown.resources
    )
}

impl Progress for Bars {
    fn begin(&self, stage: Stage, total: Option<u64>) {
        let bar = self.bar(stage, total);
        if bar.is_none() {
            self.line(&format!("{stage}: started"));
        }
        let now = Instant::now();
        if let Ok(mut stages) = self.stages.lock() {
            stages.insert(
                stage,
                Shown {
                    bar,
                    begun: now,
                    line: now,
                    resources: 0,
                    bytes: 0,
                    total,
                },
            );
        }
    }

    fn advance(&self, stage: Stage, resources: u64, bytes: u64) {
        let Ok(mut stages) = self.stages.lock() else {
            return;
        };
        let Some(shown) = stages.get_mut(&stage) else {
            return;
        };
        shown.resources += resources;
        shown.bytes += bytes;
        if let Some(bar) = &shown.bar {
            bar.inc(resources);
            if shown.bytes > 0 {
                bar.set_message(HumanBytes(shown.bytes).to_string());
            }
        } else if shown.line.elapsed() >= LINE_EVERY {
            shown.line = Instant::now();
            self.line(&amount(stage, shown));
        }
    }

    fn end(&self, stage: Stage) {
        let Ok(mut stages) = self.stages.lock() else {
            return;
        };
        let Some(shown) = stages.remove(&stage) else {
            return;
        };
        match &shown.bar {
            Some(bar) => bar.finish(),
            None => self.line(&format!("{} (done)", amount(stage, &shown))),
        }
    }

    fn note(&self, text: &str) {
        self.line(text);
    }

    fn teller(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        let bars = self.bars.clone();
        Box::new(move |text| print_above(bars.as_ref(), text))
    }
}
