//! Hub to frontend: the last versions, and only what differs there.
//!
//! Records go in batches: what the hub has of them, what the frontend has, then the cells that differ are sent. A value of the
//! frontend that the hub has not seen yet is never overwritten, so nothing is lost between an import and the next export.

mod groups;
mod last;
mod merge;
mod phase_b;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cds_hub::Hub;
use table_description::Description;
use table_description::typing::Zone;

pub(crate) use last::place_of;
pub use merge::{Conflict, Kept};

use crate::api::{Overwrite, Refusal};
use crate::config::{Config, ConflictRule};
use crate::frontend::{Frontend, Row, Shape, Write, Written};
use crate::hub::{Before, Version, before, known_records, last_read, versions};
use crate::{Error, ErrorKind, Result};

/// Forms that are not written without a setting: clinicians fill them, or nobody does.
const NOT_WRITTEN: [&str; 4] = [
    "risikofaktor",
    "trigger",
    "medikationsanalyse",
    "mrpdokumentation_validierung",
];

/// A row that was not written, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotWritten {
    /// Name of the form.
    pub form: String,
    /// Id of the record.
    pub record: String,
    /// Field, where it is one field's fault; empty for the whole row.
    pub field: String,
    /// Why.
    pub reason: &'static str,
}

/// Rows of one form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormCount {
    /// Last versions in the hub.
    pub rows: usize,
    /// Of these, rows the frontend did not have.
    pub new: usize,
    /// Rows of which a cell was written.
    pub changed: usize,
    /// Rows that were as they should be.
    pub unchanged: usize,
}

/// What an export did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Exported {
    /// Counts of each form.
    pub forms: BTreeMap<String, FormCount>,
    /// Fields that were edited in the frontend and differ in the hub.
    pub conflicts: Vec<Conflict>,
    /// Fields edited since the last import, which wait for the next one.
    pub waiting: usize,
    /// Rows that were not written.
    pub not_written: Vec<NotWritten>,
    /// Rows that went to another repetition, because theirs was taken.
    pub moved: usize,
    /// Rows of tests that are not shown any more, since phase B has begun.
    pub tests_left_out: usize,
    /// Rows of tests in the frontend whose text was replaced.
    pub tests_blanked: usize,
    /// Groups that were made.
    pub groups_made: Vec<String>,
    /// Records that were put into another group.
    pub assigned: usize,
    /// Whether groups could not be handled for want of a right.
    pub without_groups: bool,
    /// Times the server counted less than was sent, and all was found to be there.
    pub recounted: usize,
}

/// Brings the frontend to the hub's last versions.
///
/// # Errors
/// When either side cannot be read or written. What was written until then stays; the next export goes on.
pub async fn export(hub: &Hub, frontend: &mut Frontend, config: &Config) -> Result<Exported> {
    let forms: Description = hub.tables_to_keep().await?.forms;
    let shapes = frontend.shapes(&forms, &|form| match &config.export_forms {
        Some(wanted) => wanted.iter().any(|name| name == form),
        None => !NOT_WRITTEN.contains(&form),
    });
    if shapes.is_empty() {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the project has none of the hub's forms",
        ));
    }
    let mut records = BTreeSet::new();
    for shape in &shapes {
        records.extend(known_records(hub, &shape.table).await?);
    }
    let there = frontend.record_ids().await?;
    let phase_b = phase_b::has_begun(hub, &forms).await?;
    let mut this = Exporting {
        zone: Zone::berlin(),
        given: Vec::new(),
        rule: config.conflict_rule,
        phase_b,
        done: Exported::default(),
        wards: BTreeMap::new(),
    };
    // Read once: what stood before the last import does not depend on the batch.
    let moment = last_read(hub).await?;
    for shape in &shapes {
        let given = match &moment {
            Some(moment) => before(hub, &shape.table, moment).await?,
            None => Before::new(),
        };
        this.given.push(Arc::new(given));
    }
    if phase_b {
        // Rows of tests are looked for in all records of the frontend, whether the hub knows them or not.
        records.extend(there.iter().cloned());
    }
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    for part in records.chunks(frontend.batch(&shapes)) {
        this.part(hub, frontend, &shapes, part, &there).await?;
    }
    let wards = std::mem::take(&mut this.wards);
    groups::bring(frontend, &wards, &mut this.done).await?;
    this.done.conflicts.sort();
    this.done.not_written.sort();
    this.done.not_written.dedup();
    Ok(this.done)
}

struct Exporting {
    zone: Zone,
    /// What stood before the frontend was read last, for each form.
    given: Vec<Arc<Before>>,
    rule: ConflictRule,
    phase_b: bool,
    done: Exported,
    /// Ward of each record, and the group it is in.
    wards: BTreeMap<String, groups::Place>,
}

impl Exporting {
    async fn part(
        &mut self,
        hub: &Hub,
        frontend: &mut Frontend,
        shapes: &[Shape],
        records: &[&str],
        there: &BTreeSet<String>,
    ) -> Result<()> {
        let known: Vec<&str> = records.iter().copied().filter(|id| there.contains(*id)).collect();
        let live = frontend.read(shapes, &known).await?;
        let mut foreign: BTreeSet<String> = BTreeSet::new();
        for ((shape, rows), position) in shapes.iter().zip(&live.forms).zip(0..) {
            let history = versions(hub, &shape.table, records).await?;
            let last = last::last_versions(shape, &history);
            if shape.form == "patient" {
                foreign.extend(place::foreign_records(shape, &last, rows));
            }
            if shape.form == "fall" {
                groups::note(shape, &last, &live.forms, &foreign, &mut self.wards);
            }
            let last: Vec<&Version> = last
                .into_iter()
                .filter(|version| {
                    let is_foreign = foreign.contains(record_of(shape, version));
                    if is_foreign {
                        self.skip(shape, record_of(shape, version), "", place::FOREIGN);
                    }
                    !is_foreign
                })
                .collect();
            let (normal, empty) = self.form(shape, position, &last, &history, rows);
            self.send(frontend, shape, &normal, Overwrite::Never).await?;
            // Rows whose same fields are to be emptied go together: a field that is not sent stays.
            let mut by_columns: BTreeMap<Vec<usize>, Vec<Write>> = BTreeMap::new();
            for write in empty {
                let columns = write.cells.iter().map(|(column, _)| *column).collect();
                by_columns.entry(columns).or_default().push(write);
            }
            for writes in by_columns.values() {
                self.send(frontend, shape, writes, Overwrite::WithEmpty).await?;
            }
        }
        Ok(())
    }

    /// The cells of a form to be written, and those to be emptied.
    fn form(
        &mut self,
        shape: &Shape,
        position: usize,
        last: &[&Version],
        history: &[Version],
        rows: &[Row],
    ) -> (Vec<Write>, Vec<Write>) {
        let given = self.given.get(position).cloned().unwrap_or_default();
        let (mut normal, mut empty) = (Vec::new(), Vec::new());
        let mut count = FormCount::default();
        let shown: Vec<&Version> = last
            .iter()
            .copied()
            .filter(|version| {
                let hidden = self.phase_b && phase_b::is_test(shape, |at| version.cell(at));
                self.done.tests_left_out += usize::from(hidden);
                !hidden
            })
            .collect();
        let placed = place::placed(shape, &shown, rows);
        self.done.moved += placed.moved;
        for (version, reason) in placed.nowhere {
            self.skip(shape, record_of(shape, version), "", reason);
        }
        let mut there: HashMap<(&str, Option<u32>), &Row> = HashMap::new();
        for row in rows {
            there.entry((row.record.as_str(), row.instance)).or_insert(row);
        }
        let mut versions: HashMap<&str, Vec<&Version>> = HashMap::new();
        for version in history {
            versions
                .entry(record_of(shape, version))
                .or_default()
                .push(version);
        }
        for (version, instance) in placed.rows {
            let record = record_of(shape, version);
            let row = there.get(&(record, instance)).copied();
            let history = versions.get(record).map_or(&[][..], Vec::as_slice);
            let merged = merge::merge(&merge::Sides {
                shape,
                version,
                history,
                row,
                instance,
                before: &given,
                rule: self.rule,
                zone: &self.zone,
            });
            count.rows += 1;
            count.new += usize::from(row.is_none());
            let is_same = merged.send.is_empty() && merged.clear.is_empty();
            count.changed += usize::from(!is_same && row.is_some());
            count.unchanged += usize::from(is_same && row.is_some());
            self.done.waiting += merged.waiting;
            self.done.conflicts.extend(merged.conflicts);
            for field in merged.unsayable {
                self.skip(shape, record, &field, "the value is none of the field's choices");
            }
            let write = |cells| Write {
                record: record.to_owned(),
                instance,
                cells,
            };
            if !merged.send.is_empty() || row.is_none() {
                normal.push(write(merged.send));
            }
            if !merged.clear.is_empty() {
                empty.push(write(merged.clear));
            }
        }
        if self.phase_b {
            for row in rows
                .iter()
                .filter(|row| phase_b::is_test(shape, |at| row.cell(at)))
            {
                self.done.tests_blanked += 1;
                normal.push(phase_b::blanked(shape, row));
            }
        }
        let sum = self.done.forms.entry(shape.form.clone()).or_default();
        sum.rows += count.rows;
        sum.new += count.new;
        sum.changed += count.changed;
        sum.unchanged += count.unchanged;
        (normal, empty)
    }

    async fn send(
        &mut self,
        frontend: &mut Frontend,
        shape: &Shape,
        writes: &[Write],
        overwrite: Overwrite,
    ) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let Written {
            refused, recounted, ..
        } = frontend.write(shape, writes, overwrite).await?;
        self.done.recounted += recounted;
        for Refusal {
            record,
            field,
            reason,
        } in refused
        {
            self.skip(shape, &record, &field, reason.as_str());
        }
        Ok(())
    }

    fn skip(&mut self, shape: &Shape, record: &str, field: &str, reason: &'static str) {
        self.done.not_written.push(NotWritten {
            form: shape.form.clone(),
            record: record.to_owned(),
            field: field.to_owned(),
            reason,
        });
    }
}

/// Id of the record a version belongs to.
pub(crate) fn record_of<'v>(shape: &Shape, version: &'v Version) -> &'v str {
    last::standard(shape, version, "record_id")
}
