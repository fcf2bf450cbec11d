//! The configuration files of the existing sites work unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

fn program(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/description/config")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    x_skipped::skip!("../shared is absent, {name} was not read");
    None
}

#[test]
fn the_shipped_files_are_accepted_unchanged() {
    for name in ["cds2db_config.toml", "cds2db_config_example.toml"] {
        let Some(file) = shared(name) else { return };
        let (accepted, text) = program(&["config", "check", &file.display().to_string()]);
        assert!(accepted, "{text}");
        assert!(
            text.contains("GET Encounter?") && text.contains("cds2db_user on cds_hub:5432"),
            "{text}"
        );
    }
}

#[test]
fn the_debug_file_is_laid_over_and_warned_of() {
    let (Some(file), Some(debug)) = (shared("cds2db_config.toml"), shared("debug_cds2db_config_1.toml"))
    else {
        return;
    };
    let set = format!("DEBUG_PATH_TO_CONFIG_TOML={}", debug.display());
    let (accepted, text) = program(&["config", "check", &file.display().to_string(), "--set", &set]);
    assert!(accepted, "{text}");
    assert!(
        text.contains("IN USE, must be off in real operation: DEBUG_"),
        "{text}"
    );
}

#[test]
fn init_writes_a_file_that_check_accepts_and_no_run_shows_a_secret() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("cds2db_config.toml").display().to_string();
    std::fs::write(
        directory.path().join("cds_hub_db_config.toml"),
        "DB_CDS2DB_PASSWORD = \"SECRET\"\n",
    )
    .expect("writes");
    assert!(program(&["config", "init", &file]).0);
    let (again, text) = program(&["config", "init", &file]);
    assert!(
        !again && text.contains("cannot be written"),
        "an existing file is kept: {text}"
    );
    let (accepted, text) = program(&["config", "check", &file, "--set", "FHIR_TOKEN=SECRET"]);
    assert!(
        accepted && text.contains("a bearer token (not shown)") && !text.contains("SECRET"),
        "{text}"
    );
    let (accepted, text) = program(&["config", "check", &file, "--set", "IDS_AT_ONC=5"]);
    assert!(!accepted && text.contains("did you mean IDS_AT_ONCE?"), "{text}");
    let (accepted, text) = program(&["run", &file, "--dry-run"]);
    assert!(accepted && text.contains("/Encounter?date=lt"), "{text}");
    let lines: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with("GET ") || l.starts_with("POST "))
        .collect();
    assert_eq!(
        lines.len(),
        14,
        "the wards, eleven types of patients, two that are referred to: {text}"
    );
    assert!(
        text.contains("/Observation/_search patient=<patients>&_lastUpdated=gt<"),
        "{text}"
    );
    let test = ["run", &file, "--set", "FHIR_SEARCH_ENCOUNTER_REQUEST_TEST=true"];
    let (ended_well, text) = program(&test);
    let shown = text
        .lines()
        .filter(|l| l.starts_with("GET ") || l.starts_with("POST "))
        .count();
    assert!(ended_well && shown == 1, "the first request and no error: {text}");
}

/// Every key of the original's configuration, with a value it would take. The numbered families have one member here.
const KEYS_OF_THE_ORIGINAL: &str = r#"
VERBOSE = 10
MAX_DIR_COUNT = 5
LOG_TEMP_EXCEL_TABLES = true
FHIR_SERVER_ENDPOINT = "http://h/fhir"
FHIR_SERVER_USER = ""
FHIR_SERVER_PASS = ""
FHIR_TOKEN = ""
FHIR_TOKEN_REFRESH_URL = ""
FHIR_TOKEN_REFRESH_USER = ""
FHIR_TOKEN_REFRESH_PASSWORD = ""
FHIR_SEARCH_CURL_TIMEOUT = 1800
FHIR_SEARCH_PIDS_BY_SUBJECT = false
MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS = 2083
MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS_RESERVE = 300
MIN_BIRTHDAY = "1910-01-01"
DEFAULT_EMPTY_BIRTHDAY_PATTERN = ""
MAX_ENCOUNTER_BUNDLES = inf
COUNT_PER_BUNDLE = 500
SORT = ""
IDS_AT_ONCE = 100
MAX_CORES = 0
FORCE_DOWNLOAD_AND_CRACK_PARALLEL = false
NEXT_LINK_ENCODE = false
FHIR_SEARCH_ENCOUNTER_STATUS = "in-progress"
FHIR_SEARCH_ENCOUNTER_CLASS = "IMP,SS"
FHIR_SEARCH_ENCOUNTER_LOCATION_IDS = ["1", "2"]
FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS = "&_tag=x"
COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM = ""
FHIR_SEARCH_ENCOUNTER_REQUEST_TEST = false
ENCOUNTER_FILTER_PATTERN_1 = ["ward_name = 'S'", "status = 'x'"]
MIN_PATIENT_AGE = 18
DATA_IMPORT_RANGE_START = "2024-01-01"
DATA_IMPORT_RANGE_END = "2024-02-01 10:00"
DATA_IMPORT_FHIR_PIDS = []
DATA_IMPORT_FHIR_ENC_IDS = []
DATA_IMPORT_IDENTIFIERS = []
DEBUG_ENCOUNTER_STARTS_AFTER = "2020-06-30 21:25:00"
DEBUG_ENCOUNTER_STARTS_AT_OR_BEFORE = "2020-08-30 21:25:00"
DEBUG_ENCOUNTER_ACCEPTED_PIDS = ["a"]
DEBUG_ADD_FHIR_SEARCH_OBSERVATION = "&_lastUpdated=gt2024"
DEBUG_ADD_FHIR_SEARCH_GENERAL = "&_tag=x"
DEBUG_IGNORE_LAST_UPDATE_DATE = true
DEBUG_SKIP_MELTING_RESOURCES = ["Observation"]
DEBUG_FILTER_CONDITION = "1, 3-5"
DEBUG_RESOURCE_COUNT_OBSERVATION_RAW = 100
DEBUG_FILTER_PIDS_PATTERN = "UKB"
DEBUG_RECALCULATE_INVALID_REFS = true
DEBUG_RECALULATE_REFS_FOR_RESOURCES = ["Observation"]
DEBUG_PATH_TO_RAW_RDATA_FILES = "x"
DEBUG_CHANGE_RAW_DATA_SCRIPT_NAME = "x"
DEBUG_DB_PORT = 15432
DB_HOST = "h"
DB_PORT = 5432
DB_NAME = "n"
DB_CDS2DB_USER = "u"
DB_CDS2DB_PASSWORD = "p"
DB_CDS2DB_SCHEMA_IN = "cds2db_in"
DB_CDS2DB_SCHEMA_OUT = "cds2db_out"
DB_DATAPROCESSOR_USER = "u"
DB_DB2FRONTEND_USER = "u"
DB_ADMIN_USER = "u"
DB_ADMIN_PASSWORD = "p"
DB_ADMIN_SCHEMAS = "s"
DB_RUN_CRON_JOB_IMMEDIATELY = false
"#;

#[test]
fn every_key_of_the_original_is_read_or_said_to_have_no_effect() {
    let folder = tempfile::tempdir().expect("directory");
    let file = folder.path().join("cds2db_config.toml");
    let database = folder.path().join("db.toml");
    std::fs::write(&database, "").expect("writes");
    let text = format!(
        "{KEYS_OF_THE_ORIGINAL}\nPATH_TO_DB_CONFIG_TOML = {:?}\n",
        database.display().to_string()
    );
    std::fs::write(&file, &text).expect("writes");
    let (accepted, said) = program(&["config", "check", &file.display().to_string()]);
    assert!(accepted, "{said}");
    assert!(!said.contains("is not a key of this program"), "{said}");
    for key in [
        "LOG_TEMP_EXCEL_TABLES",
        "MIN_BIRTHDAY",
        "DEFAULT_EMPTY_BIRTHDAY_PATTERN",
        "FORCE_DOWNLOAD_AND_CRACK_PARALLEL",
        "NEXT_LINK_ENCODE",
        "DEBUG_FILTER_CONDITION",
        "DEBUG_RESOURCE_COUNT_OBSERVATION_RAW",
        "DEBUG_RECALCULATE_INVALID_REFS",
        "DEBUG_RECALULATE_REFS_FOR_RESOURCES",
        "DEBUG_PATH_TO_RAW_RDATA_FILES",
        "DEBUG_CHANGE_RAW_DATA_SCRIPT_NAME",
    ] {
        assert!(said.contains(&format!("{key} has no effect")), "{key}: {said}");
    }
    // And a reader of the file sees each of them in the reference.
    let (_, reference) = program(&["config", "reference"]);
    for line in text.lines() {
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        let listed =
            reference
                .lines()
                .filter_map(|l| l.split('`').nth(1))
                .any(|name| match name.strip_suffix('*') {
                    Some(prefix) => key.starts_with(prefix),
                    None => name == key,
                });
        assert!(listed, "{key} is not in the reference");
    }
}
