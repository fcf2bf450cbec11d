use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use fhir_melt::arrow::{PassOptions, Rows, Unread, rejected_batch};
use table_description::typing::Zone;
use table_description::{MeltMode, default_description};

use super::{Given, files, input, pass, reasons, values};
use crate::flatten::description;
use crate::shared;

fn arrays(values: &[&str]) -> Vec<ArrayRef> {
    let bytes: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    vec![
        Arc::new(StringArray::from(values.to_vec())),
        Arc::new(LargeStringArray::from(values.to_vec())),
        Arc::new(StringViewArray::from(values.to_vec())),
        Arc::new(BinaryArray::from(bytes.clone())),
        Arc::new(LargeBinaryArray::from(bytes.clone())),
        Arc::new(BinaryViewArray::from(bytes)),
    ]
}

fn typed(threads: usize) -> PassOptions {
    let mut options = PassOptions::new(Rows::Typed(Zone::berlin()));
    options.threads = threads;
    options
}

fn all_rows(given: &Given) -> Vec<(String, Vec<Vec<Option<String>>>)> {
    let rows = given
        .tables
        .keys()
        .map(|table| (table.clone(), given.rows(table)));
    rows.collect()
}

#[test]
fn the_cut_of_a_table_of_resources_does_not_matter() {
    let Some(folder) = shared::path("realdata/bulk10-ndjson") else {
        return;
    };
    let description = default_description();
    let files = files(&folder);
    let texts: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("text"))
        .collect();
    let inputs = texts.iter().map(|text| input("", text.as_bytes())).collect();
    let whole = pass(&description, typed(1), inputs);
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    let pages = lines.iter().filter(|line| !line.trim().is_empty()).count();
    assert!(pages > 5_000, "{pages} resources");
    let array: ArrayRef = Arc::new(StringArray::from(lines.clone()));
    for cut in [7, 1_000, 10_000] {
        let inputs = (0..array.len()).step_by(cut).map(|start| {
            let length = cut.min(array.len() - start);
            values(array.slice(start, length), start as u64)
        });
        let given = pass(&description, typed(2), inputs.collect());
        assert_eq!(all_rows(&given), all_rows(&whole), "cut {cut}");
        assert_eq!(given.defects.len(), whole.defects.len());
        assert_eq!(given.summary.tables, whole.summary.tables);
        assert_eq!(given.summary.pages, pages as u64);
    }
}

#[test]
fn every_layout_of_text_and_bytes_is_read() {
    let texts = [
        r#"{"resourceType":"Patient","id":"a"}"#,
        "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"b\"/></Patient>",
        r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"c"}},{"resource":{"resourceType":"Patient","id":"d"}}]}"#,
        "{\"resourceType\":\"Patient\",\n \"id\": \"e\"}",
        "{\"resourceType\":\"Patient\",\"id\":\"f\"}\n{\"resourceType\":\"Patient\",\"id\":\"g\"}",
    ];
    for array in arrays(&texts) {
        for cut in [1, 2, 5] {
            let inputs = (0..5).step_by(cut).map(|start| {
                let length = cut.min(5 - start);
                values(array.slice(start, length), start as u64)
            });
            let given = pass(&description(MeltMode::Product), typed(1), inputs.collect());
            let ids: Vec<String> = given
                .rows("patient")
                .into_iter()
                .filter_map(|row| row[0].clone())
                .collect();
            assert_eq!(ids, ["a", "b", "c", "d", "e", "f", "g"], "{}", array.data_type());
            assert!(given.unread.is_empty());
        }
    }
}

/// Values that would complete each other, were they read as one text.
#[test]
fn a_value_never_meets_its_neighbour() {
    let wrong = [
        r#"{"resourceType":"Patient","id":"a","x":"abc}"#,
        r#"{","id":"b"}"#,
        r#"{"resourceType":"Patient","id":"c","name":[{"family":"#,
        r#"{"resourceType":"Patient","id":"d"}"#,
        r#"}]}"#,
        r#"{"resourceType":"Patient","id":"e"}}"#,
        r#"{"resourceType":"Patient","id":"f","contact":[{}"#,
        r#"{"family":"g"}]}"#,
        "",
        "null",
        r#"{"resourceType":"Patient","id":"h"}"#,
        r#"{"resourceType":"Patient","id":"i","birthDate":"1970-01-01"#,
    ];
    let alone: Vec<Given> = wrong
        .iter()
        .map(|value| {
            let array: ArrayRef = Arc::new(StringArray::from(vec![*value]));
            pass(&description(MeltMode::Product), typed(1), vec![values(array, 0)])
        })
        .collect();
    let expected: Vec<_> = alone.iter().flat_map(|given| given.rows("patient")).collect();
    for array in arrays(&wrong) {
        let given = pass(&description(MeltMode::Product), typed(2), vec![values(array, 0)]);
        assert_eq!(given.rows("patient"), expected);
        let told: usize = alone.iter().map(|given| given.unread.len()).sum();
        assert_eq!(given.unread.len(), told);
        assert_eq!(
            given.summary.entries,
            alone.iter().map(|given| given.summary.entries).sum::<u64>()
        );
    }
    assert!(alone[0].rows("patient").is_empty());
}

#[test]
fn what_cannot_be_read_is_told_by_place_and_never_by_value() {
    let lines: Vec<String> = (0..5_000)
        .map(|n| match n {
            3_000 => r#"{"resourceType":"Patient","id":"MARKER","birthDate":}"#.to_owned(),
            n => format!(
                r#"{{"resourceType":"Patient","id":"MARKER{n}","gender":"{}"}}"#,
                "x".repeat(500)
            ),
        })
        .collect();
    for threads in [1, 2] {
        let whole = lines.join("\n");
        let given = pass(
            &description(MeltMode::Product),
            typed(threads),
            vec![input("file", whole.as_bytes())],
        );
        assert_eq!(given.rows("patient").len(), 4_999);
        let told = reasons(&given);
        assert_eq!(told.len(), 1);
        assert!(told[0].1.contains("line 3001"), "{told:?}");
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(&lines));
        let given = pass(
            &description(MeltMode::Product),
            typed(threads),
            vec![values(array, 0)],
        );
        assert_eq!(given.rows("patient").len(), 4_999);
        assert_eq!(&*reasons(&given)[0].0, "row 3001");
        let unread: &[Unread] = &given.unread;
        let batch = rejected_batch(Default::default(), unread).expect("a batch");
        assert!(!format!("{batch:?} {unread:?} {told:?}").contains("MARKER"));
    }
}
