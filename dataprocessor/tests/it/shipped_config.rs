//! The configuration files that sites have today.

use std::path::{Path, PathBuf};

use dataprocessor::config::wall_time;
use dataprocessor::{CaseProfile, Config, ErrorKind};

use crate::settings::MANDATORY;

/// The original's files, where they lie beside the project.
fn shipped() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/description/config");
    if folder.exists() {
        return Some(folder);
    }
    x_skipped::skip!("../shared is absent, so the original's configuration files are not read");
    None
}

#[test]
fn the_original_file_works_unchanged() {
    let Some(folder) = shipped() else { return };
    let config = Config::read(&folder.join("dataprocessor_config.toml")).unwrap();
    // The file is of release 1.7.1, which chose its cases by the ward list.
    assert_eq!(config.profile, CaseProfile::WardList);
    assert_eq!(
        (config.verbose, config.encounter_classes.as_slice()),
        (10, ["IMP".to_owned()].as_slice())
    );
    assert_eq!(config.weight.codes, ["3142-7", "29463-7"]);
    assert_eq!(
        config.room_and_bed_column.as_deref(),
        Some("enc_location_identifier_value")
    );
    assert_eq!(config.case_number_system, None);
    assert!(
        config.identifiers.system.is_none() && config.debug_keys.is_empty() && config.unknown_keys.is_empty()
    );
    let phase = |ward: &str, time: &str| config.phases.of(ward, wall_time::parse(time).unwrap());
    for (ward, time, wanted) in [
        ("Station 1", "2026-01-11 09:59", "NoPhaseActive"),
        ("Station 1", "2026-01-21 10:00", "PhaseB"),
        ("Station 2", "2026-01-11", "PhaseA"),
        ("Station 2", "2026-01-12", "PhaseB"),
        ("Station 3", "2026-01-11 10:00", "PhaseA"),
    ] {
        assert_eq!(phase(ward, time), Some(wanted), "{ward} {time}");
    }
    let database = config.database.unwrap();
    assert_eq!(
        (database.host.as_str(), database.port, database.user.as_str()),
        ("cds_hub", 5432, "db2dataprocessor_user")
    );
}

#[test]
fn the_example_file_lacks_only_the_phases() {
    let Some(folder) = shipped() else { return };
    let error = Config::read(&folder.join("dataprocessor_config_example.toml")).unwrap_err();
    let keys: Vec<_> = error.faults().iter().filter_map(|f| f.key()).collect();
    assert_eq!(
        (error.kind(), keys),
        (ErrorKind::Configuration, vec!["PHASES_WARD"])
    );
}

/// A folder with a configuration and what it names.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const DATABASE: &str = "DB_HOST = \"h\"\nDB_NAME = \"d\"\nDB_DATAPROCESSOR_USER = \"u\"\n\
    DB_DATAPROCESSOR_SCHEMA_IN = \"i\"\nDB_DATAPROCESSOR_SCHEMA_OUT = \"o\"\n";

#[test]
fn a_second_file_overrides_and_its_faults_name_it() {
    let main = format!("{MANDATORY}\nDEBUG_PATH_TO_CONFIG_TOML = \"debug.toml\"\n");
    let debug = "[x]\nCASE_PROFILE = \"ward-list\"\nDEBUG_ENCOUNTER_DATETIME = \"2024-02-29 12:00\"\nOBSERVATION_BMI_CODES = \"1 2\"\n";
    let good = folder(&[
        ("c.toml", &main),
        ("debug.toml", debug),
        ("cds_hub_db_config.toml", DATABASE),
    ]);
    let config = Config::read(&good.path().join("c.toml")).unwrap();
    assert_eq!(config.profile, CaseProfile::WardList);
    assert_eq!(config.now().to_string(), "2024-02-29T12:00:00");
    assert_eq!(config.bmi.codes, ["1", "2"]);
    assert_eq!(
        config.debug_keys,
        ["DEBUG_ENCOUNTER_DATETIME", "DEBUG_PATH_TO_CONFIG_TOML"]
    );

    let wrong = format!("{debug}VERBOSE = -1\n");
    let bad = folder(&[
        ("c.toml", &main),
        ("debug.toml", &wrong),
        ("cds_hub_db_config.toml", "DB_HOST = \"h\"\n"),
    ]);
    let faults: Vec<String> = Config::read(&bad.path().join("c.toml"))
        .unwrap_err()
        .faults()
        .iter()
        .map(ToString::to_string)
        .collect();
    let any = |text: &str| faults.iter().any(|f| f.contains(text));
    assert!(
        any("debug.toml:5: VERBOSE: must be a whole number from 0 to 10"),
        "{faults:?}"
    );
    assert!(any("cds_hub_db_config.toml: DB_NAME: is missing"), "{faults:?}");
    // VERBOSE, and what the database cannot be reached without; names of schemas are not needed.
    assert_eq!(faults.len(), 3);
}

#[test]
fn every_kind_of_wrong_value_is_a_fault_of_its_line() {
    for (line, wanted) in [
        ("VERBOSE = 11", "whole number from 0 to 10"),
        ("MAX_DIR_COUNT = \"5\"", "whole number"),
        ("LOG_TEMP_EXCEL_TABLES = 1", "true or false"),
        ("WARDS_PHASE_B_TEST = [1]", "list of texts"),
        ("COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM = true", "text in quotes"),
        (
            "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_SYSTEM = \"(\"",
            "no regular expression",
        ),
        (
            "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_TYPE_SYSTEM = 1",
            "text in quotes",
        ),
        (
            "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_TYPE_CODE = \"[\"",
            "no regular expression",
        ),
        ("FRONTEND_DISPLAYED_ENCOUNTER_CLASS = 1", "list of texts"),
        (
            "FRONTEND_DISPLAYED_ENCOUNTER_FILTER = [\"pat_id = 'x'\"]",
            "line 1: the column must be one of the encounter table",
        ),
        (
            "FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN = \"pat_id\"",
            "must be a column of the table encounter",
        ),
        (
            "FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN = \"enc_location_nam\"",
            "must be a column of the table encounter",
        ),
        ("OBSERVATION_BODY_WEIGHT_CODES = [\"3142-7\"]", "text in quotes"),
        ("OBSERVATION_BODY_HEIGHT_SYSTEM = 3", "text in quotes"),
        ("INPUT_REPO_PATH = 3", "list of texts"),
        ("FHIR_SERVER_ALIASES = [\"h/fhir\"]", "base URL 1 of the server"),
        ("DEFAULT_LOINC_VALIDITY_DAYS = 1.5", "whole number"),
        ("MRP_CHECK_MEDICATION_ANALYSIS_DAYS_OFFSET = \"3\"", "a number"),
        ("PATH_TO_DB_CONFIG_TOML = 3", "text in quotes"),
        ("CASE_PROFILE = \"Clock\"", "\"clock\" or \"ward-list\""),
        ("DEBUG_ENCOUNTER_DATETIME = \"yesterday\"", "must be YYYY-MM-DD"),
        (
            "DEBUG_ENCOUNTER_DATETIM = \"2024-01-01\"",
            "did you mean DEBUG_ENCOUNTER_DATETIME?",
        ),
        (
            "OBSERVATION_BMI_CODE = \"x\"",
            "did you mean OBSERVATION_BMI_CODES?",
        ),
    ] {
        // In a section of its own, so that it is the later one of two.
        let place = folder(&[
            ("c.toml", &format!("{MANDATORY}[last]\n{line}\n")),
            ("cds_hub_db_config.toml", DATABASE),
        ]);
        let error = Config::read(&place.path().join("c.toml")).unwrap_err();
        let number = MANDATORY.lines().count() + 2;
        let [fault] = error.faults() else {
            panic!("{line}: {error}")
        };
        assert_eq!(fault.place().line(), number, "{line}: {fault}");
        assert!(fault.to_string().contains(wanted), "{line}: {fault}");
    }
}

#[test]
fn every_mandatory_key_is_missed_by_name() {
    const BOTH: [&str; 5] = [
        "OBSERVATION_BODY_HEIGHT_CODES",
        "OBSERVATION_BODY_HEIGHT_SYSTEM",
        "OBSERVATION_BODY_WEIGHT_CODES",
        "OBSERVATION_BODY_WEIGHT_SYSTEM",
        "PATH_TO_DB_CONFIG_TOML",
    ];
    // Only what has an effect in the profile is asked for.
    for (profile, own) in [
        ("clock", ["OBSERVATION_BMI_CODES", "OBSERVATION_BMI_SYSTEM"]),
        (
            "ward-list",
            ["COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM", "PHASES_WARD"],
        ),
    ] {
        let place = folder(&[("c.toml", &format!("CASE_PROFILE = \"{profile}\"\n"))]);
        let error = Config::read(&place.path().join("c.toml")).unwrap_err();
        let mut keys: Vec<_> = error.faults().iter().filter_map(|f| f.key()).collect();
        keys.sort_unstable();
        let mut wanted = [BOTH.as_slice(), own.as_slice()].concat();
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
    }
}

#[test]
fn the_profile_is_that_of_the_release_whose_configuration_it_is() {
    let phases = "PHASES_WARD_1 = [\"ward_name = 'S'\", \"phase_a_start = '2026-01-01'\"]";
    let filter = "FRONTEND_DISPLAYED_ENCOUNTER_FILTER = [\"enc_id = 'x'\"]";
    let room = "FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN = \"enc_id\"";
    let now = "DEBUG_ENCOUNTER_DATETIME = \"2026-01-01\"";
    let rest: String = MANDATORY
        .lines()
        .filter(|l| !["PHASES", "FRONTEND", "INPUT"].iter().any(|k| l.starts_with(k)))
        .map(|l| format!("{l}\n"))
        .collect();
    for (lines, wanted) in [
        (vec![], CaseProfile::Clock),
        (vec![phases], CaseProfile::WardList),
        (vec![phases, now], CaseProfile::WardList),
        (vec![phases, filter], CaseProfile::Clock),
        (vec![now], CaseProfile::Clock),
        (vec![room, phases], CaseProfile::WardList),
        (vec![room, now], CaseProfile::Clock),
        (vec!["INPUT_REPO_PATH = \"x\"", phases], CaseProfile::WardList),
        (vec![phases, "CASE_PROFILE = \"clock\""], CaseProfile::Clock),
        (
            vec![filter, phases, "CASE_PROFILE = \"ward-list\""],
            CaseProfile::WardList,
        ),
    ] {
        let place = folder(&[
            ("c.toml", &format!("{rest}{}\n", lines.join("\n"))),
            ("cds_hub_db_config.toml", DATABASE),
        ]);
        assert_eq!(
            Config::read(&place.path().join("c.toml")).unwrap().profile,
            wanted,
            "{lines:?}"
        );
    }
}

#[test]
fn classes_default_to_inpatients_and_an_empty_text_switches_them_off() {
    let classes = |line: &str| {
        let rest: String = MANDATORY
            .lines()
            .filter(|l| !l.contains("ENCOUNTER_CLASS"))
            .map(|l| format!("{l}\n"))
            .collect();
        let place = folder(&[
            ("c.toml", &format!("{rest}{line}")),
            ("cds_hub_db_config.toml", DATABASE),
        ]);
        Config::read(&place.path().join("c.toml"))
            .unwrap()
            .encounter_classes
    };
    assert_eq!(classes(""), ["IMP", "SS"]);
    assert_eq!(
        classes("FRONTEND_DISPLAYED_ENCOUNTER_CLASS = [\"IMP\", \"SS\"]"),
        ["IMP", "SS"]
    );
    assert_eq!(classes("FRONTEND_DISPLAYED_ENCOUNTER_CLASS = \"AMB\""), ["AMB"]);
    assert!(classes("FRONTEND_DISPLAYED_ENCOUNTER_CLASS = \"\"").is_empty());
}
