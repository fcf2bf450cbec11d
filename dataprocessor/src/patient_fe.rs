//! `patient_fe`: one row for each patient of interest, as the frontend shows the person.

use polars::prelude::*;

use crate::basis::Basis;
use crate::config::{CaseProfile, Config};
use crate::frame::{computed, stacked};
use crate::lineage::traced;
use crate::output::Output;
use crate::reference::{first_of, joined, listed_patients};
use crate::sources::Sources;
use crate::{Error, Result};

/// Name of the output table.
pub const TABLE: &str = "patient_fe";

/// All patients that a row of `patient_fe` can be made for, with what other tables need of them.
#[derive(Clone)]
pub struct People {
    /// One row a patient: `pat_id`, `record_id`, `patient_id`, identifier, name, birth date and gender.
    pub chosen: LazyFrame,
    /// The typed rows they were made from: `pat_id`, `patient_id`, `patient_raw_id`.
    pub rows: LazyFrame,
}

impl People {
    /// Chooses or collapses the rows of each patient and gives each a record id that does not change over runs.
    ///
    /// # Errors
    /// When the sources have other columns than expected.
    pub fn of(sources: &Sources, config: &Config) -> Result<Self> {
        let candidates = sources.patients.clone().lazy().filter(identifier_matches(config));
        let (chosen, rows) = match config.profile {
            CaseProfile::Clock => newest_identifier(candidates),
            CaseProfile::WardList => official_name(candidates),
        };
        let shown = sources
            .shown_patients
            .clone()
            .lazy()
            .group_by([col("pat_id")])
            .agg([col("record_id").min().alias("shown_record_id")]);
        let chosen = chosen.left_join(shown, col("pat_id"), col("pat_id")).with_column(
            coalesce(&[col("shown_record_id"), col("patient_id").cast(DataType::String)]).alias("record_id"),
        );
        Ok(Self {
            chosen: computed(chosen, TABLE)?,
            rows: computed(rows, TABLE)?,
        })
    }

    /// How many patients a row can be made for.
    pub(crate) fn count(&self) -> Result<usize> {
        let chosen = self.chosen.clone().collect();
        Ok(chosen.map_err(|e| Error::frame(TABLE, &e))?.height())
    }
}

/// Computes the table.
///
/// # Errors
/// When the sources have other columns than expected.
pub fn derive(basis: &Basis<'_>) -> Result<Output> {
    let Basis { sources, people, .. } = basis;
    let none = |name: &str, kind: DataType| lit(NULL).cast(kind).alias(name);
    let rows = people
        .chosen
        .clone()
        .sort(["pat_id"], SortMultipleOptions::default())
        .select([
            col("record_id").cast(DataType::Int32).alias("patient_fe_id"),
            col("record_id"),
            none("redcap_repeat_instrument", DataType::String),
            none("redcap_repeat_instance", DataType::String),
            none("redcap_data_access_group", DataType::String),
            none("projekt_versionsnummer", DataType::String),
            col("pat_id"),
            col("pat_identifier_value").alias("pat_cis_pid"),
            col("pat_name_family").alias("pat_name"),
            col("pat_name_given").alias("pat_vorname"),
            col("pat_birthdate").alias("pat_gebdat"),
            none("pat_aktuell_alter", DataType::Float64),
            col("pat_gender").alias("pat_geschlecht"),
            none("pat_additional_values", DataType::String),
            lit("Complete").alias("patient_complete"),
        ]);
    let listed = sources
        .wards
        .clone()
        .lazy()
        .with_column(listed_patients("patient_id").alias("pat_id"));
    let lineage = stacked(&[
        traced(&people.rows, &["pat_id"], "patient")?,
        traced(&listed, &["pat_id"], "pids_per_ward")?,
    ])?;
    Output::collect(TABLE, rows, lineage, &["pat_id"]).map_err(|e| Error::frame(TABLE, &e))
}

/// The three filters on the identifier; one that is not set keeps every row, one that is set drops rows without value.
fn identifier_matches(config: &Config) -> Expr {
    let filters = [
        ("pat_identifier_system", &config.identifiers.system),
        ("pat_identifier_type_system", &config.identifiers.type_system),
        ("pat_identifier_type_code", &config.identifiers.type_code),
    ];
    filters.into_iter().fold(
        col("pat_id").is_not_null(),
        |all, (column, pattern)| match pattern {
            Some(pattern) => all.and(
                col(column)
                    .str()
                    .contains(lit(pattern.as_str()), false)
                    .fill_null(lit(false)),
            ),
            None => all,
        },
    )
}

/// Clock profile: the rows that carry the identifier of the newest row, collapsed into one.
fn newest_identifier(candidates: LazyFrame) -> (LazyFrame, LazyFrame) {
    let newest = first_of(
        candidates.clone(),
        &["pat_id"],
        vec![col("patient_id")],
        vec![true],
    )
    .select([
        col("pat_id"),
        col("pat_identifier_value").alias("newest_identifier"),
    ]);
    let rows = candidates
        .left_join(newest, col("pat_id"), col("pat_id"))
        .filter(col("pat_identifier_value").eq_missing(col("newest_identifier")))
        .sort(["pat_id", "patient_id"], SortMultipleOptions::default());
    let chosen = rows.clone().group_by_stable([col("pat_id")]).agg([
        col("patient_id").max(),
        joined("pat_identifier_value", "; "),
        joined("pat_name_family", "; "),
        joined("pat_name_given", "; "),
        joined("pat_gender", "; "),
        col("pat_birthdate").drop_nulls().last(),
    ]);
    (chosen, rows)
}

/// Ward-list profile: the row of the official name, else of any given name, else the first row.
fn official_name(candidates: LazyFrame) -> (LazyFrame, LazyFrame) {
    let given = col("pat_name_given")
        .is_not_null()
        .and(col("pat_name_given").neq(lit("")));
    let official = given.clone().and(col("pat_name_use").eq_missing(lit("official")));
    let preference = when(official)
        .then(lit(0))
        .when(given)
        .then(lit(1))
        .otherwise(lit(2));
    let chosen = first_of(
        candidates,
        &["pat_id"],
        vec![preference, col("patient_id")],
        vec![false, false],
    );
    (chosen.clone(), chosen)
}
