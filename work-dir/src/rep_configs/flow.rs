use std::fmt::Write;

use table_description::FhirType;

use super::{Load, NAME};
use crate::{Channels, Layout};

/// Number of the first signal; smaller ones are taken by the original system's own.
const FIRST_ID: usize = 1000;

/// Definitions in the original system's form: a type a table, and a signal a table.
pub(super) fn signals(loads: &[Load<'_>]) -> String {
    let mut out = String::from(
        "# GENERIC_SIGNAL_TYPE name type: T times, V values; i whole number, f decimal number, s text\n\
         # SIGNAL name id 16:type tags categorical-value-channels units\n",
    );
    let of_patients = || {
        loads
            .iter()
            .map(|load| (load.table, Channels::of(load.table)))
            .filter(|(_, c)| c.patient.is_some())
    };
    for (table, channels) in of_patients() {
        let _ = writeln!(
            out,
            "GENERIC_SIGNAL_TYPE\t{NAME}_{}\t{}",
            table.name,
            channels.kind(table)
        );
    }
    for (at, (table, channels)) in of_patients().enumerate() {
        let text = |c: &usize| matches!(table.columns[*c].fhir_type, FhirType::String | FhirType::Time);
        let categorical: String = channels
            .values
            .iter()
            .map(|c| if text(c) { '1' } else { '0' })
            .collect();
        let units = "|".repeat(channels.values.len().saturating_sub(1));
        let tags = match table.resource.as_deref() {
            Some("Patient") => "demographic",
            _ => table.name.as_str(),
        };
        let _ = writeln!(
            out,
            "SIGNAL\t{}\t{}\t16:{NAME}_{}\t{tags}\t{categorical}\t{units}",
            table.name,
            FIRST_ID + at,
            table.name
        );
    }
    out
}

/// What is loaded, in the original system's form; the text files of the run in the order of their batches.
pub(super) fn convert_config(layout: &Layout, loads: &[Load<'_>]) -> String {
    let mut out = format!(
        "DESCRIPTION\ttyped rows of a run\nRELATIVE\t1\nSAFE_MODE\t1\nMODE\t3\nPREFIX\tdata/{NAME}_rep\n\
         CONFIG\t{NAME}.repository\nSIGNAL\t{NAME}.signals\nFORCE_SIGNAL\tpatient\nDIR\t.\nOUTDIR\t../rep\n"
    );
    for load in loads {
        for batch in load
            .batches
            .iter()
            .filter(|&&batch| layout.text(&load.table.name, batch).exists())
        {
            let _ = writeln!(out, "DATA\t../FinalSignals/{}.{batch}", load.table.name);
        }
    }
    out
}
