//! The plan against the slow extractor, JSON against XML, whole against split input.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhir_crack::{Batch, Cracked, Decoder, Nested, Options, Plan, crack, crack_with};
use table_description::Description;

use crate::simple_json::{Json, read_all, xml_bundle};
use crate::slow;
use crate::tables::{cells, description};

/// A description with paths of all kinds for the resources of the tests here.
pub(crate) fn paths() -> Description {
    description(&[
        (
            "Patient",
            &[
                "id",
                "meta/versionId",
                "meta/profile",
                "name/use",
                "name/given",
                "name/given/extension/valueString",
                "name/family",
                "birthDate",
                "birthDate/extension",
                "birthDate/extension/valueDateTime",
                "extension",
                "extension/extension",
                "extension/extension/url",
                "extension/extension/valueCoding/code",
                "contained/Organization/name",
                "contained/Organization/id",
                "deceasedBoolean",
                "multipleBirthInteger",
                "identifier/type/coding/code",
                "identifier/period/start",
                "name",
                "name/id",
                "contact/name/family",
            ],
        ),
        (
            "Observation",
            &[
                "id",
                "code/coding/code",
                "code/coding/display",
                "valueQuantity/value",
                "valueQuantity/unit",
                "component/valueQuantity/value",
                "referenceRange/low/value",
                "note/text",
                "subject/reference",
            ],
        ),
        ("Observation", &["id", "status"]),
    ])
}

fn all(cracked: &Cracked) -> Vec<Vec<Vec<Option<String>>>> {
    cracked.batches.iter().map(cells).collect()
}

/// Fails with the first cell that differs.
fn assert_same(found: &[Vec<Vec<Option<String>>>], expected: &[Vec<Vec<Option<String>>>], what: &str) {
    for (table, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
            for (column, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_eq!(
                    found, expected,
                    "{what}: table {table}, row {row}, column {column}"
                );
            }
        }
        assert_eq!(found.len(), expected.len(), "{what}: rows of table {table}");
    }
    assert_eq!(found.len(), expected.len(), "{what}: tables");
}

fn resources(values: Vec<Json>) -> Vec<Json> {
    let mut resources = Vec::new();
    for value in values {
        if value.get("resourceType").and_then(Json::text) == Some("Bundle") {
            let entries = value.get("entry").map(Json::repetitions).unwrap_or_default();
            resources.extend(entries.into_iter().filter_map(|e| e.get("resource")).cloned());
        } else {
            resources.push(value);
        }
    }
    resources
}

const PAGE: &str = include_str!("odd_page.json");

#[test]
fn the_plan_finds_what_the_slow_extractor_finds() {
    let cracked = crack(PAGE.as_bytes(), &paths()).unwrap();
    let expected = slow::tables(&paths(), &resources(read_all(PAGE)));
    assert_eq!(all(&cracked), expected);
    assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 2]);
}

#[test]
fn xml_gives_the_rows_of_json() {
    let xml = xml_bundle(&resources(read_all(PAGE)));
    let json = crack(PAGE.as_bytes(), &paths()).unwrap();
    let from_xml = crack(xml.as_bytes(), &paths()).unwrap();
    assert_eq!(all(&from_xml), all(&json));
    assert_eq!(from_xml.summary.tables, json.summary.tables);
}

#[test]
fn a_page_in_two_pieces_is_the_page_whole() {
    let json = PAGE.to_owned();
    let lines = resources(read_all(PAGE)).len();
    assert!(lines > 3);
    for page in [json.clone(), xml_bundle(&resources(read_all(&json)))] {
        let whole = cells_of(&page, page.len(), 1 << 20);
        for at in 0..page.len() {
            assert_eq!(cells_of(&page, at, 1), whole, "split at byte {at}");
        }
    }
}

/// The rows of a page pushed in two pieces.
fn cells_of(page: &str, at: usize, batch_bytes: usize) -> Vec<Vec<Vec<Option<String>>>> {
    let plan = Arc::new(Plan::new(&paths()).unwrap());
    let mut options = Options::default();
    options.batch_bytes = batch_bytes;
    let mut decoder = Decoder::new(Arc::clone(&plan), options);
    let (first, second) = page.as_bytes().split_at(at);
    decoder.push(first).unwrap();
    decoder.push(second).unwrap();
    decoder.end_page().unwrap();
    let batches: Vec<Batch> = std::iter::from_fn(|| decoder.next_batch()).collect();
    plan.tables()
        .map(|table| {
            batches
                .iter()
                .filter(|b| Arc::ptr_eq(b.table(), table))
                .flat_map(cells)
                .collect()
        })
        .collect()
}

/// Files of the reference material, wherever the tests run.
pub(crate) fn shared(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(folder);
    let mut files = Vec::new();
    walk(&root, &mut files);
    if files.is_empty() {
        x_skipped::skip!("../shared is absent, nothing read from {folder}");
    }
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|e| e == "json" || e == "ndjson" || e == "xml")
        {
            files.push(path);
        }
    }
}

/// Resources of a file that are compared with the slow extractor, at most; a file's later ones are of the same kind.
const COMPARED: usize = 60;

#[test]
fn real_data_give_the_rows_of_the_slow_extractor_in_both_formats() {
    let description = table_description::default_description();
    let plan = Arc::new(Plan::new(&description).unwrap());
    // The slow extractor knows no list in a list.
    let mut options = Options::default();
    options.nested = Nested::Keep;
    let crack = |bytes: &[u8]| crack_with(bytes, &plan, options.clone());
    let files = shared("realdata");
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e != "xml")) {
        let text = fs::read_to_string(file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let text = if file.extension().is_some_and(|e| e == "ndjson") {
            lines[..lines.len().min(COMPARED)].join("\n")
        } else {
            text
        };
        let mut read = resources(read_all(&text));
        read.retain(|r| r.get("resourceType").is_some());
        let expected = slow::tables(&description, &read);
        let what = file.display().to_string();
        let json = crack(text.as_bytes()).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_same(&all(&json), &expected, &what);
        let xml = crack(xml_bundle(&read).as_bytes()).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_same(&all(&xml), &expected, &format!("{what} as XML"));
    }
}

#[test]
fn every_resource_of_the_real_data_is_a_row_or_has_a_named_reason() {
    let plan = Arc::new(Plan::new(&table_description::default_description()).unwrap());
    for file in shared("realdata") {
        let bytes = fs::read(&file).unwrap();
        let cracked = crack_with(&bytes, &plan, Options::default())
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let summary = &cracked.summary;
        assert_eq!(summary.rejected, cracked.rejected.len() as u64);
        let left = summary.rejected + summary.unwrapped;
        let left = left + summary.no_resource + summary.no_type + summary.outcomes + summary.other_type();
        let taken: u64 = summary.tables.iter().map(|t| t.resources).sum();
        assert_eq!(summary.entries, taken + left, "{}", file.display());
        for (table, batch) in summary.tables.iter().zip(&cracked.batches) {
            assert_eq!(
                table.resources,
                table.rows + table.no_value + table.duplicates,
                "{}",
                file.display()
            );
            assert_eq!(table.rows, batch.rows() as u64, "{}", file.display());
        }
        if file.extension().is_some_and(|e| e == "ndjson") {
            let lines = bytes
                .split(|b| *b == b'\n')
                .filter(|line| !line.trim_ascii().is_empty())
                .count();
            assert_eq!(summary.entries, lines as u64, "{}", file.display());
        }
    }
}
