//! The public test suite, from JSON and from XML, and the newer files that replace two of its own.

use std::collections::BTreeMap;

use serde_json::Value;
use sql_on_fhir::suite::{self, TestResult};

use crate::{shared, xml};

/// The files of the suite, the newer ones in place of the older.
fn files() -> Option<BTreeMap<String, Value>> {
    let folder = shared::folder("sql-on-fhir")?;
    let mut files = BTreeMap::new();
    for part in ["tests", "newer"] {
        for (name, text) in shared::json_files(&folder.join(part)) {
            files.insert(name, serde_json::from_slice(&text).expect("JSON"));
        }
    }
    Some(files)
}

fn all_pass(results: &BTreeMap<String, Vec<TestResult>>) {
    let failed: Vec<String> = results
        .iter()
        .flat_map(|(file, tests)| tests.iter().map(move |test| (file, test)))
        .filter_map(|(file, test)| {
            let failure = test.failure.as_ref()?;
            Some(format!("{file}: {}: {failure}", test.name))
        })
        .collect();
    let count: usize = results.values().map(Vec::len).sum();
    assert!(
        failed.is_empty(),
        "{} of {count}:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert_eq!(count, 149);
}

#[test]
fn every_test_of_the_suite_passes() {
    let Some(files) = files() else { return };
    let results = files
        .iter()
        .map(|(name, file)| {
            let tests = suite::run_file(file.to_string().as_bytes()).expect("a test file");
            (name.clone(), tests)
        })
        .collect();
    all_pass(&results);
}

#[test]
fn every_test_of_the_suite_passes_with_its_resources_as_xml() {
    let Some(files) = files() else { return };
    let results = files
        .iter()
        .map(|(name, file)| {
            let resources = file["resources"].as_array().expect("resources");
            let pages: Vec<Vec<u8>> = resources.iter().map(|r| xml::document(r).into_bytes()).collect();
            (name.clone(), suite::run_tests(file, &pages).expect("a test file"))
        })
        .collect();
    all_pass(&results);
}

#[test]
fn other_rows_than_expected_are_no_pass() {
    let file = serde_json::json!({
        "resources": [{"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b"}],
        "tests": [
            {"title": "less", "view": view(), "expect": [{"id": "a"}]},
            {"title": "other", "view": view(), "expect": [{"id": "a"}, {"id": "c"}]},
            {"title": "error", "view": view(), "expectError": true},
            {"title": "columns", "view": view(), "expectColumns": ["x"], "expect": [{"id": "a"}, {"id": "b"}]},
            {"title": "right", "view": view(), "expect": [{"id": "b"}, {"id": "a"}]},
        ],
    });
    let tests = suite::run_file(file.to_string().as_bytes()).expect("a test file");
    let passed: Vec<&str> = tests
        .iter()
        .filter(|t| t.failure.is_none())
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(passed, ["right"]);
    let report = suite::report(&BTreeMap::from([("f.json".to_owned(), tests)]));
    assert_eq!(
        report["f.json"]["tests"][4]["result"],
        serde_json::json!({"passed": true})
    );
    assert_eq!(
        report["f.json"]["tests"][0]["result"]["passed"],
        serde_json::json!(false)
    );
}

fn view() -> Value {
    serde_json::json!({"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]})
}
