//! Phase of the study in which a case counts: the one it was shown with first, else that of its ward at admission.

use polars::prelude::*;

use crate::config::{Phases, wall_time};
use crate::frame::computed;
use crate::reference::first_of;
use crate::sources::Sources;
use crate::{Error, ErrorKind, Result};

/// Adds the column `phase` to rows with `ward`, `case` and `start`.
///
/// # Errors
/// When a ward has no phases in the configuration and the case none from an earlier run.
pub(crate) fn with_phase(rows: LazyFrame, sources: &Sources, phases: &Phases) -> Result<LazyFrame> {
    let shown = sources
        .shown_cases
        .clone()
        .lazy()
        .filter(col("fall_studienphase").is_not_null());
    let shown = shown.select([
        col("fall_fhir_enc_id").alias("case"),
        col("fall_station").alias("ward"),
        col("fall_studienphase").alias("shown_phase"),
        col("input_processing_nr"),
    ]);
    let oldest = |keys: &[&str]| {
        first_of(
            shown.clone(),
            keys,
            vec![col("input_processing_nr"), col("ward")],
            vec![false, false],
        )
    };
    let on_ward = oldest(&["case", "ward"]).select([
        col("case"),
        col("ward"),
        col("shown_phase").alias("phase_on_ward"),
    ]);
    let anywhere = oldest(&["case"]).select([col("case"), col("shown_phase").alias("phase_anywhere")]);
    let keys = [col("case"), col("ward")];
    // A case on two wards may count differently on each; without the first join one would take over the other's phase.
    let phase = coalesce(&[col("phase_on_ward"), col("phase_anywhere"), at_start(phases)]).alias("phase");
    let rows = rows
        .join(on_ward, keys.clone(), keys, JoinArgs::new(JoinType::Left))
        .left_join(anywhere, col("case"), col("case"))
        .with_column(phase);
    let rows = computed(rows, "phases")?;
    let unknown = rows
        .clone()
        .filter(col("phase").is_null())
        .select([col("ward")])
        .unique_stable(None, UniqueKeepStrategy::First)
        .collect()
        .map_err(|e| Error::frame("phases", &e))?;
    let wards: Vec<&str> = match unknown.column("ward").and_then(|c| c.str()) {
        Ok(wards) => wards.iter().flatten().collect(),
        Err(e) => return Err(Error::frame("phases", &e)),
    };
    if wards.is_empty() {
        Ok(rows)
    } else {
        Err(Error::new(
            ErrorKind::WardWithoutPhase,
            format!("{}; add a PHASES_WARD entry", wards.join(", ")),
        ))
    }
}

/// The phase of the row's ward at the row's start; null for a ward without phases.
fn at_start(phases: &Phases) -> Expr {
    let moment =
        |time| lit(wall_time::microseconds(time)).cast(DataType::Datetime(TimeUnit::Microseconds, None));
    phases
        .wards()
        .iter()
        .fold(lit(NULL).cast(DataType::String), |otherwise, ward| {
            let mut phase = lit("NoPhaseActive");
            if let Some(a) = ward.a_start {
                phase = when(col("start").gt_eq(moment(a)))
                    .then(lit("PhaseA"))
                    .otherwise(phase);
            }
            if let Some(b) = ward.b_start {
                phase = when(col("start").gt_eq(moment(b)))
                    .then(lit("PhaseB"))
                    .otherwise(phase);
            }
            if ward.b_test {
                phase = lit("PhaseBTest");
            }
            when(col("ward").eq(lit(ward.ward.as_str())))
                .then(phase)
                .otherwise(otherwise)
        })
}
