use std::fmt::Write;

use indicatif::HumanBytes;
use site_config::shown;

use crate::{Summary, TableSummary, Verdict};

/// The end of a run as a person wants to read it.
#[must_use]
pub fn report(summary: &Summary) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<26}{:>11}{:>10}{:>10}{:>10}{:>10}{:>9}{:>12}",
        "table", "downloaded", "raw new", "raw seen", "typed new", "typ. seen", "defects", "left out"
    );
    let mut sum = TableSummary::default();
    for (name, table) in &summary.tables {
        line(&mut out, name, table);
        add(&mut sum, table);
    }
    line(&mut out, "total", &sum);
    for (name, table) in &summary.tables {
        for (reason, count) in &table.left_out {
            let _ = writeln!(out, "  {name}: {count} left out: {reason}");
        }
        if table.quarantined > 0 {
            let _ = writeln!(
                out,
                "  {name}: {} in quarantine, tried again at every transfer: cds-hub quarantine list",
                table.quarantined
            );
        }
    }
    if sum.typed_seen > 0 {
        out.push_str(
            "  typ. seen: typed rows whose content the hub has already, from an earlier run or from another resource of this one\n",
        );
    }
    for (resource, count) in &summary.deleted {
        let _ = writeln!(
            out,
            "  {resource}: {count} are gone from the server, marked in v_deleted_resource"
        );
    }
    for (name, output) in &summary.outputs {
        let _ = writeln!(
            out,
            "{name}: {} rows, {} new or changed, {} seen again",
            output.rows, output.new, output.seen
        );
    }
    out.push('\n');
    for (name, stage) in &summary.stages {
        let _ = write!(out, "{name} {:.1} s   ", stage.seconds);
    }
    let _ = writeln!(out, "(stages overlap)");
    let _ = writeln!(
        out,
        "whole run {:.1} s, peak memory {}, {} patients on wards, {} patients asked for",
        summary.seconds,
        HumanBytes(summary.peak_rss_bytes),
        summary.ward_patients,
        summary.patients
    );
    for note in &summary.notes {
        let _ = writeln!(out, "note: {}", shown(note));
    }
    for remark in &summary.remarks {
        let _ = writeln!(out, "REMARK: {}", shown(remark));
    }
    for search in &summary.incomplete {
        let _ = writeln!(out, "INCOMPLETE: {}", shown(&search.to_string()));
    }
    let verdict = match summary.verdict {
        Verdict::Complete => "Complete: every search delivered everything, and everything is stored.",
        Verdict::CompleteWithRemarks => {
            "Complete with remarks: every search delivered everything; what needs a look is listed above."
        }
        Verdict::Incomplete => {
            "NOT COMPLETE: what is missing is listed above; the next run asks for it again."
        }
    };
    let _ = writeln!(out, "{verdict}");
    out
}

fn line(out: &mut String, name: &str, t: &TableSummary) {
    let left_out: u64 = t.left_out.values().sum::<u64>() + t.quarantined;
    let _ = writeln!(
        out,
        "{name:<26}{:>11}{:>10}{:>10}{:>10}{:>10}{:>9}{left_out:>12}",
        t.downloaded, t.raw_new, t.raw_seen, t.typed_new, t.typed_seen, t.defects
    );
}

fn add(sum: &mut TableSummary, t: &TableSummary) {
    sum.downloaded += t.downloaded;
    sum.raw_new += t.raw_new;
    sum.raw_seen += t.raw_seen;
    sum.typed_new += t.typed_new;
    sum.typed_seen += t.typed_seen;
    sum.defects += t.defects;
    sum.quarantined += t.quarantined;
    for (reason, count) in &t.left_out {
        *sum.left_out.entry(reason.clone()).or_default() += count;
    }
}
