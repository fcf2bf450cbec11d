//! Any text of a cell, read and written, is that text.

#![no_main]

use fhir_crack::{Entry, Notation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (kind, cell) = input;
    let notation = match kind % 4 {
        0 => Notation::default(),
        1 => Notation::new("<<", ">>", "|"),
        2 => Notation::new("(", ")", ".*"),
        _ => Notation::new("|", "|", ":::"),
    };
    let values: Vec<(Vec<u32>, &str)> = notation
        .parse(cell, usize::from(kind / 4 % 8))
        .map(|v| (v.numbers().collect(), v.text))
        .collect();
    let mut out = Vec::new();
    notation.write(values.iter().map(|(index, text)| Entry { index, text }), &mut out);
    assert_eq!(out, cell.as_bytes());
});
