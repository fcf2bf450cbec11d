//! Looks at a site's folders as the procedure asks, before anything is sent: tables, images, waveforms and who they
//! belong to.

mod images;
mod kind;
mod omop;
mod omop_tables;
mod waveforms;

pub use kind::{Kind, Severity};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::config::{Config, Modality};
use crate::pattern::Parsed;
use crate::progress::Progress;
use crate::scan::walk;
use crate::{Result, side_by_side};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How severe.
    pub severity: Severity,
    /// What.
    pub kind: Kind,
    /// The modality, where the file has one.
    pub modality: Option<String>,
    /// The file or folder, relative to the modality's root.
    pub path: String,
    /// Why: columns, lines and ids, never a value of a table.
    pub reason: String,
}

/// What was looked at and found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CheckReport {
    /// What is wrong, the most severe first.
    pub findings: Vec<Finding>,
    /// Files looked at.
    pub files: u64,
    /// Patients by modality: who has images, waveforms, tables.
    pub patients: BTreeMap<String, BTreeSet<String>>,
}

impl CheckReport {
    /// Whether nothing severe was found.
    #[must_use]
    pub fn may_be_sent(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity < Severity::Error)
    }

    /// Findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// A file of a modality.
struct Item<'m> {
    modality: &'m Modality,
    person: Option<String>,
    /// The path behind the modality's folder.
    inner: String,
    path: String,
    size: u64,
}

/// Collects findings with the configured severities.
struct Collector<'c> {
    severities: &'c BTreeMap<String, Severity>,
    findings: Vec<Finding>,
}

/// A finding before its severity is known.
type Raw = (Kind, String, String);

impl Collector<'_> {
    fn add(&mut self, modality: Option<&str>, (kind, path, reason): Raw) {
        let severity = self.severities.get(kind.name()).copied();
        let severity = severity.unwrap_or_else(|| kind.default_severity());
        if severity != Severity::Off {
            self.findings.push(Finding {
                severity,
                kind,
                modality: modality.map(str::to_owned),
                path,
                reason,
            });
        }
    }
}

/// Looks at all files of the configured modalities.
///
/// # Errors
/// When a root cannot be read.
pub fn check(config: &Config, modalities: &[String], progress: &dyn Progress) -> Result<CheckReport> {
    let selected = config.selected(modalities)?;
    let mut collector = Collector {
        severities: &config.severities,
        findings: Vec::new(),
    };
    let items = items(config, &selected, &mut collector)?;
    let mut report = CheckReport {
        files: items.len() as u64,
        ..CheckReport::default()
    };
    progress.begin(
        "check",
        items.len() as u64,
        items.iter().map(|item| item.size).sum(),
    );
    for item in items.iter().filter(|item| item.size == 0) {
        let raw = (Kind::EmptyFile, item.path.clone(), "it has no bytes".to_owned());
        collector.add(Some(&item.modality.name), raw);
    }
    let persons = match selected.iter().find(|m| m.name == "OMOP") {
        Some(modality) => {
            let tables: Vec<&Item<'_>> = items.iter().filter(|item| item.modality.name == "OMOP").collect();
            let (persons, found) = omop::check(&modality.root, &tables, progress);
            found.into_iter().for_each(|raw| collector.add(Some("OMOP"), raw));
            persons
        }
        None => None,
    };
    if let Some(persons) = &persons {
        report.patients.insert("OMOP".to_owned(), persons.clone());
    }
    for item in &items {
        if let Some(person) = &item.person
            && item.modality.name != "OMOP"
        {
            report
                .patients
                .entry(item.modality.name.clone())
                .or_default()
                .insert(person.clone());
        }
    }
    unknown_patients(&items, persons.as_ref(), &mut collector);
    for (name, look) in [
        (
            "Images",
            images::check as fn(&Path, &[&Item<'_>], usize, &dyn Progress) -> Vec<Raw>,
        ),
        ("Waveforms", waveforms::check),
    ] {
        let of: Vec<&Item<'_>> = items
            .iter()
            .filter(|i| i.modality.name == name && i.size > 0)
            .collect();
        if let Some(first) = of.first() {
            let found = look(&first.modality.root, &of, config.threads, progress);
            found.into_iter().for_each(|raw| collector.add(Some(name), raw));
        }
    }
    progress.end();
    report.findings = collector.findings;
    report
        .findings
        .sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    Ok(report)
}

/// Patients with files, but without a row in `person`: one finding a patient and modality.
fn unknown_patients(items: &[Item<'_>], persons: Option<&BTreeSet<String>>, collector: &mut Collector<'_>) {
    let Some(persons) = persons else { return };
    let mut said = BTreeSet::new();
    for item in items {
        let Some(person) = &item.person else { continue };
        if !persons.contains(person) && said.insert((&item.modality.name, person)) {
            let folder = item.path.split('/').next().unwrap_or_default().to_owned();
            let reason = "the table `person` has no such person_id".to_owned();
            collector.add(Some(&item.modality.name), (Kind::PatientUnknown, folder, reason));
        }
    }
}

/// All files of the selected modalities; what fits none is a finding.
fn items<'m>(
    config: &'m Config,
    selected: &[&'m Modality],
    collector: &mut Collector<'_>,
) -> Result<Vec<Item<'m>>> {
    let roots: BTreeSet<&Path> = selected.iter().map(|m| m.root.as_path()).collect();
    let mut items = Vec::new();
    for root in &roots {
        let walked = walk::walk(root, config.threads)?;
        for unread in walked.unread {
            collector.add(None, (Kind::Unreadable, unread.path, unread.reason));
        }
        let here: Vec<&Modality> = config.modalities.iter().filter(|m| m.root == **root).collect();
        for file in walked.files {
            let mut known = roots
                .iter()
                .any(|r| r != root && root.join(&file.path).starts_with(r));
            for modality in &here {
                match modality.pattern.parse(&file.path) {
                    Parsed::Other => continue,
                    Parsed::Refused => {
                        let reason = format!("does not fit {}", modality.pattern.text());
                        collector.add(
                            Some(&modality.name),
                            (Kind::PathRefused, file.path.clone(), reason),
                        );
                    }
                    Parsed::Fits { patient, path, .. }
                        if selected.iter().any(|m| m.name == modality.name) =>
                    {
                        items.push(Item {
                            modality,
                            person: patient,
                            inner: path,
                            path: file.path.clone(),
                            size: file.size,
                        });
                    }
                    Parsed::Fits { .. } => {}
                }
                known = true;
            }
            if !known {
                collector.add(
                    None,
                    (Kind::StrayFile, file.path, "no pattern takes it".to_owned()),
                );
            }
        }
    }
    Ok(items)
}

/// Looks at items on several threads and keeps the order.
fn each<T: Send>(
    items: &[&Item<'_>],
    threads: usize,
    progress: &dyn Progress,
    look: impl Fn(&Item<'_>) -> T + Sync,
) -> Vec<T> {
    side_by_side::map(items, threads, |item| {
        let found = look(item);
        progress.advance(1, item.size);
        found
    })
}
