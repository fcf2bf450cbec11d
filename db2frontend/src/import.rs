//! Frontend to hub: everything the project has, cleaned and typed, under one lock.

use std::collections::{BTreeSet, HashMap};

use cds_hub::Hub;
use table_description::typing::{DefectKind, Zone};

use crate::config::Config;
use crate::frontend::{Frontend, Row, Shape};
use crate::hub::{Copy, Delivered, Version, deliver, known_records, versions};
use crate::{Error, ErrorKind, Result};

/// Name under which this program holds the hub's lock.
pub(crate) const MODULE: &str = "db2frontend";

/// Forms that are not read without a setting: nobody fills them.
const NOT_READ: [&str; 2] = ["risikofaktor", "trigger"];

/// A value that has no place in the hub, and where it stands in the frontend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Misfit {
    /// Name of the form.
    pub form: String,
    /// Id of the record.
    pub record: String,
    /// Which repetition of the form.
    pub instance: Option<u32>,
    /// Name of the field.
    pub field: String,
    /// Why it has no value of the field's type.
    pub kind: DefectKind,
}

/// What an import did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Imported {
    /// Records of the project.
    pub records: usize,
    /// Records with no row in the forms read.
    pub without_rows: usize,
    /// Records that were deleted while they were read.
    pub gone: usize,
    /// Rows left out by the rules: without a state, or a medication analysis without its case.
    pub left_out: usize,
    /// Rows that belong to no form that is known.
    pub strange: usize,
    /// Values that do not fit, each left empty in its row.
    pub misfits: Vec<Misfit>,
    /// Rows of each table.
    pub tables: Vec<Delivered>,
}

/// Reads the frontend and writes what it has into the hub.
///
/// # Errors
/// When either side cannot be read, the hub cannot be locked or written, or ids of records are hashed. The hub is then as it
/// was before.
pub async fn import(hub: &Hub, frontend: &Frontend, config: &Config) -> Result<Imported> {
    let forms = hub.tables_to_keep().await?.forms;
    let shapes = frontend.shapes(&forms, &|form| match &config.import_forms {
        Some(wanted) => wanted.iter().any(|name| name == form),
        None => !NOT_READ.contains(&form),
    });
    if shapes.is_empty() {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the project has none of the hub's forms",
        ));
    }
    let ids = frontend.record_ids().await?;
    check_ids(hub, &shapes, &ids).await?;
    let mut taking = Taking {
        zone: Zone::berlin(),
        done: Imported {
            records: ids.len(),
            ..Imported::default()
        },
        copies: vec![Copy::default(); shapes.len()],
    };
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut unseen: Vec<&str> = Vec::new();
    for part in all.chunks(frontend.batch(&shapes)) {
        let read = frontend.read(&shapes, part).await?;
        taking.done.strange += read.strange;
        unseen.extend(part.iter().filter(|id| !read.seen.contains(**id)));
        for ((shape, rows), position) in shapes.iter().zip(&read.forms).zip(0..) {
            let kept = kept_versions(hub, shape, rows).await?;
            for row in rows {
                taking.row(shape, position, row, &kept);
            }
        }
    }
    if !unseen.is_empty() {
        // Every id is accounted for: it has no row in these forms, or it is not there any more.
        let now = frontend.record_ids().await?;
        taking.done.gone = unseen.iter().filter(|id| !now.contains(**id)).count();
        taking.done.without_rows = unseen.len() - taking.done.gone;
    }
    let Taking { mut done, copies, .. } = taking;
    let tables: Vec<_> = shapes.iter().map(|shape| &*shape.table).zip(copies).collect();
    let lock = hub.lock(MODULE, "db2frontend:import").await?;
    let result = deliver(hub, &lock, &tables).await;
    // Nothing of ours waits in the inboxes now, whether it succeeded or not.
    let released = lock.release(true).await;
    done.tables = result?;
    released?;
    done.misfits.sort();
    Ok(done)
}

/// Without the right to full data a server gives hashes for ids: rows under them would be rows of nobody.
async fn check_ids(hub: &Hub, shapes: &[Shape], ids: &BTreeSet<String>) -> Result<()> {
    let is_hash = |id: &String| id.len() >= 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if ids.is_empty() || !ids.iter().all(is_hash) {
        return Ok(());
    }
    for shape in shapes {
        if known_records(hub, &shape.table)
            .await?
            .iter()
            .any(|id| ids.contains(id))
        {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        "the ids of all records are hashes: the token needs the right to export the full data set",
    ))
}

type Kept = HashMap<(String, Option<u32>), Vec<Version>>;

/// What the hub has of these rows, of forms it also writes: a value that reads as the hub's own is the hub's own, though the
/// frontend cut seconds or blanks off it.
async fn kept_versions(hub: &Hub, shape: &Shape, rows: &[Row]) -> Result<Kept> {
    let mut kept = Kept::new();
    if rows.is_empty() {
        return Ok(kept);
    }
    let records: BTreeSet<&str> = rows.iter().map(|row| row.record.as_str()).collect();
    let records: Vec<&str> = records.into_iter().collect();
    for version in versions(hub, &shape.table, &records).await? {
        let key = crate::export::place_of(shape, &version);
        kept.entry(key).or_default().push(version);
    }
    Ok(kept)
}

struct Taking {
    zone: Zone,
    done: Imported,
    copies: Vec<Copy>,
}

impl Taking {
    /// Cleans a row, types its cells and adds it.
    fn row(&mut self, shape: &Shape, position: usize, row: &Row, kept: &Kept) {
        let state = shape.complete.map_or("", |at| row.cell(at));
        let has_case = shape
            .table
            .position("fall_meda_id")
            .is_none_or(|at| !row.cell(at).trim().is_empty());
        if state.trim().is_empty() || (shape.form == "medikationsanalyse" && !has_case) {
            self.done.left_out += 1;
            return;
        }
        let kept = kept
            .get(&(row.record.clone(), row.instance))
            .map_or(&[][..], Vec::as_slice);
        // A repetition may have been another case's before.
        let about = |version: &&Version| {
            shape
                .subject()
                .is_none_or(|at| version.cell(at).is_empty() || version.cell(at) == row.cell(at).trim())
        };
        let kept: Vec<&Version> = kept.iter().filter(about).collect();
        let mut cells: Vec<Option<String>> = Vec::with_capacity(shape.table.columns.len());
        for (column, at) in shape.table.columns.iter().zip(0..) {
            let cell = match shape.standard(at) {
                Some("record_id") => Some(row.record.clone()),
                Some("redcap_repeat_instrument") => row.instance.map(|_| shape.form.clone()),
                Some("redcap_repeat_instance") => row.instance.map(|n| n.to_string()),
                // Who may see a record is the frontend's own affair.
                Some(_) => None,
                None if column.name.starts_with("db_filter_") => None,
                None => self.cell(shape, at, row, &kept),
            };
            cells.push(cell);
        }
        if let Some(copy) = self.copies.get_mut(position) {
            copy.push(cells.iter().map(Option::as_deref));
        }
    }

    fn cell(&mut self, shape: &Shape, at: usize, row: &Row, kept: &[&Version]) -> Option<String> {
        let codec = shape.codec(at)?;
        let text = row.cell(at);
        if text.trim().is_empty() {
            return None;
        }
        // A tick that is not set is nothing in the hub's own rows.
        let own = kept
            .iter()
            .rev()
            .find(|version| codec.same(version.cell(at), text, &self.zone));
        if let Some(version) = own {
            return Some(version.cell(at).to_owned()).filter(|cell| !cell.is_empty());
        }
        match codec.to_hub(text, &self.zone) {
            Ok(value) => value,
            Err(kind) => {
                self.done.misfits.push(Misfit {
                    form: shape.form.clone(),
                    record: row.record.clone(),
                    instance: row.instance,
                    field: codec.column.clone(),
                    kind,
                });
                None
            }
        }
    }
}
