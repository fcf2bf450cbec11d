//! Whose value stands, field by field.
//!
//! Three values are compared: what the hub has now, what the frontend has now, and what the hub gave the frontend before its
//! last import. A field is *edited* where the frontend has another value than it was given, and *changed* where the hub has.

use table_description::typing::Zone;

use super::last::instance_of;
use crate::config::ConflictRule;
use crate::frontend::{Row, Shape};
use crate::hub::{Before, Version};

/// Whose value a field kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// The hub's.
    Hub,
    /// The frontend's.
    Frontend,
}

/// A field that was edited in the frontend and has another value in the hub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Name of the form.
    pub form: String,
    /// Id of the record.
    pub record: String,
    /// Which repetition of the form.
    pub instance: Option<u32>,
    /// Name of the field.
    pub field: String,
    /// Whether the hub's value changed as well since it was given to the frontend.
    pub changed: bool,
    /// Whose value stands.
    pub kept: Kept,
}

/// Everything about one row.
pub(super) struct Sides<'s> {
    pub(super) shape: &'s Shape,
    /// The hub's last version.
    pub(super) version: &'s Version,
    /// All versions of the record's rows, in order of transfers.
    pub(super) history: &'s [&'s Version],
    /// The frontend's row; `None` where it has none.
    pub(super) row: Option<&'s Row>,
    /// Where the row stands in the frontend.
    pub(super) instance: Option<u32>,
    /// What stood before the frontend was read last.
    pub(super) before: &'s Before,
    pub(super) rule: ConflictRule,
    pub(super) zone: &'s Zone,
}

/// What is to be done to one row.
#[derive(Default)]
pub(super) struct Merged {
    /// Cells to write.
    pub(super) send: Vec<(usize, String)>,
    /// Cells to empty.
    pub(super) clear: Vec<(usize, String)>,
    pub(super) conflicts: Vec<Conflict>,
    /// Cells edited since the last import.
    pub(super) waiting: usize,
    /// Fields whose value the frontend cannot express.
    pub(super) unsayable: Vec<String>,
}

/// Decides every cell of a row.
pub(super) fn merge(sides: &Sides<'_>) -> Merged {
    let mut merged = Merged::default();
    let own = own_history(sides);
    let given = given(sides, &own);
    for column in 0..sides.shape.codecs.len() {
        cell(sides, &own, given, column, &mut merged);
    }
    merged
}

/// The versions of this very row.
fn own_history<'s>(sides: &Sides<'s>) -> Vec<&'s Version> {
    let own = instance_of(sides.shape, sides.version);
    let subject = |version: &'s Version| sides.shape.subject().map_or("", |at| version.cell(at));
    let wanted = subject(sides.version);
    sides
        .history
        .iter()
        .copied()
        .filter(|&version| {
            let instance = instance_of(sides.shape, version);
            let is_here = instance == own || instance == sides.instance;
            let about = subject(version);
            is_here && (about == wanted || about.is_empty())
        })
        .collect()
}

/// What the frontend was given before it was read last: of this row's versions the one that stood then.
fn given<'s>(sides: &Sides<'s>, own: &[&'s Version]) -> Option<&'s Version> {
    own.iter()
        .filter_map(|version| Some((sides.before.get(&version.hash)?, version)))
        .max_by_key(|(number, _)| **number)
        .map(|(_, version)| *version)
}

fn cell(sides: &Sides<'_>, own: &[&Version], given: Option<&Version>, column: usize, merged: &mut Merged) {
    let Some(codec) = sides.shape.codec(column).filter(|codec| codec.is_writable()) else {
        return;
    };
    let ours = sides.version.cell(column);
    let theirs = sides.row.map_or("", |row| row.cell(column));
    if codec.same(ours, theirs, sides.zone) {
        return;
    }
    let base = given.map_or("", |version| version.cell(column));
    let edited = !codec.same(base, theirs, sides.zone);
    let changed = base != ours;
    if ours.is_empty() {
        // What FHIR does not know may be the clinicians' own; only what FHIR itself gave is taken back.
        if !edited && changed {
            merged.clear.push((column, String::new()));
        }
        return;
    }
    let Some(text) = codec.to_frontend(ours) else {
        merged.unsayable.push(codec.column.clone());
        return;
    };
    if sides.row.is_none() || !edited {
        merged.send.push((column, text));
        return;
    }
    let was_seen = theirs.trim().is_empty()
        || own
            .iter()
            .any(|version| codec.same(version.cell(column), theirs, sides.zone));
    if !was_seen {
        merged.waiting += 1;
        return;
    }
    let keeps = match sides.rule {
        ConflictRule::Fhir => false,
        ConflictRule::Frontend => true,
        ConflictRule::Newest => !changed,
    };
    merged.conflicts.push(Conflict {
        form: sides.shape.form.clone(),
        record: super::record_of(sides.shape, sides.version).to_owned(),
        instance: sides.instance,
        field: codec.column.clone(),
        changed,
        kept: if keeps { Kept::Frontend } else { Kept::Hub },
    });
    if !keeps {
        merged.send.push((column, text));
    }
}
