use std::sync::Arc;

use fhir_crack::{BatchBuilder, Notation};
use table_description::TableDescription;

use crate::tables::{lines, table};

#[test]
fn a_cell_read_back_from_its_text_is_the_same() {
    let cells = [
        "[1.1]Marie ~ [1.2]Anne ~ [2.1]Lea",
        "[1.1] ~ ",
        "[1.10]a ~ [1.11]b",
        "[1.1]x ~ [2023]y ~ [0.1] ~ [01.1] ~ [1.1.1] ~ [1",
        "no index",
        "[1.99999999999999999999]x",
        "",
    ];
    let mut builder = BatchBuilder::new(table("Patient", &["name/given"]));
    for cell in cells {
        builder.begin_row();
        builder.push_cell(0, cell);
    }
    let batch = builder.finish();
    assert_eq!(lines(&batch), cells);
    let counts: Vec<usize> = (0..cells.len()).map(|row| batch.cell(row, 0).len()).collect();
    assert_eq!(counts, [3, 1, 2, 1, 1, 1, 1]);
    assert_eq!(batch.cell(0, 0).nth(2).unwrap().index, [2, 1]);
}

#[test]
fn tables_without_a_resource_have_no_indices() {
    let wards = TableDescription {
        resource: None,
        ..(*table("Wards", &["ward_name"])).clone()
    };
    let mut builder = BatchBuilder::new(Arc::new(wards));
    builder.begin_row();
    builder.push_cell(0, "[1]Station");
    builder.begin_row();
    builder.push(0, &[], "2a");
    let batch = builder.finish();
    assert_eq!(lines(&batch), ["[1]Station", "2a"]);
    assert!(batch.cell(0, 0).next().unwrap().index.is_empty());
}

#[test]
fn any_brackets_and_separators() {
    let notation = Notation::new("<<", ">>", "|");
    let mut builder = BatchBuilder::new(table("Patient", &["name/given"]));
    builder.begin_row();
    builder.push_cell_in(0, "<<1.1>>a|b|<<1.2>>c", &notation);
    let batch = builder.finish();
    let mut out = Vec::new();
    assert!(batch.write_cell(0, 0, &notation, &mut out));
    assert_eq!(out, b"<<1.1>>a|b|<<1.2>>c");
    assert!(!batch.write_cell(1, 0, &notation, &mut out));
    let mut cursor = batch.cursor();
    assert!(cursor.advance());
    assert_eq!(cursor.cell(0).len(), 2);
    assert!(!cursor.advance());
}
