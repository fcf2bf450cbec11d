//! A site's configuration of the original's release 2.1 as it stands: what is new in it is read, or listed where it is for others.

use std::path::Path;
use std::process::Command;

use cds2db::backfill::Slice;
use fixtures::Format;
use fixtures::hospital::Hospital;
use serde_json::Value;

use crate::backfill::load_only;
use crate::select::select;
use crate::site::Site;

/// Keys that release 1.7.1 has not.
const RETRIEVAL: &str = r#"
[retrieve]
FHIR_SERVER_ENDPOINT = "http://h/fhir"
ENCOUNTER_FILTER_PATTERN_1 = ["ward_name = 'S 1'", "status = 'in-progress'"]
[data.import]
DATA_IMPORT_RANGE_START = "2026-01-01"
DATA_IMPORT_RANGE_END = "2026-02-01 10:00:00"
DATA_IMPORT_RESOURCE_TYPES = ["Observation", "MedicationRequest"]
[toolchain]
RECOVER_INCOMPLETE_TOOLCHAIN_RUNS = true
[cohort]
COHORT_FILTER_PATTERN_1 = ["cohort_name = 'C 1'", "resource = 'Observation' + code/coding/code = '2345-7'"]
[database]
PATH_TO_DB_CONFIG_TOML = "./db.toml"
"#;

/// The dataprocessor's: wards with department and type, and keys of its submodules.
const PROCESSOR: &str = r#"
PHASES_WARD_1 = ["ward_name = 'S 1'", "department = 'Innere Medizin'", "ward_type = 'normal'", "phase_a_start = '2026-01-11 10:00:00'"]
SITE_CODE = "X"
DB_ANALYSIS_MIN_COUNT = 5
"#;

const DATABASE: &str = "DB_HOST = \"h\"\nDB_PORT = 5432\nDB_NAME = \"n\"\nDB_CDS2DB_USER = \"u\"\nDB_CDS2DB_PASSWORD = \"p\"\n\
                        DB_DATAPROCESSOR_USER = \"u\"\nDB_DATAPROCESSOR_PASSWORD = \"p\"\n";

fn write(folder: &Path, retrieval: &str) {
    let processor = dataprocessor::config::TEMPLATE.replace("./cds_hub_db_config.toml", "./db.toml");
    let processor = format!("{processor}{PROCESSOR}");
    for (name, text) in [
        ("cds2db_config.toml", retrieval),
        ("dataprocessor_config.toml", processor.as_str()),
        ("db.toml", DATABASE),
    ] {
        std::fs::write(folder.join(name), text).expect("writes");
    }
}

fn check(folder: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(["config", "check"])
        .arg(folder.join("cds2db_config.toml"))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

#[test]
fn keys_of_the_release_are_read_and_those_of_others_listed() {
    let folder = tempfile::tempdir().expect("directory");
    write(folder.path(), RETRIEVAL);
    let (accepted, said) = check(folder.path());
    assert!(accepted, "{said}");
    let lines = |key: &str| {
        let of_key = said
            .lines()
            .filter(|line| line.contains(key) && line.contains("is not a key of this program"));
        of_key.count()
    };
    assert_eq!(lines("COHORT_FILTER_PATTERN_1"), 1, "{said}");
    for key in ["DATA_IMPORT_", "RECOVER_INCOMPLETE_TOOLCHAIN_RUNS"] {
        assert_eq!(lines(key), 0, "{said}");
    }
    // Where phase A of a ward begins is read although the ward says more about itself.
    assert!(said.contains("phase_a_start"), "{said}");
    let processor = folder.path().join("dataprocessor_config.toml");
    let config = dataprocessor::Config::read(&processor).expect("reads");
    assert_eq!(config.phases.wards().len(), 1);
    let listed: Vec<String> = config.unknown_keys.iter().map(ToString::to_string).collect();
    for key in ["SITE_CODE", "DB_ANALYSIS_MIN_COUNT"] {
        assert!(listed.iter().any(|line| line.contains(key)), "{listed:?}");
    }
}

#[test]
fn encounters_decide_who_is_loaded_and_cannot_be_loaded_apart() {
    let folder = tempfile::tempdir().expect("directory");
    write(
        folder.path(),
        &RETRIEVAL.replace("[\"Observation\", ", "[\"Encounter\", "),
    );
    let (accepted, said) = check(folder.path());
    assert!(!accepted && said.contains("DATA_IMPORT_RESOURCE_TYPES"), "{said}");
    write(
        folder.path(),
        &RETRIEVAL.replace("\"2026-02-01 10:00:00\"", "\"2025-12-31\""),
    );
    let (accepted, said) = check(folder.path());
    assert!(!accepted && said.contains("DATA_IMPORT_RANGE_END"), "{said}");
}

/// `DATA_IMPORT_RESOURCE_TYPES`: these types of the patients, what they refer to, and nothing else; the daily run still finds its
/// own gap.
#[tokio::test(flavor = "multi_thread")]
async fn single_types_are_loaded_again_without_a_watermark_moved() {
    let site = Site::open(Hospital::new(31, 20)).await;
    site.run().await.expect("runs");
    let marks = "SELECT resource, patient_id, loaded_until::text FROM core.watermark ORDER BY 1, 2";
    let before = select(&site.hub, marks).await;
    assert!(!before.is_empty());
    let rows = |table: &str| format!("SELECT count(*)::text FROM db_log.{table}_raw");
    let patient = "SELECT patient_id FROM core.watermark WHERE resource = 'Encounter' ORDER BY 1 LIMIT 1";
    let known = site.value(patient).await.expect("a patient");
    // Of somebody whom the daily run has never asked for.
    let orders = Hospital::new(31, 20);
    let orders = orders
        .resources(Format::Json)
        .filter(|r| r.kind.name() == "MedicationRequest");
    let stranger = orders
        .filter_map(|r| {
            let order: Value = serde_json::from_slice(&r.bytes).expect("JSON");
            let patient = order["subject"]["reference"]
                .as_str()?
                .rsplit('/')
                .next()?
                .to_owned();
            Some(patient)
        })
        .find(|id| !before.iter().any(|row| row[1].as_deref() == Some(id.as_str())));
    let stranger = stranger.expect("somebody with orders who is not on a ward");
    let mut counts = Vec::new();
    for table in [
        "medicationrequest",
        "medication",
        "patient",
        "encounter",
        "condition",
    ] {
        counts.push((table, site.count(&rows(table)).await));
    }
    site.server.clear_log();
    let directory = tempfile::tempdir().expect("a directory");
    let slices = vec![Slice::Patients(vec![known, stranger.clone()])];
    let loaded = load_only(
        &site,
        directory.path(),
        slices,
        vec!["MedicationRequest".to_owned()],
    )
    .await;
    assert!(loaded.iter().all(|(_, summary)| summary.complete));
    assert_eq!(select(&site.hub, marks).await, before, "watermarks");
    for (table, count) in counts {
        let now = site.count(&rows(table)).await;
        match table {
            "medicationrequest" => assert!(now > count, "{stranger} has some"),
            "medication" => assert!(now >= count, "what they refer to"),
            _ => assert_eq!(now, count, "{table}"),
        }
    }
    let asked: Vec<String> = site
        .server
        .request_log()
        .iter()
        .map(|r| format!("{r:?}"))
        .collect();
    assert!(
        asked
            .iter()
            .all(|r| r.contains("MedicationRequest") || r.contains("Medication")),
        "{asked:?}"
    );
    let waits = "SELECT count(*)::text FROM cds2db_out.v_medicationrequest_raw_diff";
    assert_eq!(site.count(waits).await, 0, "all are typed");
}
