//! Sends what changed to the central store. A row is marked as sent only when its object is proven to be there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Modality};
use crate::journal::{Command, FileRow, Journal};
use crate::progress::Progress;
use crate::scan::{Unread, walk};
use crate::store::{self, Limit, Store};
use crate::{Error, Result, lock, side_by_side, version};

/// Files that are marked with one transaction, at most: what a killed submission looks for again.
const GROUP: usize = 100;
/// Bytes of a group, about.
const GROUP_BYTES: u64 = 1 << 30;
/// How often a store is asked that does not answer.
const ATTEMPTS: u32 = 4;

/// What is sent.
#[derive(Debug, Clone, Default)]
pub struct SubmitOptions {
    /// Only these modalities; all where none is named.
    pub modalities: Vec<String>,
    /// Files at most.
    pub max_files: Option<usize>,
    /// How the command was called, for the journal's history.
    pub called: String,
}

/// What became of a submission.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SubmitReport {
    /// Files sent.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that the store copied from another path or version, so that they were not sent.
    pub copied: u64,
    /// Files that an earlier submission had sent before it could mark them.
    pub there_already: u64,
    /// Files that are not as the scan found them: they wait for the next scan.
    pub skipped: Vec<Unread>,
    /// Files that the store did not take.
    pub failed: Vec<Unread>,
    /// Files that still wait.
    pub waiting: u64,
    /// The versions whose folders were written.
    pub versions: Vec<String>,
    /// Seconds.
    pub seconds: f64,
}

impl SubmitReport {
    /// Whether everything that the last scan found is proven to be in the store.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.waiting == 0
    }
}

/// How a file came to be in the store.
enum Proof {
    Sent,
    Copied,
    There,
}

/// Why a file is not in the store.
enum Kept {
    Skipped(String),
    Failed(String),
}

/// Sends all active files that have not been sent.
///
/// # Errors
/// When the configuration names no store, the central journal is not checked out here, or the journal cannot be written.
/// A file that the store does not take is no error: it is named in the report and waits.
pub fn submit(
    config: &Config,
    journal: &mut Journal,
    options: &SubmitOptions,
    progress: &dyn Progress,
) -> Result<SubmitReport> {
    lock::check(config)?;
    let begun = (Instant::now(), Timestamp::now());
    let moment = version::upload_moment();
    let limit = Limit::new(config.bandwidth);
    let mut report = SubmitReport::default();
    let mut stores: BTreeMap<String, Box<dyn Store>> = BTreeMap::new();
    let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
    let mut room = options.max_files.unwrap_or(usize::MAX);
    for modality in config.selected(&options.modalities)? {
        let place = config.central_of(modality)?;
        if !stores.contains_key(&place.url) {
            stores.insert(place.url.clone(), store::open(place)?);
        }
        let Some(store) = stores.get(&place.url) else {
            continue;
        };
        let mut waiting = journal.waiting(&modality.name)?;
        report.waiting += waiting.len() as u64;
        waiting.truncate(room);
        room -= waiting.len();
        progress.begin(
            "submit",
            waiting.len() as u64,
            waiting.iter().map(|row| row.size).sum(),
        );
        let sent = journal.sent_digests(&modality.name)?;
        let sending = Sending {
            store: store.as_ref(),
            modality,
            sent: &sent,
            limit: &limit,
            progress,
        };
        for group in groups(&waiting) {
            let sources = sending.sources(journal, group)?;
            let items: Vec<(&FileRow, &Option<String>)> = group.iter().zip(&sources).collect();
            let done = side_by_side::map(&items, config.threads, |(row, source)| {
                sending.send(row, source.as_deref())
            });
            let mut proven = Vec::new();
            for (row, outcome) in group.iter().zip(done) {
                if report.take(row, outcome) {
                    proven.push(row.id);
                    touched.insert((place.url.clone(), row.version.clone()));
                }
            }
            journal.mark_sent(&proven, &moment)?;
            report.waiting -= proven.len() as u64;
        }
        progress.end();
    }
    report.seconds = begun.0.elapsed().as_secs_f64();
    report.versions = touched.iter().map(|(_, version)| version.clone()).collect();
    report.versions.dedup();
    journal.note(&Command {
        begun: begun.1,
        common: options.called.clone(),
        name: "file upload",
        options: options
            .max_files
            .map(|most| format!("--max-num-files {most}"))
            .unwrap_or_default(),
        sources: config
            .modalities
            .iter()
            .map(|m| (m.name.clone(), m.root.to_string_lossy().into_owned()))
            .collect(),
        destination: config.central.as_ref().map(|place| place.shown().to_owned()),
    })?;
    for (url, version) in &touched {
        let Some(store) = stores.get(url) else { continue };
        keep_journal(store.as_ref(), journal, version)?;
    }
    Ok(report)
}

/// A copy of the journal in a version's folder, so that the folder explains itself.
fn keep_journal(store: &dyn Store, journal: &Journal, version: &str) -> Result<()> {
    let path = journal.path();
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("journal.db");
    let mut file = File::open(path).map_err(Error::file("opening the journal", path))?;
    store.put(&format!("{version}/{name}"), &mut file).map(|_| ())
}

/// Cuts rows into groups of so many files and bytes.
fn groups(rows: &[FileRow]) -> impl Iterator<Item = &[FileRow]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0_u64;
        let mut count = 0;
        while count < rest.len().min(GROUP) && (count == 0 || bytes < GROUP_BYTES) {
            bytes = bytes.saturating_add(rest[count].size);
            count += 1;
        }
        let (group, others) = rest.split_at(count);
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

impl SubmitReport {
    /// Counts an outcome; whether the file is proven to be in the store.
    fn take(&mut self, row: &FileRow, outcome: std::result::Result<Proof, Kept>) -> bool {
        let left = |reason| Unread {
            path: row.path.clone(),
            reason,
        };
        match outcome {
            Ok(Proof::Sent) => {
                self.sent += 1;
                self.bytes += row.size;
            }
            Ok(Proof::Copied) => self.copied += 1,
            Ok(Proof::There) => self.there_already += 1,
            Err(Kept::Skipped(reason)) => {
                self.skipped.push(left(reason));
                return false;
            }
            Err(Kept::Failed(reason)) => {
                self.failed.push(left(reason));
                return false;
            }
        }
        true
    }
}

/// What sending works with.
struct Sending<'s> {
    store: &'s dyn Store,
    modality: &'s Modality,
    sent: &'s HashSet<String>,
    limit: &'s Limit,
    progress: &'s dyn Progress,
}

impl Sending<'_> {
    /// Where the store has the content of rows already, as the journal knows it.
    fn sources(&self, journal: &Journal, rows: &[FileRow]) -> Result<Vec<Option<String>>> {
        let source = |row: &FileRow| {
            if row.size == 0 || !self.sent.contains(&row.md5) {
                return Ok(None);
            }
            let older = journal.sent_with(&self.modality.name, row.size, &row.md5)?;
            let path = |older: &FileRow| {
                let path = self.modality.central_path(&older.path)?;
                Some(format!("{}/{path}", older.version))
            };
            Ok(older.iter().find_map(path))
        };
        rows.iter().map(source).collect()
    }

    fn send(&self, row: &FileRow, source: Option<&str>) -> std::result::Result<Proof, Kept> {
        let mut wait = Duration::from_millis(300);
        for attempt in 1.. {
            match self.try_send(row, source) {
                Ok(outcome) => {
                    let counted = matches!(outcome, Ok(Proof::Sent));
                    self.progress.advance(1, if counted { 0 } else { row.size });
                    return outcome;
                }
                Err(error) if error.is_temporary() && attempt < ATTEMPTS => {
                    std::thread::sleep(wait);
                    wait *= 3;
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                    return Err(Kept::Failed(format!("{error}{}", cause.unwrap_or_default())));
                }
            }
        }
        Err(Kept::Failed("not tried".to_owned()))
    }

    /// The outer error may be worth another attempt.
    fn try_send(&self, row: &FileRow, source: Option<&str>) -> Result<std::result::Result<Proof, Kept>> {
        let skipped = |reason: &str| Ok(Err(Kept::Skipped(reason.to_owned())));
        let Some(central) = self.modality.central_path(&row.path) else {
            return skipped("does not fit the configured pattern any more");
        };
        let target = format!("{}/{central}", row.version);
        let path = self.modality.root.join(&row.path);
        match std::fs::metadata(&path) {
            Ok(now) if now.len() == row.size && walk::modified_us(&now) == row.modified_us => {}
            Ok(_) => return skipped("changed since the scan"),
            Err(e) => return skipped(&format!("cannot be read any more: {}", e.kind())),
        }
        if self.holds(&target, row)? {
            return Ok(Ok(Proof::There));
        }
        if let Some(source) = source
            && source != target
            && self
                .store
                .stat(source)?
                .is_some_and(|s| s.size == row.size && s.md5.as_deref() == Some(&row.md5))
        {
            self.store.copy(source, &target)?;
            if self.holds(&target, row)? {
                return Ok(Ok(Proof::Copied));
            }
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) => return skipped(&format!("cannot be read any more: {}", e.kind())),
        };
        let each = |bytes| self.progress.advance(0, bytes);
        let written = self.store.put(&target, &mut self.limit.over(file, &each))?;
        if written.size != row.size || written.md5 != row.md5 {
            // Nothing stays under a version that the journal does not know.
            self.store.remove(&target)?;
            return skipped("changed while it was sent");
        }
        match self.store.stat(&target)? {
            Some(stored) if stored.size == row.size => Ok(Ok(Proof::Sent)),
            _ => Ok(Err(Kept::Failed(
                "the store does not show it after it was sent".to_owned(),
            ))),
        }
    }

    /// Whether the store has this content at this path: by the digest that was stored with it, or by reading it back.
    fn holds(&self, target: &str, row: &FileRow) -> Result<bool> {
        let Some(stored) = self.store.stat(target)? else {
            return Ok(false);
        };
        if stored.size != row.size {
            return Ok(false);
        }
        match stored.md5 {
            Some(md5) => Ok(md5 == row.md5),
            None => Ok(
                store::proven(self.store, target)?.is_some_and(|w| w.md5 == row.md5 && w.size == row.size)
            ),
        }
    }
}
