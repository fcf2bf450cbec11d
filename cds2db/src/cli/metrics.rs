//! What a run tells Prometheus. Counters go on where the file's last page had them.

use std::io;
use std::path::{Path, PathBuf};

use monitoring::{Exposition, Family, Kind, seconds_since_epoch};

use crate::{Summary, Verdict};

const RUNS: Family = Family::new(
    "cds2db_runs_total",
    Kind::Counter,
    "Runs that ended, by verdict; failed: with an error.",
);
const RESOURCES: Family = Family::new(
    "cds2db_resources_total",
    Kind::Counter,
    "Resources that arrived, by table and by what became of them.",
);
const ROWS: Family = Family::new(
    "cds2db_rows_total",
    Kind::Counter,
    "Typed rows by table, new in the hub or seen there before.",
);
const DEFECTS: Family = Family::new(
    "cds2db_defects_total",
    Kind::Counter,
    "Values that could not be typed, by table.",
);
const QUARANTINED: Family = Family::new(
    "cds2db_quarantined_rows_total",
    Kind::Counter,
    "Rows that the database refused, by table.",
);
const STAGE: Family = Family::new(
    "cds2db_stage_duration_seconds",
    Kind::Gauge,
    "How long each stage of the last run worked; stages overlap.",
);
const DURATION: Family = Family::new(
    "cds2db_last_run_duration_seconds",
    Kind::Gauge,
    "How long the last run took.",
);
const STARTED: Family = Family::new(
    "cds2db_last_run_start_timestamp_seconds",
    Kind::Gauge,
    "When the last run began; later than its end while it works.",
);
const ENDED: Family = Family::new(
    "cds2db_last_run_end_timestamp_seconds",
    Kind::Gauge,
    "When the last run ended, however it did.",
);
const COMPLETE: Family = Family::new(
    "cds2db_last_complete_run_timestamp_seconds",
    Kind::Gauge,
    "When a run last ended with nothing missing.",
);
const VERDICT: Family = Family::new(
    "cds2db_last_run_verdict",
    Kind::Gauge,
    "1 for the verdict of the last run, 0 for the others.",
);
const MISSING: Family = Family::new(
    "cds2db_last_run_missing",
    Kind::Gauge,
    "Searches and tables that the last run could not complete.",
);
const REMARKS: Family = Family::new("cds2db_last_run_remarks", Kind::Gauge, "Remarks of the last run.");
const MEMORY: Family = Family::new(
    "cds2db_last_run_peak_memory_bytes",
    Kind::Gauge,
    "Largest resident memory of the last run.",
);

/// Verdicts as labels; the last one is that of a run that ended with an error.
const VERDICTS: [&str; 4] = ["complete", "complete_with_remarks", "incomplete", "failed"];

/// The file that is written when a run begins and when it ends.
pub(super) struct Metrics {
    path: PathBuf,
    command: &'static str,
    page: Exposition,
}

impl Metrics {
    /// Reads the file, where there is one, and says in it that a run began.
    pub(super) fn begin(path: &Path, command: &'static str) -> io::Result<Self> {
        let mut metrics = Self {
            path: path.to_owned(),
            command,
            page: Exposition::of_file(path)?,
        };
        metrics
            .page
            .set(STARTED, &[("command", command)], seconds_since_epoch());
        metrics.page.write(path).map(|()| metrics)
    }

    /// Where the page is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds what a run did, or each part of it; `None`: it ended with an error.
    pub(super) fn end(&mut self, parts: Option<&[&Summary]>) -> io::Result<()> {
        // Another command may have written into the file in between.
        self.page = Exposition::of_file(&self.path)?;
        let command = self.command;
        let (page, mine) = (&mut self.page, [("command", command)]);
        let now = seconds_since_epoch();
        page.set(ENDED, &mine, now);
        let worst = parts.map(worst);
        let verdict = worst.map_or("failed", label);
        for name in VERDICTS {
            let labels = [("command", command), ("verdict", name)];
            page.set(VERDICT, &labels, f64::from(u8::from(name == verdict)));
            page.add(RUNS, &labels, f64::from(u8::from(name == verdict)));
        }
        if worst.is_some_and(|worst| worst != Verdict::Incomplete) {
            page.set(COMPLETE, &mine, now);
        }
        if let Some(parts) = parts {
            figures(page, command, parts);
        }
        page.write(&self.path)
    }
}

fn figures(page: &mut Exposition, command: &'static str, parts: &[&Summary]) {
    let mine = [("command", command)];
    page.remove(STAGE, &mine);
    for family in [DURATION, MISSING, REMARKS, MEMORY] {
        page.set(family, &mine, 0.0);
    }
    for summary in parts {
        page.add(DURATION, &mine, summary.seconds);
        page.add(MISSING, &mine, count(summary.incomplete.len() as u64));
        page.add(REMARKS, &mine, count(summary.remarks.len() as u64));
        let peak = page
            .get(MEMORY, &mine)
            .unwrap_or_default()
            .max(count(summary.peak_rss_bytes));
        page.set(MEMORY, &mine, peak);
        for (stage, done) in &summary.stages {
            page.add(
                STAGE,
                &[("command", command), ("stage", stage.as_str())],
                done.seconds,
            );
        }
        for (table, done) in &summary.tables {
            let of = [("command", command), ("table", table.as_str())];
            page.add(DEFECTS, &of, count(done.defects));
            page.add(QUARANTINED, &of, count(done.quarantined));
            let left_out = done.left_out.values().sum();
            for (family, state, number) in [
                (RESOURCES, "new", done.raw_new),
                (RESOURCES, "seen", done.raw_seen),
                (RESOURCES, "left_out", left_out),
                (ROWS, "new", done.typed_new),
                (ROWS, "seen", done.typed_seen),
            ] {
                page.add(family, &[of[0], of[1], ("state", state)], count(number));
            }
        }
    }
}

/// The verdict of all parts together; of none, that nothing is missing.
pub(super) fn worst(parts: &[&Summary]) -> Verdict {
    let verdicts = parts.iter().map(|part| part.verdict);
    verdicts.max().unwrap_or(Verdict::Complete)
}

fn label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => VERDICTS[0],
        Verdict::CompleteWithRemarks => VERDICTS[1],
        Verdict::Incomplete => VERDICTS[2],
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{Incomplete, StageSummary};

    fn summary(new: u64) -> Summary {
        let mut summary = Summary {
            seconds: 2.5,
            ..Summary::default()
        };
        let table = summary.table("patient");
        (table.raw_new, table.typed_new, table.defects) = (new, new * 2, 1);
        let stage = StageSummary {
            seconds: 1.5,
            ..StageSummary::default()
        };
        summary.stages.insert("download".to_owned(), stage);
        summary.judge();
        summary
    }

    /// Counters add up over processes, gauges are the last run's, and a failed run keeps when the last complete one was.
    #[test]
    fn counters_grow_and_gauges_are_of_the_last_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cds2db.prom");
        let after = |command, parts: Option<&[&Summary]>| {
            Metrics::begin(&path, command)
                .expect("begins")
                .end(parts)
                .expect("ends");
            Exposition::of_file(&path).expect("a page")
        };
        let (run, new) = (
            [("command", "run")],
            [("command", "run"), ("table", "patient"), ("state", "new")],
        );
        let mut incomplete = summary(1);
        incomplete
            .incomplete
            .push(Incomplete::of("Observation", "cut short".to_owned()));
        incomplete.judge();
        assert_eq!(after("run", Some(&[&incomplete])).get(COMPLETE, &run), None);

        let page = after("run", Some(&[&summary(3)]));
        assert_eq!(page.get(ROWS, &new), Some(8.0));
        assert_eq!(page.get(DURATION, &run), Some(2.5));
        assert_eq!(page.get(MISSING, &run), Some(0.0));
        let complete = page.get(COMPLETE, &run).expect("was complete");
        assert!(complete >= page.get(STARTED, &run).expect("began"));

        let page = after("run", None);
        assert_eq!(page.get(COMPLETE, &run), Some(complete));
        for (verdict, runs, last) in [
            ("complete", 1.0, 0.0),
            ("incomplete", 1.0, 0.0),
            ("failed", 1.0, 1.0),
        ] {
            let labels = [("command", "run"), ("verdict", verdict)];
            assert_eq!(page.get(RUNS, &labels), Some(runs), "{verdict}");
            assert_eq!(page.get(VERDICT, &labels), Some(last), "{verdict}");
        }

        // A backfill into the same file leaves what the nightly run said.
        let page = after("backfill", Some(&[&summary(1), &summary(1)]));
        assert_eq!(page.get(DURATION, &[("command", "backfill")]), Some(5.0));
        assert_eq!(page.get(ROWS, &new), Some(8.0));
        assert_eq!(page.get(COMPLETE, &run), Some(complete));
    }
}
