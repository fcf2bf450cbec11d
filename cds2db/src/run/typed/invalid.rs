//! References that said `invalid` and can be worked out anew.

use cds_hub::ask::{InvalidReferences, InvalidRow};
use table_description::TableDescription;

use super::tables::{ENCOUNTER, time_columns};
use crate::references::{EncounterGraph, INVALID};

/// Works out a reference of a row.
type Answer = fn(&EncounterGraph, &InvalidRow) -> Option<String>;

/// The references of an encounter follow from its place in the graph.
const OF_ENCOUNTERS: [(&str, Answer); 2] = [
    ("_partof_calculated_ref", |graph, row| graph.part_of(&row.id)),
    ("_main_encounter_calculated_ref", |graph, row| graph.main(&row.id)),
];
const OF_OTHERS: [(&str, Answer); 1] = [("_encounter_calculated_ref", |graph, row| {
    Some(graph.encounter_of(row.encounter.as_deref(), row.patient.as_deref(), &row.times))
})];

/// The references of a table that can be worked out again.
pub(super) struct Mendable {
    /// Positions of the calculated references.
    pub(super) columns: Vec<usize>,
    answers: Vec<Answer>,
    times: Vec<usize>,
}

impl Mendable {
    pub(super) fn of(table: &TableDescription) -> Option<Self> {
        let wanted: &[(&str, Answer)] = match table.name == ENCOUNTER {
            true => &OF_ENCOUNTERS,
            false => &OF_OTHERS,
        };
        let (columns, answers): (Vec<usize>, Vec<Answer>) = wanted
            .iter()
            .filter_map(|(end, answer)| {
                let mut columns = table.columns.iter();
                let column = columns.position(|c| c.is_calculated() && c.name.ends_with(end))?;
                Some((column, *answer))
            })
            .unzip();
        (!columns.is_empty()).then(|| Self {
            columns,
            answers,
            times: time_columns(table),
        })
    }

    /// What the hub is asked for.
    pub(super) fn question(&self) -> InvalidReferences<'_> {
        InvalidReferences {
            calculated: &self.columns,
            times: &self.times,
            mark: INVALID,
        }
    }

    /// What one of the references of a row says now, where it said `invalid` and no longer does.
    pub(super) fn answer(&self, position: usize, row: &InvalidRow, graph: &EncounterGraph) -> Option<String> {
        if row.calculated.get(position)?.as_deref() != Some(INVALID) {
            return None;
        }
        let answer = self.answers.get(position)?(graph, row);
        answer.filter(|answer| answer != INVALID)
    }
}
