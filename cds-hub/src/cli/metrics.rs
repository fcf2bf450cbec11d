//! What the scheduler tells Prometheus.

use std::path::{Path, PathBuf};

use cds_hub::status::Figures;
use monitoring::{Exposition, Family, Kind, seconds_since_epoch as now};

const UP: Family = Family::new("cds_hub_up", Kind::Gauge, "Whether the hub answered.");
const INBOX: Family = Family::new("cds_hub_inbox_rows", Kind::Gauge, "Rows that wait, by inbox.");
const QUARANTINE: Family = Family::new(
    "cds_hub_quarantine_rows",
    Kind::Gauge,
    "Rows that the core refused.",
);
const DUE: Family = Family::new(
    "cds_hub_quarantine_due_rows",
    Kind::Gauge,
    "Of these, rows that are due for another attempt.",
);
const LOCKED: Family = Family::new("cds_hub_locked", Kind::Gauge, "Whether the hub's lock is held.");
const LOCK: Family = Family::new(
    "cds_hub_lock_age_seconds",
    Kind::Gauge,
    "How long the present holder has had the lock.",
);
const IMPORT: Family = Family::new(
    "cds_hub_last_import_timestamp_seconds",
    Kind::Gauge,
    "When a module last finished an import.",
);
const UNANSWERED: Family = Family::new(
    "cds_hub_unanswered_searches",
    Kind::Gauge,
    "Patients or ids whose search is asked again, by watermark.",
);
const SIZE: Family = Family::new("cds_hub_database_bytes", Kind::Gauge, "Size of the database.");
const LOOKED: Family = Family::new(
    "cds_hub_last_look_timestamp_seconds",
    Kind::Gauge,
    "When the scheduler last looked into the inboxes and could.",
);
const TRANSFERS: Family = Family::new(
    "cds_hub_transfers_total",
    Kind::Counter,
    "Looks of the scheduler that found something to do, or could not work.",
);

/// Metrics of one hub, which begin anew with the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    page: Exposition,
    path: Option<PathBuf>,
}

impl Metrics {
    /// Those for a file; without one nothing is written.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        let mut metrics = Self {
            page: Exposition::default(),
            path: path.map(Path::to_owned),
        };
        for outcome in ["done", "failed"] {
            metrics.page.set(TRANSFERS, &[("outcome", outcome)], 0.0);
        }
        metrics
    }

    /// Whether there is a file.
    pub(crate) fn are_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// The scheduler looked and found nothing to do.
    pub(crate) fn looked(&mut self) {
        self.page.set(LOOKED, &[], now());
    }

    /// It moved rows, or failed to.
    pub(crate) fn transferred(&mut self, has_failed: bool) {
        let outcome = if has_failed { "failed" } else { "done" };
        self.page.add(TRANSFERS, &[("outcome", outcome)], 1.0);
    }

    /// Writes them with these figures; `None` where the hub did not answer.
    pub(crate) fn write(&mut self, figures: Option<&Figures>) -> std::io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        for family in [INBOX, QUARANTINE, DUE, LOCKED, LOCK, IMPORT, UNANSWERED, SIZE] {
            self.page.remove(family, &[]);
        }
        self.page.set(UP, &[], f64::from(u8::from(figures.is_some())));
        if let Some(figures) = figures {
            for (inbox, rows) in &figures.inboxes {
                self.page.set(INBOX, &[("inbox", inbox)], count(*rows));
            }
            self.page.set(QUARANTINE, &[], count(figures.quarantine.rows));
            self.page.set(DUE, &[], count(figures.quarantine.due));
            self.page
                .set(LOCKED, &[], f64::from(u8::from(figures.lock.is_some())));
            if let Some((module, since)) = &figures.lock {
                self.page
                    .set(LOCK, &[("module", module)], (now() - since).max(0.0));
            }
            for (module, at) in &figures.imports {
                self.page.set(IMPORT, &[("module", module)], *at);
            }
            for (watermark, searches) in &figures.unanswered {
                self.page
                    .set(UNANSWERED, &[("watermark", watermark)], count(*searches));
            }
            self.page.set(SIZE, &[], count(figures.bytes));
        }
        self.page.write(path)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn count(number: i64) -> f64 {
    number as f64
}
