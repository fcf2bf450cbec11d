//! References that said `invalid` and can be worked out anew.

use table_description::TableDescription;

use super::tables::{ENCOUNTER, time_columns};
use crate::references::{EncounterGraph, INVALID};

/// The references of a table that can be worked out again.
pub(super) struct InvalidReferences {
    /// The rows of the patients `$1` with a reference that says `invalid`: row id, FHIR id, those references, reference to
    /// the patient, reference to the encounter, then the times in microseconds.
    pub(super) sql: String,
    pub(super) columns: Vec<String>,
}

impl InvalidReferences {
    pub(super) fn of(table: &TableDescription) -> Option<Self> {
        let name = |path: &str| {
            table
                .position_of_path(path)
                .map(|c| format!("\"{}\"", table.columns[c].name))
        };
        let (id, patient) = (
            name("id")?,
            name("subject/reference").or_else(|| name("patient/reference"))?,
        );
        let wanted: &[&str] = if table.name == ENCOUNTER {
            &["_partof_calculated_ref", "_main_encounter_calculated_ref"]
        } else {
            &["_encounter_calculated_ref"]
        };
        let columns: Vec<String> = wanted
            .iter()
            .filter_map(|end| {
                table
                    .columns
                    .iter()
                    .find(|c| c.is_calculated() && c.name.ends_with(end))
            })
            .map(|c| c.name.clone())
            .collect();
        if columns.is_empty() {
            return None;
        }
        let encounter = name("encounter/reference").or_else(|| name("context/reference"));
        let mut selected = vec![format!("\"{}_id\"::text", table.name), id];
        selected.extend(columns.iter().map(|c| format!("\"{c}\"")));
        selected.push(patient.clone());
        selected.push(encounter.unwrap_or_else(|| "NULL::text".to_owned()));
        selected.extend(time_columns(table).into_iter().map(|c| {
            format!(
                "(extract(epoch FROM \"{}\") * 1000000)::bigint::text",
                table.columns[c].name
            )
        }));
        let invalid: Vec<String> = columns.iter().map(|c| format!("\"{c}\" = '{INVALID}'")).collect();
        let sql = format!(
            "SELECT {} FROM core.\"{}\" WHERE {patient} = ANY ($1) AND ({})",
            selected.join(", "),
            table.name,
            invalid.join(" OR ")
        );
        Some(Self { sql, columns })
    }

    /// What one of the references of a row says now, where it said `invalid` and no longer does.
    pub(super) fn answer(
        &self,
        position: usize,
        row: &[Option<String>],
        graph: &EncounterGraph,
    ) -> Option<String> {
        let cell = |n: usize| row.get(n).and_then(Option::as_deref);
        let behind = 2 + self.columns.len();
        if cell(2 + position) != Some(INVALID) {
            return None;
        }
        let answer = match (self.columns.len(), position) {
            (1, _) => {
                let times: Vec<Option<i64>> =
                    (behind + 2..row.len()).map(|n| cell(n)?.parse().ok()).collect();
                Some(graph.encounter_of(cell(behind + 1), cell(behind), &times))
            }
            (_, 0) => graph.part_of(cell(1)?),
            _ => graph.main(cell(1)?),
        };
        answer.filter(|answer| answer != INVALID)
    }
}
