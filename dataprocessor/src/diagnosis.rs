//! Diagnoses of a case as text.

use polars::prelude::*;

use crate::Result;
use crate::cases::Cases;
use crate::config::{CaseProfile, Config};
use crate::frame::computed;
use crate::reference::{id_of, is_elsewhere, joined};
use crate::sources::Sources;

/// Use code of an admission diagnosis. Source: <http://terminology.hl7.org/CodeSystem/diagnosis-role> (R4).
const ADMISSION: &str = "AD";

/// Texts of the diagnoses of each case, and the rows they came from.
pub(crate) struct Diagnoses {
    /// `case`, `diagnosis`.
    pub texts: LazyFrame,
    /// `case`, `condition_id`, `condition_raw_id`.
    pub rows: LazyFrame,
}

impl Diagnoses {
    /// Clock profile: the texts of all diagnoses of the encounter, joined by `; `. Ward-list profile: those of the
    /// admission, each with its code, one a line.
    pub(crate) fn of(sources: &Sources, cases: &Cases, config: &Config) -> Result<Self> {
        let profile = config.profile;
        let named = cases
            .mains
            .clone()
            .filter(col("enc_diagnosis_condition_ref").is_not_null());
        let named = match profile {
            CaseProfile::Clock => named,
            CaseProfile::WardList => named.filter(col("enc_diagnosis_use_code").eq_missing(lit(ADMISSION))),
        };
        let named = named.select([
            col("case"),
            col("patient"),
            id_of("enc_diagnosis_condition_ref", "Condition").alias("con_id"),
            is_elsewhere("enc_diagnosis_condition_ref", &config.own_bases).alias("elsewhere"),
            col("encounter_id"),
        ]);
        let conditions = sources.conditions.clone().lazy().with_columns([
            label(profile),
            id_of("con_patient_ref", "Patient").alias("con_patient"),
        ]);
        let rows = named
            .inner_join(conditions, col("con_id"), col("con_id"))
            .filter(of_the_patient())
            .sort(
                ["case", "encounter_id", "condition_id"],
                SortMultipleOptions::default(),
            );
        let rows = computed(rows, "diagnoses")?;
        let separator = match profile {
            CaseProfile::Clock => "; ",
            CaseProfile::WardList => "\n",
        };
        let texts = rows
            .clone()
            .group_by_stable([col("case")])
            .agg([joined("diagnosis", separator)]);
        Ok(Self {
            texts,
            rows: rows.select([col("case"), col("condition_id"), col("condition_raw_id")]),
        })
    }
}

/// Another base has conditions of the same ids, so only the patient tells that this is the one meant; and a reference of
/// our own server to a condition of somebody else is a mistake that must not be shown.
fn of_the_patient() -> Expr {
    let unsaid = col("con_patient_ref").is_null().and(col("elsewhere").not());
    col("con_patient")
        .eq(col("patient"))
        .fill_null(lit(false))
        .or(unsaid)
}

fn label(profile: CaseProfile) -> Expr {
    let filled = |column: &str| {
        when(col(column).neq(lit("")))
            .then(col(column))
            .otherwise(lit(NULL))
    };
    let text = coalesce(&[filled("con_code_text"), filled("con_code_display")]);
    let code = filled("con_code_code");
    let label = match profile {
        CaseProfile::Clock => coalesce(&[text, code]),
        CaseProfile::WardList => {
            let both = concat_str([text.clone(), lit(" ("), code.clone(), lit(")")], "", false);
            coalesce(&[both, text, code])
        }
    };
    label.alias("diagnosis")
}
