//! The encounters a run knows: those that came anew and those that the hub has.

use std::collections::HashSet;
use std::sync::Arc;

use fhir_melt::TypedBatch;
use futures_util::TryStreamExt;
use table_description::TableDescription;
use table_description::typing::Value;

use super::shaping::Shaping;
use super::tables::ENCOUNTER;
use super::typing::{RAW_ROWS, Typing};
use crate::error::hub_error;
use crate::references::{Addition, EncounterGraph, EncounterRow, Level};
use crate::{Error, ErrorKind, Result, Summary};

/// Patients whose encounters are read from the hub at a time.
const STORED_PATIENTS_AT_ONCE: usize = 10_000;

/// The encounters known so far and what follows from them.
#[derive(Default)]
pub(crate) struct Encounters {
    pub(crate) graph: EncounterGraph,
    /// Encounters that come together; the graph is in it meanwhile.
    gathering: Option<Addition>,
    /// How many have come.
    arrived: i32,
    /// Patients with an encounter that has come or waited.
    pub(super) patients: Vec<Arc<str>>,
}

/// Versions that have arrived are newer than those that waited in the hub, whose raw ids count from 1.
const ARRIVED: i32 = i32::MAX / 2;

impl Typing<'_> {
    /// Begins to gather encounters, with those that wait in the hub.
    pub(crate) async fn gather_encounters(&mut self, shaping: &Shaping) -> Result<()> {
        let system = self.settings.common_identifier_system.as_deref();
        let graph = std::mem::take(&mut self.encounters.graph);
        let mut addition = graph.addition(system);
        if let Some(table) = self.description.table(ENCOUNTER) {
            let columns = EncounterColumns::of(table);
            let failed = |e: cds_hub::Error| Error::new(ErrorKind::Hub, "reading raw encounters").because(e);
            let mut open = self.hub.open_raw(table, RAW_ROWS).await.map_err(failed)?;
            while let Some((raw_ids, batch)) = open.next().await.map_err(failed)? {
                for typed in &shaping.shape(batch).typed {
                    for row in 0..typed.rows() {
                        // Several versions of an encounter may wait: the newest decides.
                        if let (Some(encounter), Some(&raw_id)) =
                            (columns.row(typed, row), raw_ids.get(typed.source_row(row)))
                        {
                            addition.add(encounter, Some(raw_id));
                        }
                    }
                }
            }
        }
        self.encounters.gathering = Some(addition);
        Ok(())
    }

    /// Whether encounters are still being gathered, so that no reference to one can be filled.
    pub(crate) fn is_gathering(&self) -> bool {
        self.encounters.gathering.is_some()
    }

    /// Adds encounters that have arrived. Those that come later than the others are known to the next run.
    pub(crate) fn add_encounters(&mut self, table: &TableDescription, typed: &TypedBatch) {
        let Some(addition) = &mut self.encounters.gathering else {
            return;
        };
        let columns = EncounterColumns::of(table);
        let (mut version, mut last) = (self.encounters.arrived, None);
        for row in 0..typed.rows() {
            if last != Some(typed.source_row(row)) {
                last = Some(typed.source_row(row));
                version += 1;
            }
            if let Some(encounter) = columns.row(typed, row) {
                addition.add(encounter, Some(ARRIVED.saturating_add(version)));
            }
        }
        self.encounters.arrived = version;
    }

    /// All encounters have come: adds what the hub has of their patients and works out the references.
    pub(crate) async fn know_encounters(&mut self, summary: &mut Summary) -> Result<()> {
        let Some(mut addition) = self.encounters.gathering.take() else {
            return Ok(());
        };
        let patients = addition.patients().to_vec();
        self.add_stored(&mut addition, &patients).await?;
        self.encounters.graph = addition.link();
        for level in Level::ALL {
            if !patients.is_empty() && self.encounters.graph.count(level) == 0 {
                summary.notes.push(format!(
                    "no encounter of level {level:?}; calculated references need all three"
                ));
            }
        }
        self.encounters.patients = patients;
        Ok(())
    }

    /// Adds what the hub has of the encounters of patients not seen yet.
    pub(super) async fn add_patients(&mut self, patients: HashSet<Arc<str>>) -> Result<()> {
        if patients.is_empty() {
            return Ok(());
        }
        let system = self.settings.common_identifier_system.as_deref();
        let mut addition = std::mem::take(&mut self.encounters.graph).addition(system);
        for patient in &patients {
            addition.add_patient(patient);
        }
        let patients: Vec<_> = patients.into_iter().collect();
        let added = self.add_stored(&mut addition, &patients).await;
        self.encounters.graph = addition.link();
        added
    }

    /// Adds the encounters that the hub has of these patients, but for those that have come anew.
    async fn add_stored(&self, addition: &mut Addition, patients: &[Arc<str>]) -> Result<()> {
        let Some(table) = self.description.table(ENCOUNTER) else {
            return Ok(());
        };
        let failed = |e| hub_error("reading the patients' encounters", e);
        for patients in patients.chunks(STORED_PATIENTS_AT_ONCE) {
            let mut stored = self.hub.encounters_of(table, patients);
            while let Some(row) = stored.try_next().await.map_err(failed)? {
                if !addition.came_anew(&row.id) {
                    addition.add(row, None);
                }
            }
        }
        Ok(())
    }
}

pub(super) fn text(typed: &TypedBatch, row: usize, column: usize) -> Option<&str> {
    match typed.value(row, column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn time(typed: &TypedBatch, row: usize, column: usize) -> Option<i64> {
    match typed.value(row, column) {
        Some(Value::DateTime(micros)) => Some(micros),
        _ => None,
    }
}

/// Where the columns stand that make an [`EncounterRow`].
struct EncounterColumns([Option<usize>; 9]);

impl EncounterColumns {
    fn of(table: &TableDescription) -> Self {
        let paths = [
            "id",
            "type/coding/code",
            "subject/reference",
            "period/start",
            "period/end",
            "identifier/system",
            "identifier/value",
            "class/code",
            "partOf/reference",
        ];
        Self(paths.map(|path| table.position_of_path(path)))
    }

    fn row(&self, typed: &TypedBatch, row: usize) -> Option<EncounterRow> {
        let text = |i: usize| self.0[i].and_then(|c| text(typed, row, c)).map(str::to_owned);
        let time = |i: usize| self.0[i].and_then(|c| time(typed, row, c));
        Some(EncounterRow {
            id: text(0)?,
            type_code: text(1),
            patient: text(2),
            start: time(3),
            end: time(4),
            identifier_system: text(5),
            identifier_value: text(6),
            class: text(7),
            part_of: text(8),
        })
    }
}
