//! Where a row stands in the frontend. A repetition that is taken never moves, and no row is written over one of another case.

use std::collections::{BTreeSet, HashMap};

use super::last::instance_of;
use super::record_of;
use crate::frontend::{Row, Shape};
use crate::hub::Version;

pub(super) const FOREIGN: &str = "the frontend has another patient under this record";
const NO_REPEAT: &str =
    "the form does not repeat in the project, and another row of the record has its place";

/// Rows with the repetition each goes to.
#[derive(Default)]
pub(super) struct Placed<'h> {
    pub(super) rows: Vec<(&'h Version, Option<u32>)>,
    /// Rows without a place, and why.
    pub(super) nowhere: Vec<(&'h Version, &'static str)>,
    /// Rows that went to another repetition than the hub's.
    pub(super) moved: usize,
}

/// Records of which the frontend has another patient, or one the hub never wrote.
pub(super) fn foreign_records(shape: &Shape, last: &[&Version], rows: &[Row]) -> BTreeSet<String> {
    let mut foreign = BTreeSet::new();
    let Some(subject) = shape.subject() else {
        return foreign;
    };
    let mut patients: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for version in last {
        patients
            .entry(record_of(shape, version))
            .or_default()
            .insert(version.cell(subject));
    }
    for (record, ids) in &patients {
        // Two patients under one record would be written over each other.
        if ids.len() > 1 {
            foreign.insert((*record).to_owned());
        }
    }
    for row in rows {
        let Some(ids) = patients.get(row.record.as_str()) else {
            continue;
        };
        let is_theirs = last
            .iter()
            .filter(|version| record_of(shape, version) == row.record)
            .any(|version| is_of(shape, Some(subject), row, version));
        if !is_theirs || !ids.contains(row.cell(subject).trim()) && !row.cell(subject).trim().is_empty() {
            foreign.insert(row.record.clone());
        }
    }
    foreign
}

/// Whether a row holds nothing but its state.
fn row_is_blank(shape: &Shape, row: &Row) -> bool {
    row.cells
        .iter()
        .zip(0..)
        .all(|(cell, at)| Some(at) == shape.complete || cell.as_deref().unwrap_or("").trim().is_empty())
}

/// Gives each row its repetition.
pub(super) fn placed<'h>(shape: &Shape, last: &[&'h Version], rows: &[Row]) -> Placed<'h> {
    let mut placed = Placed::default();
    let subject = shape.subject();
    let mut by_record: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows {
        by_record.entry(row.record.as_str()).or_default().push(row);
    }
    let mut taken: BTreeSet<(&str, Option<u32>)> = BTreeSet::new();
    let mut homeless: Vec<&Version> = Vec::new();
    // First those that have their place, then those that need one.
    for version in last {
        let record = record_of(shape, version);
        let instance = instance_of(shape, version);
        let there = by_record.get(record).map_or(&[][..], Vec::as_slice);
        let row = there.iter().find(|row| row.instance == instance);
        let is_free = row.is_none_or(|row| is_of(shape, subject, row, version));
        let has_number = !shape.repeats || instance.is_some();
        if has_number && is_free && taken.insert((record, instance)) {
            placed.rows.push((version, instance));
        } else {
            homeless.push(version);
        }
    }
    for version in homeless {
        let record = record_of(shape, version);
        if !shape.repeats {
            placed.nowhere.push((version, NO_REPEAT));
            continue;
        }
        let there = by_record.get(record).map_or(&[][..], Vec::as_slice);
        // The row may stand elsewhere already.
        let own = subject.and_then(|at| {
            there.iter().find(|row| {
                row.cell(at).trim() == version.cell(at) && !taken.contains(&(record, row.instance))
            })
        });
        let highest = || {
            let live = there.iter().filter_map(|row| row.instance);
            let given = taken
                .iter()
                .filter(|(id, _)| *id == record)
                .filter_map(|(_, n)| *n);
            let wanted = last
                .iter()
                .filter(|other| record_of(shape, other) == record)
                .filter_map(|other| instance_of(shape, other));
            live.chain(given).chain(wanted).max().unwrap_or_default()
        };
        let instance = own.map_or_else(|| highest().checked_add(1), |row| row.instance);
        if let Some(instance) = instance
            && taken.insert((record, Some(instance)))
        {
            placed.moved += 1;
            placed.rows.push((version, Some(instance)));
        } else {
            placed.nowhere.push((version, NO_REPEAT));
        }
    }
    placed
}

/// Whether a row of the frontend is about the same as a version: the same subject, or, where somebody emptied it, nothing that
/// tells it is another's.
fn is_of(shape: &Shape, subject: Option<usize>, row: &Row, version: &Version) -> bool {
    let Some(at) = subject else { return true };
    let there = row.cell(at).trim();
    if !there.is_empty() {
        return there == version.cell(at);
    }
    let mut told = false;
    for column in 0..row.cells.len() {
        let cell = row.cell(column).trim();
        if cell.is_empty() || !is_identifying(shape, column) {
            continue;
        }
        let sent = shape
            .codec(column)
            .and_then(|codec| codec.to_frontend(version.cell(column)));
        if sent.is_none_or(|sent| sent.trim() != cell) {
            return false;
        }
        told = true;
    }
    told || row_is_blank(shape, row)
}

/// Columns that tell one case from another.
fn is_identifying(shape: &Shape, column: usize) -> bool {
    let name = shape.table.columns.get(column).map_or("", |c| c.name.as_str());
    matches!(
        name,
        "fall_id" | "fall_pat_id" | "fall_aufn_dat" | "patient_id_fk" | "pat_cis_pid"
    )
}
