//! Scans a site's folders and brings the journal up to date.
//!
//! Every folder is walked to its end before anything is decided, only files whose size or time of modification changed are
//! read, and all changes are written in one transaction.

mod classify;
mod place;
mod report;
pub(crate) mod walk;

pub use report::{ModalityScan, Renamed, ScanReport, Unread};

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use crate::config::{Config, Modality, Mode};
use crate::journal::{Change, Command, Journal};
use crate::progress::Progress;
use crate::{Error, Result, version};
use classify::{Comparing, Known};
use place::OfModality;

/// Of a modality's files, the share that may be gone at once.
const GONE_SHARE: u64 = 5;
/// Files that may be gone at once whatever their share.
const GONE_FEW: u64 = 20;

/// How a scan is done.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// The version that changes belong to; one made now where none is given.
    pub version: Option<String>,
    /// Only these modalities; all where none is named.
    pub modalities: Vec<String>,
    /// Reads every file, also those whose size and time of modification are as before.
    pub rehash: bool,
    /// Accepts that many files, or all of a modality, are gone.
    pub allow_delete: bool,
    /// How the command was called, for the journal's history.
    pub called: String,
}

/// Brings the journal up to date with the site's folders.
///
/// # Errors
/// When a folder cannot be read, when more than a fifth of a modality's files (and more than twenty), or all of them, are
/// gone and that was not allowed, or when the journal cannot be written. The journal is unchanged then.
pub fn scan(
    config: &Config,
    journal: &mut Journal,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<ScanReport> {
    let begun = (Instant::now(), Timestamp::now());
    let modalities = config.selected(&options.modalities)?;
    let version = version::of_scan(journal, options.version.as_deref())?;
    let mut scanning = Scanning {
        config,
        journal,
        options,
        progress,
        report: ScanReport::default(),
        changes: Vec::new(),
    };
    for (root, of_root) in by_root(&config.modalities, &modalities) {
        scanning.root(&root, &of_root)?;
    }
    let Scanning {
        mut report, changes, ..
    } = scanning;
    report.seconds = begun.0.elapsed().as_secs_f64();
    if changes.is_empty() {
        return Ok(report);
    }
    // A clock that was set back must not put a scan before the last one.
    let at_us = begun.1.as_microsecond().max(journal.last_moment()? + 1);
    journal.apply(&version, at_us, &changes)?;
    let command = Command {
        begun: begun.1,
        common: options.called.clone(),
        name: "journal update",
        options: format!("--version {version}"),
        sources: modalities
            .iter()
            .map(|m| (m.name.clone(), m.root.to_string_lossy().into_owned()))
            .collect(),
        destination: None,
    };
    journal.note(&command)?;
    let renamed: Vec<&Renamed> = report.modalities.iter().flat_map(|m| &m.renamed).collect();
    if !renamed.is_empty() {
        journal.note(&Command {
            name: "journal rename",
            options: serde_json::to_string(&renamed).unwrap_or_default(),
            sources: Vec::new(),
            ..command
        })?;
    }
    report.version = Some(version);
    Ok(report)
}

/// Roots and their modalities: all that look at the root decide what is stray, the selected ones are scanned.
fn by_root<'c>(all: &'c [Modality], selected: &[&'c Modality]) -> BTreeMap<std::path::PathBuf, OfRoot<'c>> {
    let mut roots: BTreeMap<std::path::PathBuf, OfRoot<'c>> = BTreeMap::new();
    for modality in selected {
        roots
            .entry(modality.root.clone())
            .or_default()
            .selected
            .push(modality);
    }
    for modality in all {
        if let Some(of_root) = roots.get_mut(&modality.root) {
            of_root.all.push(modality);
        }
    }
    roots
}

#[derive(Default)]
struct OfRoot<'c> {
    all: Vec<&'c Modality>,
    selected: Vec<&'c Modality>,
}

/// What a scan works with, and what it has found so far.
struct Scanning<'s> {
    config: &'s Config,
    journal: &'s Journal,
    options: &'s ScanOptions,
    progress: &'s dyn Progress,
    report: ScanReport,
    changes: Vec<Change>,
}

impl Scanning<'_> {
    fn root(&mut self, root: &Path, of_root: &OfRoot<'_>) -> Result<()> {
        let walked = walk::walk(root, self.config.threads)?;
        let (mut sorted, stray) = place::place(&of_root.all, walked.files);
        let others = self.config.modalities.iter().map(|m| m.root.as_path());
        let inner: Vec<&Path> = others.filter(|other| *other != root).collect();
        let elsewhere = |path: &String| inner.iter().any(|other| root.join(path).starts_with(other));
        self.report
            .stray
            .extend(stray.into_iter().filter(|path| !elsewhere(path)));
        self.report.links.extend(walked.links);
        for modality in &of_root.selected {
            let of = sorted.remove(&modality.name).unwrap_or_default();
            self.modality(modality, of, &walked.unread)?;
        }
        self.report.unread.extend(walked.unread);
        Ok(())
    }

    fn modality(&mut self, modality: &Modality, of: OfModality, unread: &[Unread]) -> Result<()> {
        let OfModality { files, refused } = of;
        let known = Known::new(self.journal.active(&modality.name)?);
        let (count, bytes) = known.to_read(&files, self.options.rehash);
        self.progress.begin("scan", count, bytes);
        let (before, there) = (known.len(), files.len());
        let comparing = Comparing {
            rehash: self.options.rehash,
            deletes: self.config.mode == Mode::Full,
            threads: self.config.threads,
            unread,
            progress: self.progress,
        };
        let mut compared = known.compare(&modality.name, &modality.root, files, &comparing);
        self.progress.end();
        let gone = compared.scan.deleted;
        let many = gone > GONE_FEW && gone * GONE_SHARE > before;
        if !self.options.allow_delete && gone > 0 && (many || there == 0) {
            return Err(Error::TooManyGone {
                modality: modality.name.clone(),
                root: modality.root.clone(),
                gone,
                known: before,
            });
        }
        compared.scan.refused = refused;
        self.report.modalities.push(compared.scan);
        self.report.unread.append(&mut compared.unread);
        self.report.hashed += compared.hashed;
        self.report.hashed_bytes += compared.hashed_bytes;
        self.changes.append(&mut compared.changes);
        Ok(())
    }
}
