//! One row a coding, compared with rows taken straight from the JSON.

use std::collections::BTreeMap;
use std::io;

use fhir_melt::flatten::FlattenOptions;
use serde_json::Value;
use table_description::{Description, ElementPath, MeltMode};

use crate::flatten::flatten;
use crate::shared::{self, read_csv};

/// Values at a path in document order, each with the position of its coding in the melted path.
fn values(resource: &Value, path: &str) -> Vec<String> {
    let mut found = vec![resource.clone()];
    for segment in path.split('/') {
        found = found
            .iter()
            .flat_map(|value| match &value[segment] {
                Value::Array(list) => list.clone(),
                Value::Null => Vec::new(),
                value => vec![value.clone()],
            })
            .collect();
    }
    let text = |value: Value| value.as_str().map_or(value.to_string(), str::to_owned);
    found.into_iter().map(text).collect()
}

/// The rows of one resource: one a coding, all else joined.
fn expected(resource: &Value, paths: &[&str], coding: &str) -> Vec<Vec<Option<String>>> {
    let (outer, _) = coding.split_once('/').expect("two segments");
    let concepts = match &resource[outer] {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let codings: Vec<Value> = concepts
        .iter()
        .flat_map(|concept| match concept["coding"].as_array() {
            Some(list) if !list.is_empty() => list.clone(),
            _ => vec![Value::Null],
        })
        .collect();
    let codings = if codings.is_empty() {
        vec![Value::Null]
    } else {
        codings
    };
    let cell = |item: &Value, path: &str| match path.strip_prefix(coding) {
        Some(member) => values(item, &member[1..]).first().cloned(),
        None => {
            let values = values(resource, path);
            (!values.is_empty()).then(|| values.join(" ~ "))
        }
    };
    codings
        .iter()
        .map(|item| paths.iter().map(|path| cell(item, path)).collect())
        .collect()
}

#[test]
fn one_row_a_coding_gives_the_values_of_the_input() {
    let Some(directory) = shared::path("tasks/one-row-a-coding") else {
        return;
    };
    let description = Description::read(directory.join("description.csv")).expect("the description");
    let only = ["code/coding", "type/coding"].map(ElementPath::new).to_vec();
    let options = FlattenOptions {
        mode: Some(MeltMode::Only(only)),
        ..FlattenOptions::default()
    };
    let files: Vec<Vec<u8>> = std::fs::read_dir(directory.join("ndjson"))
        .expect("inputs")
        .flatten()
        .map(|file| std::fs::read(file.path()).expect("an input"))
        .collect();
    let pages: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let (written, summary) = flatten(&description, options, &pages);
    let counts: BTreeMap<&str, u64> = summary.tables.iter().map(|t| (t.file.as_str(), t.rows)).collect();
    assert_eq!(
        counts,
        [
            ("condition.csv", 1_202),
            ("encounter.csv", 3_958),
            ("observation.csv", 8_677)
        ]
        .into_iter()
        .collect()
    );

    let mut rows: BTreeMap<String, Vec<Vec<Option<String>>>> = BTreeMap::new();
    for file in &files {
        let mut text = String::new();
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&file[..]), &mut text).expect("gzip");
        for line in text.lines() {
            let resource: Value = serde_json::from_str(line).expect("JSON");
            let name = resource["resourceType"].as_str().expect("a type");
            let table = description.resource(name).expect("a table");
            let paths: Vec<&str> = table.columns.iter().map(|c| c.path().as_str()).collect();
            let coding = if name == "Encounter" {
                "type/coding"
            } else {
                "code/coding"
            };
            rows.entry(format!("{}.csv", table.name))
                .or_default()
                .extend(expected(&resource, &paths, coding));
        }
    }
    for (file, expected) in rows {
        let mut records = read_csv(&written[&file], "");
        records.remove(0);
        assert_eq!(records.len(), expected.len(), "{file}");
        for (at, (ours, theirs)) in records.iter().zip(&expected).enumerate() {
            assert_eq!(ours, theirs, "{file} row {at}");
        }
    }
}
