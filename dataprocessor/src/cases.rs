//! Which cases are shown, and on which ward.

use polars::prelude::*;

use crate::config::{CaseProfile, Config, EncounterFilter};
use crate::frame::{computed, stacked};
use crate::patient_fe::People;
use crate::reference::{first_of, id_of, listed_patients};
use crate::sources::Sources;
use crate::{Error, ErrorKind, Result};

const LEVELS: &str = "http://fhir.de/CodeSystem/Kontaktebene";
const TOP_LEVEL: &str = "einrichtungskontakt";
const LOWER_LEVELS: [&str; 2] = ["abteilungskontakt", "versorgungsstellenkontakt"];

/// The cases shown and the encounter rows that say something about them.
#[derive(Clone)]
pub struct Cases {
    /// Whose cases are looked for: `ward`, `patient`.
    pub interest: LazyFrame,
    /// One row a ward and case: `ward`, `patient` and `case` (FHIR ids), `start`, `end`, `status`,
    /// `encounter_id` of its first row.
    pub shown: LazyFrame,
    /// Rows of the case's own encounters with its id as `case`.
    pub mains: LazyFrame,
    /// Rows of the encounters below: `patient`, and the id of their case as `case`, null where it is not known.
    pub parts: LazyFrame,
}

impl Cases {
    /// Applies the profile's rule.
    ///
    /// # Errors
    /// In the ward-list profile when nobody is listed, or when there are people to show and none of the encounters is a
    /// contact of one of the three levels.
    pub fn of(sources: &Sources, config: &Config, people: &People) -> Result<Self> {
        let cases = match config.profile {
            CaseProfile::Clock => Self::running(sources, config),
            CaseProfile::WardList => Self::listed(sources, people)?,
        };
        Ok(Self {
            interest: computed(cases.interest, "wards")?,
            shown: computed(cases.shown, "cases")?,
            mains: computed(cases.mains, "cases")?,
            parts: computed(cases.parts, "encounters")?,
        })
    }

    /// The cases read, each of which runs at the moment asked for, of the patients on the ward list.
    fn running(sources: &Sources, config: &Config) -> Self {
        let mains = sources
            .encounters
            .clone()
            .lazy()
            .filter(wanted(&config.encounter_filter));
        let mains = mains.with_columns([
            col("enc_id").alias("case"),
            id_of("enc_patient_ref", "Patient").alias("patient"),
        ]);
        let parts = mains.clone().filter(lit(false));
        let interest = ward_list(sources);
        Self {
            shown: on_wards(interest.clone(), &mains),
            interest,
            mains,
            parts,
        }
    }

    /// The cases of the listed encounters and of those that were shown and have not finished.
    fn listed(sources: &Sources, people: &People) -> Result<Self> {
        let listed = ward_list(sources);
        let earlier = first_of(
            sources.open_cases.clone().lazy(),
            &["fall_pat_id", "fall_fhir_enc_id"],
            vec![col("last_processing_nr"), col("fall_station")],
            vec![true, false],
        )
        .select([
            col("fall_station").alias("ward"),
            col("fall_pat_id").alias("patient"),
        ])
        .anti_join(listed.clone(), col("patient"), col("patient"));
        let interest = stacked(&[listed, earlier])?
            .unique_stable(None, UniqueKeepStrategy::First)
            .collect()
            .map_err(|e| Error::frame("ward list", &e))?;
        if interest.height() == 0 {
            return Err(Error::new(
                ErrorKind::NobodyOfInterest,
                "the ward list is empty and no case is open",
            ));
        }
        // Collected, because four frames are made from it.
        let contacts = contacts(sources)
            .collect()
            .map_err(|e| Error::frame("encounters", &e))?;
        // Where nobody can be shown there is nothing to miss.
        if contacts.height() == 0 && people.count()? > 0 {
            return Err(Error::new(ErrorKind::NoContacts, "v_encounter_last_version"));
        }
        let part = col("enc_partof_calculated_ref").is_not_null();
        let below = contacts.clone().lazy().filter(part.clone());
        let mains = contacts
            .clone()
            .lazy()
            .filter(col("enc_type_code").eq_missing(lit(TOP_LEVEL)))
            .anti_join(below.clone(), col("enc_id"), col("enc_id"))
            .with_columns([
                col("enc_id").alias("case"),
                id_of("enc_patient_ref", "Patient").alias("patient"),
            ]);
        let parts = below.with_columns([
            id_of("enc_main_encounter_calculated_ref", "Encounter").alias("case"),
            id_of("enc_patient_ref", "Patient").alias("patient"),
        ]);
        let interest = interest.lazy();
        Ok(Self {
            shown: on_wards(interest.clone(), &mains),
            interest,
            mains,
            parts,
        })
    }
}

/// Wards and patients of the newest import, each pair once.
fn ward_list(sources: &Sources) -> LazyFrame {
    let pairs = [
        col("ward_name").alias("ward"),
        listed_patients("patient_id").alias("patient"),
    ];
    sources
        .wards
        .clone()
        .lazy()
        .select(pairs)
        .unique_stable(None, UniqueKeepStrategy::First)
}

/// Encounter rows of one of the three levels.
fn contacts(sources: &Sources) -> LazyFrame {
    let known = LOWER_LEVELS
        .into_iter()
        .fold(col("enc_type_code").eq_missing(lit(TOP_LEVEL)), |any, level| {
            any.or(col("enc_type_code").eq_missing(lit(level)))
        });
    sources
        .encounters
        .clone()
        .lazy()
        .filter(col("enc_type_system").eq_missing(lit(LEVELS)).or(known))
}

/// One row for each ward of a patient and each case.
fn on_wards(interest: LazyFrame, mains: &LazyFrame) -> LazyFrame {
    let cases = first_of(mains.clone(), &["case"], vec![col("encounter_id")], vec![false]).select([
        col("case"),
        col("patient"),
        col("enc_period_start").alias("start"),
        col("enc_period_end").alias("end"),
        col("enc_status").alias("status"),
        col("encounter_id"),
    ]);
    let order = ["patient", "start", "case", "ward"];
    interest
        .inner_join(cases, col("patient"), col("patient"))
        .sort(order, SortMultipleOptions::default())
}

/// One of the groups of conditions holds; without groups every row is wanted.
fn wanted(filter: &EncounterFilter) -> Expr {
    let holds = |column: &str, pattern: &str| {
        col(column)
            .str()
            .contains(lit(format!("(?i){pattern}")), false)
            .fill_null(lit(false))
    };
    let group = |conditions: &Vec<crate::config::Condition>| {
        conditions
            .iter()
            .fold(lit(true), |all, c| all.and(holds(&c.column, &c.pattern)))
    };
    filter
        .groups()
        .iter()
        .map(group)
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(true))
}
