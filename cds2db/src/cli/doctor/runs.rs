//! The last runs by their verdicts.

use std::path::Path;

use work_dir::{Layout, Runs};

use super::finding::Findings;
use crate::{Summary, Verdict};

const SECTION: &str = "runs";
/// How many are shown, newest first.
const SHOWN: usize = 8;

pub(super) fn look(found: &mut Findings, directory: &Path) {
    let Ok(runs) = Runs::below(directory).all() else {
        found.look(SECTION, "directory", "has no runs that can be read");
        return;
    };
    found.fine(SECTION, "kept", runs.len());
    for run in runs.iter().rev().take(SHOWN) {
        one(found, run);
    }
}

fn one(found: &mut Findings, run: &Layout) {
    // Its directory is named by its time, or it would not be among the runs.
    let name = run.root().file_name().unwrap_or_default().to_string_lossy();
    let Ok(bytes) = std::fs::read(run.summary()) else {
        found.look(SECTION, &name, "not finished");
        return;
    };
    let Ok(summary) = serde_json::from_slice::<Summary>(&bytes) else {
        found.look(SECTION, &name, "its figures cannot be read");
        return;
    };
    let count = |of: fn(&crate::TableSummary) -> u64| summary.tables.values().map(of).sum::<u64>();
    let text = format!(
        "{} in {:.0} s; {} missing, {} remarks; resources {} new, {} seen; rows {} new, {} seen; {} defects, {} in \
         quarantine; peak {} MiB",
        summary.verdict,
        summary.seconds,
        summary.incomplete.len(),
        summary.remarks.len(),
        count(|t| t.raw_new),
        count(|t| t.raw_seen),
        count(|t| t.typed_new),
        count(|t| t.typed_seen),
        count(|t| t.defects),
        count(|t| t.quarantined),
        summary.peak_rss_bytes >> 20
    );
    match summary.verdict {
        Verdict::Complete => found.fine(SECTION, &name, text),
        _ => found.look(SECTION, &name, text),
    }
}
