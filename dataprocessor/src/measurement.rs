//! Weight, height and mass index of a case, with units.

use polars::prelude::*;

use crate::cases::Cases;
use crate::config::{CaseProfile, CodeList};
use crate::frame::{computed, stacked};
use crate::reference::{first_of, id_of};
use crate::sources::Sources;
use crate::{Error, Result};

/// UCUM codes of mass, length and mass index that a reader may take for a unit. Source: <https://ucum.org/ucum>.
const UNITS: [&str; 14] = [
    "kg", "g", "mg", "[lb_av]", "[oz_av]", "m", "cm", "mm", "dm", "[in_i]", "[ft_i]", "kg/m2", "kg/m^2", "t",
];

/// Which observations of a patient count for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Those of the encounter, else those of the patient since its start.
    EncounterElseStay,
    /// Those whose calculated encounter is one of the cases loaded; the newest of the patient.
    KnownCase,
    /// All of the patient; the newest.
    Patient,
}

/// The newest value for each case: `case`, `value`, `unit`, `observation_id`, `observation_raw_id`.
///
/// `until` bounds the time of the observations; among values of the same time the first stored wins.
pub(crate) fn newest(
    sources: &Sources,
    cases: &Cases,
    list: &CodeList,
    link: Link,
    until: Expr,
) -> Result<LazyFrame> {
    let observations = sources
        .observations
        .clone()
        .lazy()
        .filter(in_list(list).and(col("obs_effectivedatetime").lt(until)))
        .with_column(id_of("obs_patient_ref", "Patient").alias("patient"));
    let cases_of = cases.mains.clone().select([
        col("case"),
        col("patient"),
        col("enc_period_start").alias("start"),
    ]);
    let cases_of = cases_of.unique_stable(Some(cols(["case"])), UniqueKeepStrategy::First);
    let candidates = match link {
        Link::EncounterElseStay => {
            let direct = observations
                .clone()
                .with_columns([
                    id_of("obs_encounter_ref", "Encounter").alias("case"),
                    lit(0).alias("preference"),
                ])
                .join(
                    cases_of.clone(),
                    [col("case"), col("patient")],
                    [col("case"), col("patient")],
                    JoinArgs::new(JoinType::Semi),
                );
            let stay = observations
                .inner_join(cases_of, col("patient"), col("patient"))
                .filter(col("obs_effectivedatetime").gt_eq(col("start")))
                .with_column(lit(1).alias("preference"));
            stacked(&[direct.select(candidate()), stay.select(candidate())])?
        }
        Link::KnownCase | Link::Patient => {
            let loaded = stacked(&[
                cases.mains.clone().select([col("enc_id")]),
                cases.parts.clone().select([col("enc_id")]),
            ])?;
            let counted = match link {
                Link::KnownCase => observations
                    .with_column(id_of("obs_encounter_calculated_ref", "Encounter").alias("of"))
                    .semi_join(loaded, col("of"), col("enc_id")),
                _ => observations,
            };
            counted
                .inner_join(cases_of, col("patient"), col("patient"))
                .with_column(lit(0).alias("preference"))
                .select(candidate())
        }
    };
    let order = vec![
        col("preference"),
        col("obs_effectivedatetime"),
        col("observation_id"),
    ];
    let newest = first_of(candidates, &["case"], order, vec![false, true, false]);
    let columns = [
        col("case"),
        col("obs_valuequantity_value").alias("value"),
        unit(link).alias("unit"),
        col("observation_id"),
        col("observation_raw_id"),
    ];
    computed(newest.select(columns), "measurements")
}

fn candidate() -> Vec<Expr> {
    [
        "case",
        "preference",
        "obs_effectivedatetime",
        "obs_valuequantity_value",
        "obs_valuequantity_unit",
        "obs_valuequantity_code",
        "observation_id",
        "observation_raw_id",
    ]
    .map(col)
    .to_vec()
}

/// The code; in the ward-list profile only if it is a unit, else the text shown beside the value.
fn unit(link: Link) -> Expr {
    let code = col("obs_valuequantity_code");
    if link == Link::EncounterElseStay {
        return code;
    }
    let valid = UNITS
        .into_iter()
        .fold(lit(false), |any, unit| any.or(code.clone().eq_missing(lit(unit))));
    when(valid).then(code).otherwise(col("obs_valuequantity_unit"))
}

fn in_list(list: &CodeList) -> Expr {
    let code = list.codes.iter().fold(lit(false), |any, code| {
        any.or(col("obs_code_code").eq_missing(lit(code.as_str())))
    });
    if list.system.is_empty() {
        code
    } else {
        code.and(col("obs_code_system").eq_missing(lit(list.system.as_str())))
    }
}

/// The moment before which observations count in the ward-list profile: one second before the last encounter ended,
/// never after `now`; `now` if an encounter is still open.
pub(crate) fn query_time(cases: &Cases, now: i64) -> Result<i64> {
    const SECOND: i64 = 1_000_000;
    let ends = stacked(&[
        cases.mains.clone().select([col("enc_period_end")]),
        cases.parts.clone().select([col("enc_period_end")]),
    ])?
    .select([
        col("enc_period_end").is_null().any(true).alias("open"),
        col("enc_period_end").max().cast(DataType::Int64).alias("last"),
    ])
    .collect()
    .map_err(|e| Error::frame("ends of encounters", &e))?;
    let open = ends
        .column("open")
        .ok()
        .and_then(|c| c.bool().ok()?.get(0))
        .unwrap_or(true);
    let last = ends.column("last").ok().and_then(|c| c.i64().ok()?.get(0));
    Ok(match last {
        Some(last) if !open => now.min(last - SECOND),
        _ => now,
    })
}

/// Which link the profile uses for weight.
pub(crate) fn weight_link(profile: CaseProfile) -> Link {
    match profile {
        CaseProfile::Clock => Link::EncounterElseStay,
        CaseProfile::WardList => Link::KnownCase,
    }
}

/// Which link the profile uses for height.
pub(crate) fn height_link(profile: CaseProfile) -> Link {
    match profile {
        CaseProfile::Clock => Link::EncounterElseStay,
        CaseProfile::WardList => Link::Patient,
    }
}
