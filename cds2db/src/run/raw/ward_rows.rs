//! The raw rows of `pids_per_ward`, which come from no page.

use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder};
use table_description::{Description, TableDescription};

use crate::run::typed::PIDS_PER_WARD;
use crate::run::who::Who;
use crate::run::{Run, RunDirectory};
use crate::ward::WardPatient;

/// Marker of a day without any ward patient.
const EMPTY_DATA: &str = "EMPTY_DATA";

impl Run<'_> {
    /// The rows of `pids_per_ward`, where they are to be stored.
    pub(in crate::run) fn ward_rows(&self, who: &Who, directory: &RunDirectory) -> Option<Batch> {
        let open = directory.batches().is_open(PIDS_PER_WARD);
        let wards = who.wards.as_ref().filter(|_| open)?;
        ward_batch(self.description, wards)
    }
}

/// The rows of `pids_per_ward`: plain values without an index. A day without patients leaves a marker, so that the
/// readers see an empty day and not the last full one.
fn ward_batch(description: &Description, wards: &[WardPatient]) -> Option<Batch> {
    let table: &Arc<TableDescription> = description.table(PIDS_PER_WARD)?;
    let column = |name: &str| table.position(name);
    let (ward, patient, encounter) = (
        column("ward_name")?,
        column("patient_id")?,
        column("encounter_id")?,
    );
    let mut builder = BatchBuilder::new(Arc::clone(table));
    for row in wards {
        builder.begin_row();
        for (column, text) in [
            (ward, &row.ward_name),
            (patient, &row.patient_id),
            (encounter, &row.encounter_id),
        ] {
            if !text.is_empty() {
                builder.push(column, &[], text);
            }
        }
    }
    if wards.is_empty() {
        builder.begin_row();
        builder.push(patient, &[], EMPTY_DATA);
        builder.push(encounter, &[], EMPTY_DATA);
    }
    Some(builder.finish())
}
