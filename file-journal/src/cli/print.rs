//! What the program prints: text for people or JSON for schedulers. Names of files pass one door, which writes control
//! characters out.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::check::{CheckReport, Kind};
use crate::journal::{FileRow, PastCommand, VersionSummary};
use crate::text::{bytes, shown};
use crate::{RestoreReport, ScanReport, SubmitReport, Unread, VerifyReport};

/// Items of a list that are printed; the rest is counted. JSON has them all.
const LISTED: usize = 50;

/// Standard output and error.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Text as it is. A reader that went away is no fault.
    pub(super) fn text(&mut self, text: &str) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    fn line(&mut self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    /// A remark that is no result.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(std::io::stderr(), "journal: {text}");
    }

    /// The result of a command that has no other.
    pub(super) fn done(&mut self, text: &str) {
        match self.json {
            true => self.value(&serde_json::json!({ "done": text })),
            false => self.line(text),
        }
    }

    fn value(&mut self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string_pretty(value) {
            self.line(&text);
        }
    }

    pub(super) fn ask(&mut self, question: &str) -> bool {
        if !std::io::stdin().is_terminal() {
            return false;
        }
        let _ = write!(std::io::stderr(), "{question} [y/N] ");
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        matches!(answer.trim(), "y" | "Y" | "yes")
    }

    fn left(&mut self, what: &str, left: &[Unread]) {
        for unread in left.iter().take(LISTED) {
            self.line(&format!(
                "  {what}: {}: {}",
                shown(&unread.path),
                shown(&unread.reason)
            ));
        }
        if left.len() > LISTED {
            self.line(&format!(
                "  {what}: and {} more (--json lists all)",
                left.len() - LISTED
            ));
        }
    }

    pub(super) fn scan(&mut self, report: &ScanReport) -> bool {
        let whole = report.is_whole();
        if self.json {
            self.value(report);
            return whole;
        }
        match &report.version {
            Some(version) => self.line(&format!("version {version}")),
            None => self.line("nothing changed; no version was made"),
        }
        for of in &report.modalities {
            self.line(&format!(
                "{}: {} added, {} changed, {} deleted, {} with another time only, {} unchanged",
                of.modality, of.added, of.updated, of.deleted, of.touched, of.kept
            ));
            for renamed in of.renamed.iter().take(LISTED) {
                self.line(&format!(
                    "  renamed: {} -> {}",
                    shown(&renamed.from),
                    shown(&renamed.to)
                ));
            }
            self.left("left out", &of.refused);
        }
        self.left("not read", &report.unread);
        for path in report.stray.iter().take(LISTED) {
            self.line(&format!("  stray: {}: no pattern takes it", shown(path)));
        }
        if report.stray.len() > LISTED {
            self.line(&format!(
                "  stray: and {} more (--json lists all)",
                report.stray.len() - LISTED
            ));
        }
        if !report.links.is_empty() {
            self.line(&format!(
                "  {} files are links; they were followed (--json lists them)",
                report.links.len()
            ));
        }
        self.line(&format!(
            "{} files read, {}, {:.1} s",
            report.hashed,
            bytes(report.hashed_bytes),
            report.seconds
        ));
        whole
    }

    pub(super) fn submit(&mut self, report: &SubmitReport) -> bool {
        let fine = report.skipped.is_empty() && report.failed.is_empty();
        if self.json {
            self.value(report);
            return fine;
        }
        self.line(&format!(
            "{} files sent ({}), {} copied in the store, {} were there already, {} wait",
            report.sent,
            bytes(report.bytes),
            report.copied,
            report.there_already,
            report.waiting
        ));
        self.left("left for the next scan", &report.skipped);
        self.left("not taken", &report.failed);
        if !report.versions.is_empty() {
            self.line(&format!("versions written: {}", report.versions.join(", ")));
        }
        fine
    }

    pub(super) fn verify(&mut self, report: &VerifyReport) -> bool {
        if self.json {
            self.value(report);
            return report.wrong.is_empty();
        }
        self.line(&format!(
            "{} read and equal, {} with the digest that was stored, {} by size only, {} wrong",
            report.proven,
            report.by_digest,
            report.by_size_only,
            report.wrong.len()
        ));
        for wrong in report.wrong.iter().take(LISTED) {
            let what = serde_json::to_string(&wrong.what).unwrap_or_default();
            self.line(&format!("  {}: {}", what.trim_matches('"'), shown(&wrong.path)));
        }
        if report.wrong.len() > LISTED {
            self.line(&format!(
                "  and {} more (--json lists all)",
                report.wrong.len() - LISTED
            ));
        }
        report.wrong.is_empty()
    }

    pub(super) fn restore(&mut self, report: &RestoreReport) -> bool {
        if self.json {
            self.value(report);
            return report.missing.is_empty();
        }
        self.line(&format!(
            "{} files restored ({}), {} were there already",
            report.restored,
            bytes(report.bytes),
            report.there_already
        ));
        self.left("missing", &report.missing);
        report.missing.is_empty()
    }

    pub(super) fn check(&mut self, report: &CheckReport) -> bool {
        if self.json {
            self.value(report);
            return report.may_be_sent();
        }
        for finding in &report.findings {
            let severity = format!("{:?}", finding.severity).to_lowercase();
            self.line(&format!(
                "{severity} {}: {}: {}",
                finding.kind.name(),
                shown(&finding.path),
                shown(&finding.reason)
            ));
        }
        let (errors, warnings) = (
            report.count(crate::check::Severity::Error),
            report.count(crate::check::Severity::Warning),
        );
        self.line(&format!(
            "{} files: {errors} errors, {warnings} warnings",
            report.files
        ));
        report.may_be_sent()
    }

    pub(super) fn kinds(&mut self) -> bool {
        for kind in Kind::ALL {
            let severity = format!("{:?}", kind.default_severity()).to_lowercase();
            self.line(&format!("{:<26} {severity:<8} {}", kind.name(), kind.about()));
        }
        true
    }

    pub(super) fn versions(&mut self, versions: &[VersionSummary]) {
        if self.json {
            return self.value(&versions);
        }
        for of in versions {
            self.line(&format!(
                "{}: {} files ({}), {} active, {} wait",
                shown(&of.version),
                of.files,
                bytes(of.bytes),
                of.active,
                of.waiting
            ));
        }
    }

    pub(super) fn files(&mut self, rows: &[FileRow]) {
        if self.json {
            return self.value(&rows);
        }
        let mut text = String::new();
        for row in rows {
            text.push_str(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}\n",
                row.version,
                row.modality,
                shown(&row.path),
                row.size,
                row.md5,
                row.uploaded.as_deref().unwrap_or("-")
            ));
        }
        self.text(&text);
    }

    pub(super) fn history(&mut self, commands: &[PastCommand]) {
        if self.json {
            return self.value(&commands);
        }
        for past in commands {
            let seconds = past.seconds.map(|s| format!(" ({s:.1} s)")).unwrap_or_default();
            self.line(&format!(
                "{} {} {}{seconds}",
                past.at,
                past.command,
                shown(&past.options)
            ));
        }
    }

    pub(super) fn marked(&mut self, what: &str, asked: usize, unknown: &[String]) -> bool {
        if self.json {
            self.value(
                &serde_json::json!({ "marked": asked - unknown.len(), "as": what, "unknown": unknown }),
            );
            return unknown.is_empty();
        }
        self.line(&format!("{} files marked as {what}", asked - unknown.len()));
        for path in unknown {
            self.line(&format!("  not in the journal: {}", shown(path)));
        }
        unknown.is_empty()
    }
}
