//! The keys of `dataprocessor_config.toml` and what each means.

use std::path::Path;

use regex::Regex;
use table_description::reference::OwnBases;

use super::{
    CaseProfile, CodeList, Config, Database, EncounterFilter, IdentifierFilter, Phases, encounter_filter,
    phases, wall_time,
};
use crate::Error;
use site_config::{Fault, FlatToml, Place, Reader, resolve};

const SECOND_FILE: &str = "DEBUG_PATH_TO_CONFIG_TOML";
const DATABASE_FILE: &str = "PATH_TO_DB_CONFIG_TOML";
const CASE_NUMBER: &str = "COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM";
const PROFILE: &str = "CASE_PROFILE";
const SQL_TABLES: &str = "OUTPUT_TABLES_PATH";
const NOW: &str = "DEBUG_ENCOUNTER_DATETIME";
const ROOM: &str = "FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN";
const ALIASES: &str = "FHIR_SERVER_ALIASES";
const B_TEST: &str = "WARDS_PHASE_B_TEST";
const MRP_LISTS: &str = "INPUT_REPO_PATH";

impl Config {
    /// Reads `dataprocessor_config.toml`, the second file it may name, and the file that says how to reach the hub.
    ///
    /// # Errors
    /// One error with all faults of all files, each with file, line and key.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let mut toml = match FlatToml::read(file) {
            Ok(toml) => toml,
            Err(fault) => return Err(Error::configuration(vec![fault])),
        };
        if let Some(second) = toml.text(SECOND_FILE).filter(|t| !t.is_empty()) {
            match FlatToml::read(&resolve(second, file)) {
                Ok(over) => toml.merge(over),
                Err(fault) => faults.push(fault),
            }
        }
        let database = match toml.text(DATABASE_FILE).filter(|t| !t.is_empty()) {
            Some(path) => Database::read(&resolve(path, file), "DATAPROCESSOR")
                .map_err(|found| faults.extend(found))
                .ok(),
            None => None,
        };
        let mut config = Self::collect(&toml, file, faults)?;
        config.database = database;
        Ok(config)
    }

    /// The settings of keys that are read already; `file` is only used to say where something stands.
    ///
    /// # Errors
    /// One error with all faults.
    pub fn from_toml(toml: &FlatToml, file: &Path) -> Result<Self, Error> {
        Self::collect(toml, file, Vec::new())
    }

    fn collect(toml: &FlatToml, file: &Path, faults: Vec<Fault>) -> Result<Self, Error> {
        let mut reader = Reader::new(toml, Place::new(file, 0));
        reader.extend(faults);
        let r = &mut reader;
        let profile = profile(r, toml);
        let config = Self {
            verbose: general(r),
            profile,
            debug_now: moment(r),
            phases: study_phases(r, profile),
            identifiers: IdentifierFilter {
                system: pattern(r, "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_SYSTEM"),
                type_system: pattern(r, "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_TYPE_SYSTEM"),
                type_code: pattern(r, "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_TYPE_CODE"),
            },
            case_number_system: r.filled(CASE_NUMBER).map(str::to_owned),
            encounter_classes: classes(r),
            encounter_filter: EncounterFilter::read(r),
            room_and_bed_column: room_and_bed(r),
            weight: CodeList::read(r, "OBSERVATION_BODY_WEIGHT", "codes of body weight"),
            height: CodeList::read(r, "OBSERVATION_BODY_HEIGHT", "codes of body height"),
            bmi: match profile {
                CaseProfile::Clock => CodeList::read(r, "OBSERVATION_BMI", "codes of the body mass index"),
                CaseProfile::WardList => CodeList::unused(r, "OBSERVATION_BMI"),
            },
            own_bases: own_bases(r),
            sql_tables: r.filled(SQL_TABLES).map(|t| resolve(t, file)),
            database: None,
            debug_keys: debug_keys(toml),
            unknown_keys: Vec::new(),
            idle_keys: idle_keys(toml),
        };
        if profile == CaseProfile::WardList {
            r.require(CASE_NUMBER, "an empty text where there is none");
        }
        others(r);
        let findings = reader.finish();
        if !findings.faults.is_empty() {
            return Err(Error::configuration(findings.faults));
        }
        Ok(Self {
            unknown_keys: findings.unknown,
            ..config
        })
    }
}

fn general(r: &mut Reader<'_>) -> u8 {
    r.whole("MAX_DIR_COUNT", 0..=i64::MAX);
    r.flag("LOG_TEMP_EXCEL_TABLES");
    r.whole("VERBOSE", 0..=10)
        .and_then(|n| u8::try_from(n).ok())
        .unwrap_or(1)
}

/// The profile named, else the one of the release whose configuration this is: a site that changes over keeps its cases.
fn profile(r: &mut Reader<'_>, toml: &FlatToml) -> CaseProfile {
    let named = r.text(PROFILE).map(CaseProfile::named);
    if named == Some(None) {
        r.fault(PROFILE, "must be \"clock\" or \"ward-list\"");
    }
    named.flatten().unwrap_or_else(|| implied_profile(toml))
}

/// Study phases, rooms and medication problems came with the ward list; a filter of encounters and a moment other than now are older and went with it.
fn implied_profile(toml: &FlatToml) -> CaseProfile {
    let is_set = |key: &str| toml.get(key).is_some_and(|entry| !entry.is_off());
    let has_phases = !toml.family(phases::KEY).is_empty() || is_set(B_TEST);
    let is_clock = is_set(encounter_filter::KEY) || (is_set(NOW) && !has_phases);
    match has_phases || is_set(ROOM) || toml.get(MRP_LISTS).is_some() {
        true if !is_clock => CaseProfile::WardList,
        _ => CaseProfile::Clock,
    }
}

fn own_bases(r: &mut Reader<'_>) -> OwnBases {
    let bases = OwnBases::new(r.texts(ALIASES).unwrap_or_default());
    bases.unwrap_or_else(|fault| {
        r.fault(ALIASES, fault.to_string());
        OwnBases::default()
    })
}

fn moment(r: &mut Reader<'_>) -> Option<jiff::civil::DateTime> {
    let text = r.filled(NOW)?;
    let moment = wall_time::parse_moment(text);
    if moment.is_none() {
        r.fault(
            NOW,
            format!(
                "must be YYYY-MM-DD[ HH:MM[:SS]], a time that existed in {}",
                wall_time::ZONE
            ),
        );
    }
    moment
}

fn study_phases(r: &mut Reader<'_>, profile: CaseProfile) -> Phases {
    if profile == CaseProfile::WardList {
        r.require(phases::KEY, "one entry for each ward, such as PHASES_WARD_1");
    }
    r.family("COMBINE_WARDS_FOR_ANALYSIS");
    Phases::read(r)
}

/// A regular expression; an empty one and `.*` switch the filter off.
fn pattern(r: &mut Reader<'_>, key: &str) -> Option<String> {
    let text = r.filled(key).filter(|t| *t != ".*")?;
    if Regex::new(text).is_err() {
        r.fault(key, "is no regular expression");
        return None;
    }
    Some(text.to_owned())
}

/// Classes; an empty text among them switches the filter off, without the key inpatients and short stays are shown.
fn classes(r: &mut Reader<'_>) -> Vec<String> {
    match r.texts("FRONTEND_DISPLAYED_ENCOUNTER_CLASS") {
        None => Config::default().encounter_classes,
        Some(classes) if classes.contains(&"") => Vec::new(),
        Some(classes) => classes.into_iter().map(str::to_owned).collect(),
    }
}

fn room_and_bed(r: &mut Reader<'_>) -> Option<String> {
    let column = r.filled(ROOM)?.trim().to_lowercase();
    let description = table_description::default_description();
    let known = |table: &str| {
        description
            .table(table)
            .is_some_and(|t| t.position(&column).is_some())
    };
    if known("encounter") || known("location") {
        return Some(column);
    }
    r.fault(
        ROOM,
        "must be a column of the table encounter (enc_…) or location (loc_…)",
    );
    None
}

/// Keys of the medication-problem calculation, which this program does not do; checked so that a slip shows early.
fn others(r: &mut Reader<'_>) {
    r.texts(MRP_LISTS);
    r.whole("DEFAULT_LOINC_VALIDITY_DAYS", 0..=i64::MAX);
    r.number("MRP_CHECK_MEDICATION_ANALYSIS_DAYS_OFFSET");
    r.whole("DAYS_AFTER_ENCOUNTER_END_TO_CHECK_FOR_MRPS", 0..=i64::MAX);
    r.text("DEBUG_SUBMODULE_DIR");
    r.text(SECOND_FILE);
    r.text(DATABASE_FILE);
    r.require(DATABASE_FILE, "file that says how to reach the hub");
}

/// Keys of the original that are set and change nothing here.
fn idle_keys(toml: &FlatToml) -> Vec<Fault> {
    const IDLE: [(&str, &str); 3] = [
        ("MAX_DIR_COUNT", "has no effect: a run leaves no folders behind"),
        (
            "LOG_TEMP_EXCEL_TABLES",
            "has no effect: cds-hub trace shows what a row was made from",
        ),
        ("DEBUG_SUBMODULE_DIR", "has no effect: there are no submodules"),
    ];
    let set = |(key, why): (&str, &str)| {
        let entry = toml.get(key)?;
        (!entry.is_off()).then(|| Fault::of_key(entry.place().clone(), key, why.to_owned()))
    };
    IDLE.into_iter().filter_map(set).collect()
}

/// `DEBUG_…` keys that are set; an empty text counts as off.
fn debug_keys(toml: &FlatToml) -> Vec<String> {
    toml.keys()
        .filter(|k| k.starts_with("DEBUG_") && toml.text(k) != Some(""))
        .map(str::to_owned)
        .collect()
}
