//! What a run reads of the hub.

use std::collections::BTreeSet;

use cds_hub::frame::Kind::{Day, Moment, Number, Text, Whole};
use jiff::civil::DateTime;
use polars::prelude::*;

use crate::config::{CaseProfile, Config};
use crate::frame::Field;
use crate::reference::{id_in, listed_patient};
use crate::view::{Query, Snapshot, is_among, literal, refers_to};
use crate::{Error, Result};

/// The rows that a run looks at: each view is read once, only with the columns and for the patients needed.
#[derive(Clone)]
pub struct Sources {
    /// The ward list of the newest import.
    pub wards: DataFrame,
    /// Cases shown earlier that have not finished; only read in the ward-list profile.
    pub open_cases: DataFrame,
    /// Patients of interest, one row a repetition.
    pub patients: DataFrame,
    /// Their encounters, one row a repetition.
    pub encounters: DataFrame,
    /// Of patients without a case in `encounters`: what the hub has of theirs, to say why. Only read in the clock profile.
    pub other_encounters: DataFrame,
    /// Conditions that the encounters name as diagnoses.
    pub conditions: DataFrame,
    /// Weights, heights and mass indices of the patients.
    pub observations: DataFrame,
    /// Places of the encounters; only read where they name room and bed.
    pub locations: DataFrame,
    /// What `patient_fe` shows already.
    pub shown_patients: DataFrame,
    /// What `fall_fe` shows already.
    pub shown_cases: DataFrame,
}

const WARDS: &[Field] = &[
    ("ward_name", Text),
    ("patient_id", Text),
    ("encounter_id", Text),
    ("pids_per_ward_id", Whole),
    ("pids_per_ward_raw_id", Whole),
];
const OPEN_CASES: &[Field] = &[
    ("fall_station", Text),
    ("fall_pat_id", Text),
    ("fall_fhir_enc_id", Text),
    ("last_processing_nr", Whole),
];
const PATIENTS: &[Field] = &[
    ("pat_id", Text),
    ("patient_id", Whole),
    ("patient_raw_id", Whole),
    ("pat_identifier_system", Text),
    ("pat_identifier_type_system", Text),
    ("pat_identifier_type_code", Text),
    ("pat_identifier_value", Text),
    ("pat_name_use", Text),
    ("pat_name_family", Text),
    ("pat_name_given", Text),
    ("pat_birthdate", Day),
    ("pat_gender", Text),
];
const ENCOUNTERS: &[Field] = &[
    ("enc_id", Text),
    ("encounter_id", Whole),
    ("encounter_raw_id", Whole),
    ("enc_patient_ref", Text),
    ("enc_partof_ref", Text),
    ("enc_partof_calculated_ref", Text),
    ("enc_main_encounter_calculated_ref", Text),
    ("enc_status", Text),
    ("enc_type_system", Text),
    ("enc_type_code", Text),
    ("enc_identifier_system", Text),
    ("enc_identifier_value", Text),
    ("enc_period_start", Moment),
    ("enc_period_end", Moment),
    ("enc_diagnosis_condition_ref", Text),
    ("enc_diagnosis_use_code", Text),
    ("enc_location_ref", Text),
    ("enc_location_physicaltype_code", Text),
];
const OTHER_ENCOUNTERS: &[Field] = &[
    ("enc_id", Text),
    ("enc_patient_ref", Text),
    ("enc_class_code", Text),
    ("enc_type_code", Text),
    ("enc_partof_ref", Text),
    ("enc_partof_calculated_ref", Text),
    ("enc_main_encounter_calculated_ref", Text),
    ("enc_period_start", Moment),
    ("enc_period_end", Moment),
];
const CONDITIONS: &[Field] = &[
    ("con_id", Text),
    ("con_patient_ref", Text),
    ("condition_id", Whole),
    ("condition_raw_id", Whole),
    ("con_code_code", Text),
    ("con_code_display", Text),
    ("con_code_text", Text),
];
const OBSERVATIONS: &[Field] = &[
    ("obs_id", Text),
    ("observation_id", Whole),
    ("observation_raw_id", Whole),
    ("obs_patient_ref", Text),
    ("obs_encounter_ref", Text),
    ("obs_encounter_calculated_ref", Text),
    ("obs_code_system", Text),
    ("obs_code_code", Text),
    ("obs_effectivedatetime", Moment),
    ("obs_valuequantity_value", Number),
    ("obs_valuequantity_unit", Text),
    ("obs_valuequantity_code", Text),
];
const LOCATIONS: &[Field] = &[
    ("loc_id", Text),
    ("location_id", Whole),
    ("location_raw_id", Whole),
];
const SHOWN_PATIENTS: &[Field] = &[("pat_id", Text), ("record_id", Text)];
const SHOWN_CASES: &[Field] = &[
    ("record_id", Text),
    ("fall_fhir_enc_id", Text),
    ("fall_pat_id", Text),
    ("fall_station", Text),
    ("fall_studienphase", Text),
    ("redcap_repeat_instance", Text),
    ("input_processing_nr", Whole),
];

/// Cases of `fall_fe` no row of which has finished.
const STILL_OPEN: &str = "fall_pat_id IS NOT NULL AND fall_fhir_enc_id IS NOT NULL AND NOT EXISTS (\
    SELECT 1 FROM db2dataprocessor_out.v_fall_fe done WHERE done.fall_fhir_enc_id = v_fall_fe.fall_fhir_enc_id \
    AND done.fall_pat_id = v_fall_fe.fall_pat_id AND done.fall_status = 'finished')";

impl Sources {
    /// Reads what a run at `now` needs.
    ///
    /// # Errors
    /// When a view cannot be read.
    pub async fn read(snapshot: &mut Snapshot, config: &Config, now: DateTime) -> Result<Self> {
        let wards = snapshot
            .read(&Query::new("v_pids_per_ward_last_import", WARDS).filter("patient_id <> 'EMPTY_DATA'"))
            .await?;
        let mut people = ids(&wards, "patient_id", listed_patient)?;
        let open = Query::new("v_fall_fe", OPEN_CASES);
        let open = match config.profile {
            CaseProfile::Clock => open.filter("false"),
            // Of a patient on the ward list only what the list says counts.
            CaseProfile::WardList => open.filter(STILL_OPEN).filter(format!(
                "NOT ({})",
                is_among("fall_pat_id", people.iter().map(String::as_str))
            )),
        };
        let open_cases = snapshot.read(&open).await?;
        people.extend(ids(&open_cases, "fall_pat_id", itself)?);

        let patients = snapshot
            .read(&among("v_patient_last_version", PATIENTS, "pat_id", &people))
            .await?;
        let encounters = match config.profile {
            CaseProfile::Clock => snapshot.read(&running_cases(config, now, &people)).await?,
            CaseProfile::WardList => {
                let mut named = ids(&wards, "encounter_id", listed_encounter)?;
                named.extend(ids(&open_cases, "fall_fhir_enc_id", itself)?);
                let mains = snapshot
                    .read(&among("v_encounter_last_version", MAINS, "enc_id", &named))
                    .await?;
                snapshot.read(&encounters_of_cases(config, &mains)?).await?
            }
        };
        let with_case = ids(&encounters, "enc_patient_ref", patient)?;
        let without = people.difference(&with_case).cloned().collect();
        let others = Query::new("v_encounter_last_version", OTHER_ENCOUNTERS);
        let others = match config.profile {
            CaseProfile::Clock => others.filter(refers_to("enc_patient_ref", &without)),
            CaseProfile::WardList => others.filter("false"),
        };
        let other_encounters = snapshot.read(&others).await?;
        let diagnoses = ids(&encounters, "enc_diagnosis_condition_ref", |r| {
            id_in(r, "Condition")
        })?;
        let conditions = snapshot
            .read(&among(
                "v_condition_last_version",
                CONDITIONS,
                "con_id",
                &diagnoses,
            ))
            .await?;
        let observed = match config.profile {
            CaseProfile::Clock => with_case,
            CaseProfile::WardList => people.clone(),
        };
        let observations = snapshot.read(&measurements(config, now, &observed)).await?;
        let locations = match location_column(config) {
            Some(column) => {
                let places = ids(&encounters, "enc_location_ref", |r| id_in(r, "Location"))?;
                snapshot
                    .read(&among("v_location_last_version", LOCATIONS, "loc_id", &places).with_text(column))
                    .await?
            }
            None => {
                snapshot
                    .read(&Query::new("v_location_last_version", LOCATIONS).filter("false"))
                    .await?
            }
        };
        let shown_patients = snapshot
            .read(&among("v_patient_fe", SHOWN_PATIENTS, "pat_id", &people))
            .await?;
        let shown_cases = snapshot
            .read(&among("v_fall_fe", SHOWN_CASES, "fall_pat_id", &people))
            .await?;
        Ok(Self {
            wards,
            open_cases,
            patients,
            encounters,
            other_encounters,
            conditions,
            observations,
            locations,
            shown_patients,
            shown_cases,
        })
    }
}

const MAINS: &[Field] = &[("enc_id", Text), ("enc_main_encounter_calculated_ref", Text)];

/// Rows whose column is one of these ids.
fn among(view: &'static str, fields: &[Field], column: &str, ids: &BTreeSet<String>) -> Query {
    Query::new(view, fields).among(column, ids.iter().map(String::as_str))
}

/// References to these ids, as they stand in the typed tables.
fn references(resource: &str, ids: &BTreeSet<String>) -> Vec<String> {
    ids.iter().map(|id| format!("{resource}/{id}")).collect()
}

/// Encounters without a parent that have started and not ended.
fn running_cases(config: &Config, now: DateTime, people: &BTreeSet<String>) -> Query {
    let now = literal(&now.to_string());
    let mut query = Query::new("v_encounter_last_version", ENCOUNTERS)
        .filter(refers_to("enc_patient_ref", people))
        .filter("enc_partof_ref IS NULL")
        // A contact of a case says so by its calculated reference where the server left out the given one.
        .filter("enc_partof_calculated_ref IS NULL")
        .filter(format!(
            "enc_period_start <= {now} AND (enc_period_end IS NULL OR enc_period_end > {now})"
        ));
    if !config.encounter_classes.is_empty() {
        query = query.among(
            "enc_class_code",
            config.encounter_classes.iter().map(String::as_str),
        );
    }
    config
        .encounter_filter
        .columns()
        .into_iter()
        .fold(query, Query::with_text)
}

/// All encounters of the cases that these encounters belong to. Those without a known case stand for themselves.
fn encounters_of_cases(config: &Config, named: &DataFrame) -> Result<Query> {
    // Unrelated encounters whose case could not be found share the text `invalid`, which is no reference.
    let mains = ids(named, "enc_main_encounter_calculated_ref", |r| {
        id_in(r, "Encounter")
    })?;
    let (mains, named) = (references("Encounter", &mains), ids(named, "enc_id", itself)?);
    let either = [
        is_among("enc_id", named.iter().map(String::as_str)),
        is_among(
            "enc_main_encounter_calculated_ref",
            mains.iter().map(String::as_str),
        ),
    ];
    let query = Query::new("v_encounter_last_version", ENCOUNTERS).filter(either.join(" OR "));
    Ok(
        match config
            .room_and_bed_column
            .as_deref()
            .filter(|c| c.starts_with("enc_"))
        {
            Some(column) => query.with_text(column),
            None => query,
        },
    )
}

/// Weights, heights and mass indices taken before `now`; withdrawn ones never count.
fn measurements(config: &Config, now: DateTime, people: &BTreeSet<String>) -> Query {
    let codes: BTreeSet<&str> = [&config.weight, &config.height, &config.bmi]
        .into_iter()
        .flat_map(|list| list.codes.iter().map(String::as_str))
        .collect();
    Query::new("v_observation_last_version", OBSERVATIONS)
        .filter(refers_to("obs_patient_ref", people))
        .among("obs_code_code", codes)
        .filter(format!("obs_effectivedatetime < {}", literal(&now.to_string())))
        .filter("obs_valuequantity_value IS NOT NULL")
        .filter("obs_status IS NULL OR obs_status <> 'entered-in-error'")
}

/// The column of the location table that names room and bed, if it is one of that table.
pub(crate) fn location_column(config: &Config) -> Option<&str> {
    config
        .room_and_bed_column
        .as_deref()
        .filter(|c| c.starts_with("loc_"))
}

fn itself(id: &str) -> Option<&str> {
    Some(id)
}

fn patient(reference: &str) -> Option<&str> {
    id_in(reference, "Patient")
}

/// The id of an encounter in the ward list, which may hold references too.
fn listed_encounter(text: &str) -> Option<&str> {
    id_in(text, "Encounter").or(Some(text))
}

/// The ids that a column holds, each once.
fn ids(frame: &DataFrame, column: &str, id: impl Fn(&str) -> Option<&str>) -> Result<BTreeSet<String>> {
    let texts = frame
        .column(column)
        .and_then(|c| c.str().cloned())
        .map_err(|e| Error::frame(column, &e))?;
    Ok(texts
        .iter()
        .flatten()
        .filter_map(id)
        .filter(|id| !id.is_empty() && *id != "EMPTY_DATA")
        .map(str::to_owned)
        .collect())
}
