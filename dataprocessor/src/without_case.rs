//! Why a patient of the ward list has no case to show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::DateTime;
use polars::prelude::*;

use crate::cases::Cases;
use crate::config::{CaseProfile, Config, wall_time};
use crate::reference::id_in;
use crate::sources::Sources;
use crate::{Error, Result};

/// Why no case of a listed patient is shown. Of several encounters the one nearest to being shown decides: the later in
/// this list the nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The hub has no encounter of the patient, or in the ward-list profile none that belongs to what is listed.
    NoEncounter,
    /// The hub has contacts of departments or wards only, whose case it does not know.
    CaseUnknown,
    /// All cases have ended.
    Ended,
    /// A case begins later or has no start.
    NotBegun,
    /// A case runs, but its class is not one of those shown.
    Class,
    /// A case runs, but the filter of encounters drops it.
    Filter,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEncounter => "no encounter",
            Self::CaseUnknown => "only contacts whose case is not known",
            Self::Ended => "ended",
            Self::NotBegun => "not begun",
            Self::Class => "of a class that is not shown (FRONTEND_DISPLAYED_ENCOUNTER_CLASS)",
            Self::Filter => "dropped by FRONTEND_DISPLAYED_ENCOUNTER_FILTER",
        })
    }
}

/// How many listed patients without a case there are, by reason.
pub(crate) fn reasons(
    sources: &Sources,
    cases: &Cases,
    config: &Config,
    now: DateTime,
) -> Result<BTreeMap<Reason, usize>> {
    let failed = |e: PolarsError| Error::frame("patients without a case", &e);
    let listed = patients(&cases.interest).map_err(failed)?;
    let shown = patients(&cases.shown).map_err(failed)?;
    let mut nearest: BTreeMap<&str, Reason> = listed
        .difference(&shown)
        .map(|patient| (patient.as_str(), Reason::NoEncounter))
        .collect();
    let mut say = |reference: Option<&str>, reason: Reason| {
        let patient = reference.and_then(|r| id_in(r, "Patient"));
        if let Some(known) = patient.and_then(|p| nearest.get_mut(p)) {
            *known = reason.max(*known);
        }
    };
    // What was read as running and is not shown was dropped by the filter, or is no case.
    let loaded = match config.profile {
        CaseProfile::Clock => Reason::Filter,
        CaseProfile::WardList => Reason::CaseUnknown,
    };
    let read = sources
        .encounters
        .column("enc_patient_ref")
        .and_then(|c| c.str())
        .map_err(failed)?;
    for reference in read.iter() {
        say(reference, loaded);
    }
    for (reference, reason) in
        others(&sources.other_encounters, wall_time::microseconds(now)).map_err(failed)?
    {
        say(reference, reason);
    }
    let mut counts = BTreeMap::new();
    for reason in nearest.into_values() {
        *counts.entry(reason).or_default() += 1;
    }
    Ok(counts)
}

/// What each encounter that was not read as a running case says about its patient.
fn others(frame: &DataFrame, now: i64) -> PolarsResult<Vec<(Option<&str>, Reason)>> {
    let patients = frame.column("enc_patient_ref")?.str()?;
    let parts = [
        frame.column("enc_partof_ref")?.str()?,
        frame.column("enc_partof_calculated_ref")?.str()?,
    ];
    let starts = frame.column("enc_period_start")?.datetime()?;
    let ends = frame.column("enc_period_end")?.datetime()?;
    let reason = |row: usize| {
        if parts.iter().any(|part| part.get(row).is_some()) {
            Reason::CaseUnknown
        } else if starts.phys.get(row).is_none_or(|start| start > now) {
            Reason::NotBegun
        } else if ends.phys.get(row).is_some_and(|end| end <= now) {
            Reason::Ended
        } else {
            Reason::Class
        }
    };
    Ok((0..frame.height())
        .map(|row| (patients.get(row), reason(row)))
        .collect())
}

fn patients(frame: &LazyFrame) -> PolarsResult<BTreeSet<String>> {
    let frame = frame.clone().select([col("patient")]).collect()?;
    Ok(frame
        .column("patient")?
        .str()?
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect())
}
