//! Calculated references of typed rows.

use std::sync::Arc;

use fhir_melt::TypedBatch;
use table_description::TableDescription;

use super::encounters::{text, time};
use super::tables::{ENCOUNTER, time_columns};
use super::typing::Typing;
use crate::Result;

impl Typing<'_> {
    /// Fills the calculated columns.
    pub(crate) async fn fill_references(
        &mut self,
        table: &TableDescription,
        typed: &mut TypedBatch,
    ) -> Result<()> {
        let position = |name: &str| {
            table
                .columns
                .iter()
                .position(|c| c.is_calculated() && c.name.ends_with(name))
        };
        let Some(patient) = table
            .position_of_path("subject/reference")
            .or(table.position_of_path("patient/reference"))
        else {
            return Ok(());
        };
        let patients = (0..typed.rows())
            .filter_map(|row| text(typed, row, patient))
            .filter(|patient| !self.encounters.graph.knows_patient(patient))
            .map(Arc::from)
            .collect();
        self.add_patients(patients).await?;
        if table.name == ENCOUNTER {
            let Some(id) = table.position_of_path("id") else {
                return Ok(());
            };
            let graph = &self.encounters.graph;
            let ids: Vec<Option<&str>> = (0..typed.rows()).map(|row| text(typed, row, id)).collect();
            let part_of: Vec<_> = ids.iter().map(|id| id.and_then(|id| graph.part_of(id))).collect();
            let main: Vec<_> = ids.iter().map(|id| id.and_then(|id| graph.main(id))).collect();
            if let Some(column) = position("_partof_calculated_ref") {
                typed.set_texts(column, part_of);
            }
            if let Some(column) = position("_main_encounter_calculated_ref") {
                typed.set_texts(column, main);
            }
            return Ok(());
        }
        let Some(column) = position("_encounter_calculated_ref") else {
            return Ok(());
        };
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
}
