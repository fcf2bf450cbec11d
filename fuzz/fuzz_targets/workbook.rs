//! Reads and expands mutated workbooks: whatever the bytes, a description or an error, and what was read is written and
//! read back.
//!
//! The first byte chooses the form of the rest. Bytes of a zip file rarely survive a mutation (checksums), so most inputs
//! are the parts of a workbook, which the target packs, or the texts of CSV sheets.

#![no_main]

use std::io::{Cursor, Write as _};

use libfuzzer_sys::fuzz_target;
use table_description::{Description, diff, oracle};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Stands between the parts of a workbook or the sheets of a folder; no XML has it.
const SEPARATOR: u8 = 1;

const PARTS: [&str; 6] = [
    "[Content_Types].xml",
    "_rels/.rels",
    "xl/_rels/workbook.xml.rels",
    "xl/workbook.xml",
    "xl/sharedStrings.xml",
    "xl/worksheets/sheet1.xml",
];

const SHEETS: [&str; 6] = ["main", "A", "B", "C", "D", "E"];

fuzz_target!(init: {
    // The reader turns a panic inside the library that reads zip and XML into an error; any other panic is a finding.
    std::panic::set_hook(Box::new(|panic| {
        let file = panic.location().map(|place| place.file()).unwrap_or_default();
        if !file.contains("calamine") {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}, |data: &[u8]| {
    let Some((form, rest)) = data.split_first() else { return };
    let read = match form % 4 {
        0 => oracle::read_workbook(rest),
        1 | 2 => oracle::read_workbook(&packed(rest)),
        _ => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            oracle::read_sheets(SHEETS.into_iter().zip(text.split(char::from(SEPARATOR))))
        }
    };
    match read {
        Ok(description) => reads_back(&description),
        Err(error) => {
            let _ = error.to_string();
        }
    }
});

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, part) in PARTS.into_iter().zip(bytes.split(|byte| *byte == SEPARATOR)) {
        zip.start_file(name, options).expect("a name of ours");
        zip.write_all(part).expect("a write to memory");
    }
    zip.finish().expect("a write to memory").into_inner()
}

/// Names and types survive; a table's prefix is only known from its columns, and a table without columns is not written.
fn reads_back(description: &Description) {
    let _ = description.report().to_string();
    let text = description.to_csv();
    let Ok(read) = oracle::read_sheets([("table_description", text.as_str())]) else {
        return;
    };
    for table in &read.tables {
        let Some(before) = description.table(&table.name) else {
            panic!("a table appeared")
        };
        assert_eq!(before.columns.len(), table.columns.len());
    }
    let again =
        oracle::read_sheets([("table_description", read.to_csv().as_str())]).expect("it was read once");
    assert!(diff(&read, &again).is_empty());
}
