//! One page about a journal: files and bytes by modality and version, what changed, what waits and why, and which patients
//! have which modalities. Self-contained: no script, no network, no external file.

mod chart;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::CheckReport;
use crate::config::Config;
use crate::journal::{FileRow, Journal, PastCommand};
use crate::{Result, SubmitReport};

/// What the page shows; also as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Files and bytes of each modality after each version, oldest first.
    pub versions: Vec<OfVersion>,
    /// Active files of each modality.
    pub modalities: Vec<OfModality>,
    /// Active files that wait to be sent.
    pub waiting: Vec<Waiting>,
    /// How many patients have exactly these modalities.
    pub patients: Vec<(Vec<String>, u64)>,
    /// The last commands, newest first.
    pub history: Vec<PastCommand>,
}

/// A version: what it changed, and what stood after it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OfVersion {
    /// Its name.
    pub version: String,
    /// New files.
    pub added: u64,
    /// Files with other content than before.
    pub changed: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// Bytes that it brought.
    pub bytes_brought: u64,
    /// Files after it, by modality.
    pub files: BTreeMap<String, u64>,
    /// Bytes after it, by modality.
    pub bytes: BTreeMap<String, u64>,
}

/// A modality now.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OfModality {
    /// Its name.
    pub modality: String,
    /// Active files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Patients with an active file.
    pub patients: u64,
    /// Of the files, those that wait.
    pub waiting: u64,
    /// Bytes that wait.
    pub waiting_bytes: u64,
}

/// A file that waits.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// The modality.
    pub modality: String,
    /// The path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Why the last submission left it, where one is known.
    pub why: Option<String>,
}

/// Looks at a journal; `last` is what the last submission left.
///
/// # Errors
/// When the journal cannot be read.
pub fn overview(config: &Config, journal: &Journal, last: Option<&SubmitReport>) -> Result<Overview> {
    let rows = journal.all_rows()?;
    let mut reasons: BTreeMap<&str, &str> = BTreeMap::new();
    for left in last
        .iter()
        .flat_map(|report| report.skipped.iter().chain(&report.failed))
    {
        reasons.insert(&left.path, &left.reason);
    }
    let mut history = journal.history()?;
    history.reverse();
    history.truncate(20);
    Ok(Overview {
        versions: versions(journal, &rows)?,
        modalities: modalities(config, &rows),
        waiting: rows
            .iter()
            .filter(|row| row.is_waiting())
            .map(|row| Waiting {
                modality: row.modality.clone(),
                path: row.path.clone(),
                size: row.size,
                why: reasons.get(row.path.as_str()).map(|why| (*why).to_owned()),
            })
            .collect(),
        patients: patients(&rows),
        history,
    })
}

fn versions(journal: &Journal, rows: &[FileRow]) -> Result<Vec<OfVersion>> {
    let mut all = Vec::new();
    let mut before: BTreeMap<(String, String), String> = BTreeMap::new();
    for summary in journal.versions()? {
        let files = journal.files_of(&summary.version, None)?;
        let mut of = OfVersion {
            version: summary.version.clone(),
            ..OfVersion::default()
        };
        let mut now = BTreeMap::new();
        for file in files {
            *of.files.entry(file.modality.clone()).or_default() += 1;
            *of.bytes.entry(file.modality.clone()).or_default() += file.size;
            now.insert((file.modality, file.path), file.md5);
        }
        for (key, md5) in &now {
            match before.get(key) {
                None => of.added += 1,
                Some(old) if old != md5 => of.changed += 1,
                Some(_) => {}
            }
        }
        of.deleted = before.keys().filter(|key| !now.contains_key(*key)).count() as u64;
        of.bytes_brought = rows
            .iter()
            .filter(|row| row.version == of.version)
            .map(|row| row.size)
            .sum();
        before = now;
        all.push(of);
    }
    Ok(all)
}

fn modalities(config: &Config, rows: &[FileRow]) -> Vec<OfModality> {
    let mut names: Vec<String> = config.modalities.iter().map(|m| m.name.clone()).collect();
    for row in rows {
        if !names.contains(&row.modality) {
            names.push(row.modality.clone());
        }
    }
    let of = |name: String| {
        let active: Vec<&FileRow> = rows
            .iter()
            .filter(|row| row.is_active() && row.modality == name)
            .collect();
        let waiting: Vec<&&FileRow> = active.iter().filter(|row| row.is_waiting()).collect();
        let patients: BTreeSet<&str> = active.iter().filter_map(|row| row.person.as_deref()).collect();
        OfModality {
            files: active.len() as u64,
            bytes: active.iter().map(|row| row.size).sum(),
            patients: patients.len() as u64,
            waiting: waiting.len() as u64,
            waiting_bytes: waiting.iter().map(|row| row.size).sum(),
            modality: name,
        }
    };
    names.into_iter().map(of).collect()
}

/// Sets of modalities and how many patients have exactly them, most patients first.
fn patients(rows: &[FileRow]) -> Vec<(Vec<String>, u64)> {
    let mut of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_active()) {
        if let Some(person) = &row.person {
            of.entry(person).or_default().insert(&row.modality);
        }
    }
    let mut counts: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for set in of.into_values() {
        *counts
            .entry(set.into_iter().map(str::to_owned).collect())
            .or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// The page.
#[must_use]
pub fn html(overview: &Overview, checked: Option<&CheckReport>) -> String {
    page::html(overview, checked)
}
