//! The tables: that they are there, their headers, their keys, and that all are about the same patients.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::omop_tables::{CLINICAL, OTHERS, Table};
use super::{Item, Kind, Raw};
use crate::progress::Progress;

/// Findings of one kind in one file that are listed by line; the rest is counted.
const LISTED: usize = 20;
/// Of all persons, the share that makes a table one that everybody is in.
const NEARLY_ALL: usize = 95;
/// Persons that a table needs before its gaps say anything.
const ENOUGH: usize = 20;

/// One table over all its files.
#[derive(Default)]
struct Read {
    persons: BTreeSet<String>,
    keys: HashSet<String>,
    path: String,
}

/// Persons of `person`, where it could be read, and what is wrong.
pub(super) fn check(
    root: &Path,
    items: &[&Item<'_>],
    progress: &dyn Progress,
) -> (Option<BTreeSet<String>>, Vec<Raw>) {
    let mut findings = Vec::new();
    let mut files: BTreeMap<&'static str, Vec<&Item<'_>>> = BTreeMap::new();
    for item in items {
        let name = item.inner.rsplit('/').next().unwrap_or_default().to_lowercase();
        let stem = name.strip_suffix(".csv").unwrap_or(&name);
        match CLINICAL.iter().find(|table| table.name == stem) {
            Some(table) if name.ends_with(".csv") => files.entry(table.name).or_default().push(item),
            _ if OTHERS.contains(&stem) => progress.advance(1, item.size),
            _ => {
                progress.advance(1, item.size);
                findings.push((
                    Kind::OmopTableUnknown,
                    item.path.clone(),
                    "no table of OMOP CDM 5.4 has this name".to_owned(),
                ));
            }
        }
    }
    for table in CLINICAL.iter().filter(|table| !files.contains_key(table.name)) {
        let path = items
            .first()
            .map_or("OMOP", |item| item.path.split('/').next().unwrap_or("OMOP"));
        let reason = format!("{}.csv is not there", table.name);
        findings.push((Kind::OmopTableMissing, path.to_owned(), reason));
    }
    let mut read: BTreeMap<&'static str, Read> = BTreeMap::new();
    // Persons and visits first: the others refer to them.
    let order = |table: &&Table| match table.name {
        "person" => 0,
        "visit_occurrence" => 1,
        _ => 2,
    };
    let mut tables: Vec<&Table> = CLINICAL.iter().collect();
    tables.sort_by_key(order);
    for table in tables {
        let Some(of) = files.get(table.name) else { continue };
        let mut done = Read::default();
        for item in of {
            if item.size > 0 {
                let parents = (read.get("person"), read.get("visit_occurrence"));
                Reading::new(table, item, parents).read(root, &mut done, &mut findings);
            }
            done.path.clone_from(&item.path);
            progress.advance(1, item.size);
        }
        read.insert(table.name, done);
    }
    let persons = read.get("person").map(|person| person.persons.clone());
    if let Some(persons) = &persons {
        vanished(persons, &read, &mut findings);
    }
    (persons, findings)
}

/// Names patients that a table lost which has nearly all others.
fn vanished(persons: &BTreeSet<String>, read: &BTreeMap<&'static str, Read>, findings: &mut Vec<Raw>) {
    if persons.len() < ENOUGH {
        return;
    }
    for (name, table) in read.iter().filter(|(name, _)| **name != "person") {
        let missing: Vec<&str> = persons.difference(&table.persons).map(String::as_str).collect();
        let there = persons.len() - missing.len();
        if missing.is_empty() || there * 100 < persons.len() * NEARLY_ALL {
            continue;
        }
        for person in missing {
            let reason = format!(
                "patient {person} is missing; {there} of {} are there ({name})",
                persons.len()
            );
            findings.push((Kind::OmopPatientVanished, table.path.clone(), reason));
        }
    }
}

/// One file while it is read.
struct Reading<'r> {
    table: &'r Table,
    item: &'r Item<'r>,
    persons: Option<&'r Read>,
    visits: Option<&'r Read>,
    found: BTreeMap<Kind, usize>,
}

impl<'r> Reading<'r> {
    fn new(
        table: &'r Table,
        item: &'r Item<'r>,
        (persons, visits): (Option<&'r Read>, Option<&'r Read>),
    ) -> Self {
        Self {
            table,
            item,
            persons,
            visits,
            found: BTreeMap::new(),
        }
    }

    fn say(&mut self, findings: &mut Vec<Raw>, kind: Kind, reason: String) {
        let count = self.found.entry(kind).or_default();
        *count += 1;
        if *count <= LISTED {
            findings.push((kind, self.item.path.clone(), reason));
        }
    }

    fn read(mut self, root: &Path, into: &mut Read, findings: &mut Vec<Raw>) {
        let opened = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(root.join(&self.item.path));
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(_) => return self.say(findings, Kind::Unreadable, "cannot be opened".to_owned()),
        };
        let header: Vec<String> = match reader.byte_headers() {
            Ok(header) => header
                .iter()
                .map(|name| {
                    String::from_utf8_lossy(name)
                        .trim_start_matches('\u{feff}')
                        .trim()
                        .to_lowercase()
                })
                .collect(),
            Err(_) => {
                return self.say(
                    findings,
                    Kind::OmopHeader,
                    "line 1: no header can be read".to_owned(),
                );
            }
        };
        self.header(&header, findings);
        let at = |name: &str| header.iter().position(|column| column == name);
        let (key, person, visit) = (at(self.table.key), at("person_id"), at("visit_occurrence_id"));
        let mut record = csv::ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    self.say(
                        findings,
                        Kind::Unreadable,
                        "breaks off while it is read".to_owned(),
                    );
                    break;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != header.len() {
                let reason = format!(
                    "line {line}: {} fields where the header has {}",
                    record.len(),
                    header.len()
                );
                self.say(findings, Kind::OmopRow, reason);
                continue;
            }
            self.row(&record, line, (key, person, visit), into, findings);
        }
        for (kind, count) in std::mem::take(&mut self.found) {
            if count > LISTED {
                let reason = format!("and {} more of this kind", count - LISTED);
                findings.push((kind, self.item.path.clone(), reason));
            }
        }
    }

    fn header(&mut self, header: &[String], findings: &mut Vec<Raw>) {
        for column in self
            .table
            .required
            .iter()
            .filter(|c| !header.iter().any(|h| h == *c))
        {
            self.say(
                findings,
                Kind::OmopHeader,
                format!("line 1: column {column} is missing"),
            );
        }
        for (at, column) in header.iter().enumerate() {
            let shown = crate::text::shown(column);
            if header[..at].contains(column) {
                self.say(
                    findings,
                    Kind::OmopHeader,
                    format!("line 1: column {shown} stands there twice"),
                );
            } else if !self.table.required.contains(&column.as_str())
                && !self.table.optional.contains(&column.as_str())
            {
                // A file without header would show its first row's values here.
                let reason = format!("line 1: column {} is none of {}", at + 1, self.table.name);
                self.say(findings, Kind::OmopHeader, reason);
            }
        }
    }

    fn row(
        &mut self,
        record: &csv::ByteRecord,
        line: u64,
        (key, person, visit): (Option<usize>, Option<usize>, Option<usize>),
        into: &mut Read,
        findings: &mut Vec<Raw>,
    ) {
        let text = |at: Option<usize>| {
            let field = record.get(at?)?;
            Some(String::from_utf8_lossy(field).trim().to_owned())
        };
        if let Some(key) = text(key) {
            if key.is_empty() {
                self.say(
                    findings,
                    Kind::OmopKey,
                    format!("line {line}: {} is empty", self.table.key),
                );
            } else if !into.keys.insert(key) {
                self.say(
                    findings,
                    Kind::OmopKey,
                    format!("line {line}: {} stands there twice", self.table.key),
                );
            }
        }
        if let Some(person) = text(person) {
            let known =
                self.table.name == "person" || self.persons.is_none_or(|p| p.persons.contains(&person));
            if !known {
                let reason = format!("line {line}: person_id is not in person.csv");
                self.say(findings, Kind::OmopPersonUnknown, reason);
            }
            into.persons.insert(person);
        }
        if let Some(visit) =
            text(visit).filter(|visit| !visit.is_empty() && self.table.name != "visit_occurrence")
            && self.visits.is_some_and(|visits| !visits.keys.contains(&visit))
        {
            let reason = format!("line {line}: visit_occurrence_id is not in visit_occurrence.csv");
            self.say(findings, Kind::OmopVisitUnknown, reason);
        }
    }
}
