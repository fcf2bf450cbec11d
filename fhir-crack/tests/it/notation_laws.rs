//! Laws of the text form of cells.

use fhir_crack::{BatchBuilder, Notation};
use proptest::prelude::*;

use crate::tables::table;

/// Texts with many brackets, digits and separators.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(
            prop_oneof![
                Just("[".to_owned()),
                Just("]".to_owned()),
                Just("1".to_owned()),
                Just(".".to_owned()),
                Just(" ~ ".to_owned()),
                Just("[1.1]".to_owned()),
                Just(" ~ [1.2]".to_owned()),
                Just("0".to_owned()),
                Just("ä".to_owned()),
                any::<char>().prop_map(String::from)
            ],
            0..12
        )
        .prop_map(|parts| parts.concat()),
        any::<String>(),
    ]
}

/// Indices of two numbers in the order of a document.
fn indices() -> impl Strategy<Value = Vec<[u32; 2]>> {
    proptest::collection::vec((1_u32..12, prop_oneof![1_u32..12, Just(u32::MAX)]), 1..6).prop_map(|pairs| {
        let mut indices: Vec<[u32; 2]> = pairs.into_iter().map(|(a, b)| [a, b]).collect();
        indices.sort_unstable();
        indices
    })
}

fn notations() -> impl Strategy<Value = Notation> {
    prop_oneof![
        Just(Notation::default()),
        Just(Notation::new("<<", ">>", "|")),
        Just(Notation::new("(", ")", ".*")),
        Just(Notation::new("|", "|", ":::")),
    ]
}

proptest! {
    /// Whatever text a raw table holds, reading and writing it gives the same text.
    #[test]
    fn any_cell_is_written_as_it_was_read(cell in text(), notation in notations()) {
        let mut builder = BatchBuilder::new(table("Patient", &["name/given"]));
        builder.begin_row();
        builder.push_cell_in(0, &cell, &notation);
        let batch = builder.finish();
        let mut out = Vec::new();
        prop_assert!(batch.write_cell(0, 0, &notation, &mut out));
        prop_assert_eq!(String::from_utf8(out).unwrap(), cell);
    }

    /// Values come back as they were, with their index, unless a value itself holds a separator and an index that could
    /// follow its own: then the text cannot tell, and only the entries can.
    #[test]
    fn values_are_read_as_they_were_written(indices in indices(), texts in proptest::collection::vec(text(), 6), notation in notations()) {
        let mut builder = BatchBuilder::new(table("Patient", &["name/given"]));
        builder.begin_row();
        let follows = format!("{}{}", notation.separator, notation.open);
        let values: Vec<([u32; 2], &str)> = indices
            .iter()
            .copied()
            .zip(texts.iter().map(String::as_str).filter(|text| !text.contains(&follows)))
            .collect();
        for (index, text) in &values {
            builder.push(0, index, text);
        }
        let written = builder.finish();
        let mut out = Vec::new();
        if written.write_cell(0, 0, &notation, &mut out) {
            let cell = String::from_utf8(out).unwrap();
            let read: Vec<(Vec<u32>, &str)> = notation.parse(&cell, 2).map(|v| (v.numbers().collect(), v.text)).collect();
            let expected: Vec<(Vec<u32>, &str)> = values.iter().map(|(index, text)| (index.to_vec(), *text)).collect();
            // A value that ends in the beginning of a separator runs into the next one.
            let ambiguous = values.iter().any(|(_, text)| (1..notation.separator.len()).any(|n| text.ends_with(&notation.separator[..n]) || text.starts_with(&notation.separator[n..])));
            prop_assert!(read == expected || ambiguous, "{cell}");
        }
    }
}
