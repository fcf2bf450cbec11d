//! Calculated references of typed rows.

use cds_hub::load::TypedPart;
use fhir_melt::TypedBatch;
use table_description::TableDescription;

use super::encounters::{text, time};
use super::tables::{ENCOUNTER, time_columns};
use super::typing::Typing;
use crate::Result;
use crate::references::EncounterGraph;

/// One calculated reference of an encounter, by its id.
pub(crate) type ByEncounter = fn(&EncounterGraph, &str) -> Option<String>;

/// Where the calculated references of encounters stand: they follow from the id alone, so they can be filled late.
pub(crate) struct EncounterReferences<'t> {
    table: &'t TableDescription,
    pub(crate) id: usize,
    /// Column and what it says.
    pub(crate) calculated: Vec<(usize, ByEncounter)>,
}

impl<'t> EncounterReferences<'t> {
    /// `None` for other tables.
    pub(crate) fn of(table: &'t TableDescription) -> Option<Self> {
        if table.name != ENCOUNTER {
            return None;
        }
        let ends: [(&str, ByEncounter); 2] = [
            ("_partof_calculated_ref", EncounterGraph::part_of),
            ("_main_encounter_calculated_ref", EncounterGraph::main),
        ];
        let found = ends
            .into_iter()
            .filter_map(|(end, by)| Some((calculated(table, end)?, by)));
        Some(Self {
            table,
            id: table.position_of_path("id")?,
            calculated: found.collect(),
        })
    }

    /// Name of the column of ids.
    pub(crate) fn id_name(&self) -> &str {
        self.name(self.id)
    }

    /// Names of the columns with what they say.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, ByEncounter)> {
        self.calculated
            .iter()
            .map(|(column, by)| (self.name(*column), *by))
    }

    fn name(&self, column: usize) -> &str {
        self.table.columns.get(column).map_or("", |column| &column.name)
    }
}

/// Position of a calculated column by the end of its name.
fn calculated(table: &TableDescription, end: &str) -> Option<usize> {
    let mut columns = table.columns.iter();
    columns.position(|c| c.is_calculated() && c.name.ends_with(end))
}

impl Typing<'_> {
    /// Fills the calculated columns of a table whose rows refer to encounters; those of encounters follow from the graph
    /// when all have come.
    pub(crate) async fn fill_references(
        &mut self,
        table: &TableDescription,
        typed: &mut TypedBatch,
    ) -> Result<()> {
        let Some(patient) = table.patient_column().filter(|_| table.name != ENCOUNTER) else {
            return Ok(());
        };
        let Some(column) = calculated(table, "_encounter_calculated_ref") else {
            return Ok(());
        };
        let patients = (0..typed.rows())
            .filter_map(|row| text(typed, row, patient))
            .filter(|patient| !self.encounters.graph.knows_patient(patient))
            .map(std::sync::Arc::from)
            .collect();
        self.add_patients(patients).await?;
        let encounter = table
            .position_of_path("encounter/reference")
            .or(table.position_of_path("context/reference"));
        let times = time_columns(table);
        let graph = &self.encounters.graph;
        let references = (0..typed.rows())
            .map(|row| {
                let times: Vec<_> = times.iter().map(|&c| time(typed, row, c)).collect();
                let encounter = encounter.and_then(|c| text(typed, row, c));
                Some(graph.encounter_of(encounter, text(typed, row, patient), &times))
            })
            .collect();
        typed.set_texts(column, references);
        Ok(())
    }

    /// Fills the calculated columns of encounters that are encoded already.
    pub(crate) fn fill_encounter_part(
        &self,
        table: &TableDescription,
        part: &mut TypedPart,
    ) -> cds_hub::Result<()> {
        let Some(references) = EncounterReferences::of(table) else {
            return Ok(());
        };
        for (column, by) in &references.calculated {
            part.set_by(*column, references.id, |id| by(&self.encounters.graph, id))?;
        }
        Ok(())
    }

    /// Fills the calculated columns of encounters that have waited in the hub.
    pub(crate) fn fill_encounters(&self, table: &TableDescription, typed: &mut TypedBatch) {
        let Some(references) = EncounterReferences::of(table) else {
            return;
        };
        let graph = &self.encounters.graph;
        for (column, by) in &references.calculated {
            let ids = (0..typed.rows()).map(|row| text(typed, row, references.id));
            let texts: Vec<Option<String>> = ids.map(|id| by(graph, id?)).collect();
            typed.set_texts(*column, texts);
        }
    }
}
