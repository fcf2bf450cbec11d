//! The same instance as XML and as JSON, both written by others.

use std::fs;
use std::sync::Arc;

use fhir_crack::{Batch, Options, Plan, crack_with};

use crate::same_rows::shared;

/// The cells of a batch: row, column, index and text. Blanks and line breaks are taken for equal, since XML does not keep them
/// in attributes.
fn cells(batch: &Batch) -> Vec<(u32, usize, Vec<u32>, String)> {
    let mut cells = Vec::new();
    for column in 0..batch.table().columns.len() {
        for (row, entry) in batch.entries(column) {
            let text = entry.text.replace("\r\n", " ").replace(['\n', '\t', '\r'], " ");
            // The authors write some numbers otherwise in the one form than in the other.
            let text = text.parse().map_or(text, |number: f64| format!("{number:e}"));
            cells.push((row, column, entry.index.to_vec(), text));
        }
    }
    cells.sort();
    cells
}

#[test]
fn pairs_of_others_give_the_same_rows() {
    let plan = Arc::new(Plan::new(&table_description::default_description()).unwrap());
    let mut pairs = 0;
    for xml in shared("realdata") {
        let json = xml.with_extension("json");
        if xml.extension().is_none_or(|e| e != "xml") || !json.is_file() {
            continue;
        }
        let read = |file| crack_with(&fs::read(file).unwrap(), &plan, Options::default());
        let (xml_rows, json_rows) = (read(&xml).unwrap(), read(&json).unwrap());
        for (one, other) in xml_rows.batches.iter().zip(&json_rows.batches) {
            assert_eq!(cells(one), cells(other), "{} {}", xml.display(), one.table().name);
        }
        pairs += usize::from(xml_rows.rejected.is_empty() && json_rows.rejected.is_empty());
    }
    println!("{pairs} pairs of XML and JSON");
    assert!(pairs > 5 || shared("realdata").is_empty());
}
