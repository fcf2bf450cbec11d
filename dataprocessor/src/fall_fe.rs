//! `fall_fe`: one row for each case and ward, as the frontend shows the stay.

use polars::prelude::*;

use crate::basis::Basis;
use crate::cases::Cases;
use crate::config::{CaseProfile, Config, wall_time};
use crate::diagnosis::Diagnoses;
use crate::frame::{computed, stacked};
use crate::lineage::traced;
use crate::output::Output;
use crate::patient_fe::People;
use crate::record_instance::with_instance;
use crate::reference::{first_of, joined, listed_patients};
use crate::room::Room;
use crate::sources::Sources;
use crate::study_phase::with_phase;
use crate::{Error, Result, measurement};

/// Name of the output table.
pub const TABLE: &str = "fall_fe";

/// Statuses after which nothing more is expected. Source: <https://hl7.org/fhir/R4/valueset-encounter-status.html>.
const CLOSED: [&str; 3] = ["finished", "cancelled", "entered-in-error"];

/// Comments in the additional values, part of the contract.
const MAINS: &str = "FHIR ID of all main Encounter(s) for the medical case (should be exactly one)";
const PARTS: &str =
    "FHIR ID of all Encounters for the medical case at this point which are not the main Encounter";

/// Computes the table for the cases at `now`.
///
/// # Errors
/// When the sources have other columns than expected, and in the ward-list profile when a ward has no phases.
pub fn derive(basis: &Basis<'_>) -> Result<Output> {
    let Basis {
        config,
        sources,
        people,
        cases,
        ..
    } = basis;
    let now = wall_time::microseconds(basis.now);
    let moment = |micros: i64| lit(micros).cast(DataType::Datetime(TimeUnit::Microseconds, None));
    let (until_weight, until_height) = match config.profile {
        CaseProfile::Clock => (moment(now), moment(now)),
        CaseProfile::WardList => {
            let until = measurement::query_time(cases, now)?;
            (moment(until), moment(until))
        }
    };
    let weight_link = measurement::weight_link(config.profile);
    let height_link = measurement::height_link(config.profile);
    let weight = measurement::newest(sources, cases, &config.weight, weight_link, until_weight)?;
    let height = measurement::newest(sources, cases, &config.height, height_link, until_height.clone())?;
    let bmi = measurement::newest(sources, cases, &config.bmi, height_link, until_height)?;
    let diagnoses = Diagnoses::of(sources, cases, config)?;

    // A case of a patient without a row of their own cannot be shown.
    let records = people
        .chosen
        .clone()
        .select([col("pat_id").alias("patient"), col("record_id")]);
    let rows = cases
        .shown
        .clone()
        .inner_join(records, col("patient"), col("patient"));
    let rows = with_instance(rows, &sources.shown_cases, config.profile)?
        .left_join(case_numbers(cases, config), col("case"), col("case"))
        .left_join(diagnoses.texts, col("case"), col("case"))
        .left_join(named(&weight, "weight"), col("case"), col("case"))
        .left_join(named(&height, "height"), col("case"), col("case"))
        .left_join(named(&bmi, "bmi"), col("case"), col("case"));
    let rows = computed(rows, TABLE)?;
    let mut behind = vec![
        ("condition", diagnoses.rows),
        ("observation", stacked(&[weight, height])?),
    ];
    let rows = match config.profile {
        CaseProfile::Clock => {
            behind.push(("observation", bmi));
            only_clock(rows)?
        }
        CaseProfile::WardList => {
            let room = Room::of(sources, cases, config)?;
            behind.push(("location", room.locations));
            only_ward_list(rows, sources, cases, room.text, config)?
        }
    };
    let rows = rows
        .sort(
            ["patient", "start", "case", "ward"],
            SortMultipleOptions::default().with_nulls_last(true),
        )
        .select([
            col("fall_fe_id"),
            col("record_id"),
            lit("fall").alias("redcap_repeat_instrument"),
            col("instance")
                .cast(DataType::String)
                .alias("redcap_repeat_instance"),
            lit(NULL).cast(DataType::String).alias("redcap_data_access_group"),
            lit(NULL).cast(DataType::Float64).alias("db_filter_8"),
            col("case").alias("fall_fhir_enc_id"),
            col("record_id").cast(DataType::Int32).alias("patient_id_fk"),
            col("patient").alias("fall_pat_id"),
            col("case_number").alias("fall_id"),
            col("phase").alias("fall_studienphase"),
            col("ward").alias("fall_station"),
            col("start").alias("fall_aufn_dat"),
            col("room_and_bed").alias("fall_zimmernr"),
            col("diagnosis").alias("fall_aufn_diag"),
            col("weight").alias("fall_gewicht_aktuell"),
            col("weight_unit").alias("fall_gewicht_aktl_einheit"),
            col("height").alias("fall_groesse"),
            col("height_unit").alias("fall_groesse_einheit"),
            col("shown_bmi").alias("fall_bmi"),
            col("status").alias("fall_status"),
            col("end").alias("fall_ent_dat"),
            col("additional_values").alias("fall_additional_values"),
            col("complete").alias("fall_complete"),
        ]);

    let lineage = lineage(sources, cases, people, behind)?;
    Output::collect(TABLE, rows, lineage, &["fall_station", "fall_fhir_enc_id"])
        .map_err(|e| Error::frame(TABLE, &e))
}

/// What only the clock profile shows: the mass index, and the encounter's row as the row's id.
fn only_clock(rows: LazyFrame) -> Result<LazyFrame> {
    let none = |name: &str| lit(NULL).cast(DataType::String).alias(name);
    let first_ward = col("ward")
        .min()
        .over([col("case")])
        .map_err(|e| Error::frame(TABLE, &e))?;
    // The inbox takes an id once, so a case on two wards has it in one row only.
    let id = when(col("ward").eq_missing(first_ward))
        .then(col("encounter_id"))
        .otherwise(lit(NULL));
    Ok(rows.with_columns([
        id.alias("fall_fe_id"),
        none("phase"),
        none("room_and_bed"),
        none("additional_values"),
        col("bmi").alias("shown_bmi"),
        when(closed())
            .then(lit("Complete"))
            .otherwise(lit(NULL))
            .alias("complete"),
    ]))
}

/// What only the ward-list profile shows: phase, room and bed, and the encounters of the case.
fn only_ward_list(
    rows: LazyFrame,
    sources: &Sources,
    cases: &Cases,
    room: LazyFrame,
    config: &Config,
) -> Result<LazyFrame> {
    let rows = with_phase(rows, sources, &config.phases)?
        .left_join(room, col("case"), col("case"))
        .left_join(
            ids_of_patients(&cases.mains, "mains"),
            col("patient"),
            col("patient"),
        )
        .left_join(
            ids_of_patients(&cases.parts, "parts"),
            col("patient"),
            col("patient"),
        );
    Ok(rows.with_columns([
        lit(NULL).cast(DataType::Int32).alias("fall_fe_id"),
        // A mass index would come back empty from REDCap and so double the record.
        lit(NULL).cast(DataType::Float64).alias("shown_bmi"),
        additional_values().alias("additional_values"),
        when(closed())
            .then(lit("Complete"))
            .otherwise(lit("Incomplete"))
            .alias("complete"),
    ]))
}

fn closed() -> Expr {
    let status = col("status").str().to_lowercase();
    CLOSED.into_iter().fold(lit(false), |any, closed| {
        any.or(status.clone().eq_missing(lit(closed)))
    })
}

/// `case` and `case_number`. Clock profile: the first identifier. Ward-list profile: the identifiers of the configured
/// system, or the first identifier where none is configured.
fn case_numbers(cases: &Cases, config: &Config) -> LazyFrame {
    let value = col("enc_identifier_value");
    let rows = cases.mains.clone().filter(value.clone().is_not_null());
    match (config.profile, config.case_number_system.as_deref()) {
        (CaseProfile::WardList, Some(system)) => rows
            .filter(col("enc_identifier_system").eq_missing(lit(system)))
            .sort(["case", "encounter_id"], SortMultipleOptions::default())
            .group_by_stable([col("case")])
            .agg([joined("enc_identifier_value", ", ")])
            .select([col("case"), value.alias("case_number")]),
        _ => first_of(rows, &["case"], vec![col("encounter_id")], vec![false])
            .select([col("case"), value.alias("case_number")]),
    }
}

fn named(measured: &LazyFrame, name: &str) -> LazyFrame {
    measured.clone().select([
        col("case"),
        col("value").alias(name),
        col("unit").alias(format!("{name}_unit")),
    ])
}

/// `patient` and the ids of their encounters among these, as items of a TOML list in the order in which they were stored.
fn ids_of_patients(encounters: &LazyFrame, name: &str) -> LazyFrame {
    encounters
        .clone()
        .sort(["encounter_id"], SortMultipleOptions::default())
        .select([col("patient"), toml_text(col("enc_id")).alias(name)])
        .group_by_stable([col("patient")])
        .agg([joined(name, ", ")])
}

/// TOML with the encounters of the patient, byte for byte as readers know it from release 1.7.1: another text would make
/// every case a new version on the day a site changes over.
fn additional_values() -> Expr {
    concat_str(
        [
            lit(format!("# {MAINS}\nmain_encounters = [")),
            col("mains").fill_null(lit("")),
            lit(format!("]\n# {PARTS}\npart_encounters = [")),
            col("parts").fill_null(lit("")),
            lit("]"),
        ],
        "",
        false,
    )
}

/// A text as a basic string of TOML.
fn toml_text(text: Expr) -> Expr {
    let escaped = text
        .str()
        .replace_all(lit("\\"), lit("\\\\"), true)
        .str()
        .replace_all(lit("\""), lit("\\\""), true);
    concat_str([lit("\""), escaped, lit("\"")], "", false)
}

/// Rows of the ward list, the patient, the encounters and whatever else, by table and `case`, is behind each row.
fn lineage(
    sources: &Sources,
    cases: &Cases,
    people: &People,
    behind: Vec<(&str, LazyFrame)>,
) -> Result<LazyFrame> {
    let shown = cases
        .shown
        .clone()
        .select([col("ward"), col("case"), col("patient")]);
    let with_rows = |rows: LazyFrame, on: &str| shown.clone().inner_join(rows, col(on), col(on));
    let encounter = [col("case"), col("encounter_id"), col("encounter_raw_id")];
    let below = [col("patient"), col("encounter_id"), col("encounter_raw_id")];
    let listed = sources.wards.clone().lazy().with_columns([
        col("ward_name").alias("ward"),
        listed_patients("patient_id").alias("patient"),
    ]);
    let listed = listed.select(["ward", "patient", "pids_per_ward_id", "pids_per_ward_raw_id"].map(col));
    let on_ward = [col("ward"), col("patient")];
    let listed = shown
        .clone()
        .join(listed, on_ward.clone(), on_ward, JoinArgs::new(JoinType::Inner));
    let person = people.rows.clone().select([
        col("pat_id").alias("patient"),
        col("patient_id"),
        col("patient_raw_id"),
    ]);

    let keys = ["ward", "case"];
    let mut all = vec![
        traced(&listed, &keys, "pids_per_ward")?,
        traced(&with_rows(person, "patient"), &keys, "patient")?,
        traced(
            &with_rows(cases.mains.clone().select(encounter.clone()), "case"),
            &keys,
            "encounter",
        )?,
        traced(
            &with_rows(cases.parts.clone().select(below), "patient"),
            &keys,
            "encounter",
        )?,
    ];
    for (table, rows) in behind {
        all.push(traced(&with_rows(rows, "case"), &keys, table)?);
    }
    Ok(stacked(&all)?.rename(["ward", "case"], ["fall_station", "fall_fhir_enc_id"], true))
}
