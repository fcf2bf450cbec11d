//! Passes of several threads: they write the files of one, and what is broken costs no more than there.

use std::io;

use fhir_melt::flatten::{Flatten, FlattenOptions};
use fhir_melt::write::Format;
use table_description::typing::Zone;
use table_description::{Description, MeltMode};

use crate::flatten::{flatten, memory};
use crate::shared::table;

/// Resources with several names and identifiers, one of them with a product above the row limit.
fn bulk_data(resources: usize) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for number in 0..resources {
        let many = if number == 7 { 40 } else { 1 + number % 3 };
        let list = |what: &str| vec![format!("{{\"{what}\":\"v\\\"{number}\"}}"); many].join(",");
        writeln!(
            text,
            "{{\"resourceType\":\"T\",\"id\":\"{number}\",\"name\":[{}],\"identifier\":[{}],\"birthDate\":\"20{}\"}}",
            list("family"),
            list("value"),
            number % 100
        )
        .expect("memory");
    }
    text
}

#[test]
fn threads_write_the_files_of_one() {
    let description = Description {
        tables: vec![table(
            &["id", "name/family", "identifier/value", "birthDate"],
            &[],
        )],
    };
    let text = bulk_data(9_000);
    for format in [Format::Csv, Format::NdJson] {
        for mode in [MeltMode::Product, MeltMode::Aligned, MeltMode::Child] {
            for zone in [None, Some(Zone::berlin())] {
                let options = |threads| FlattenOptions {
                    mode: Some(mode.clone()),
                    zone: zone.clone(),
                    format,
                    row_limit: 1_000,
                    threads,
                    ..FlattenOptions::default()
                };
                let pages = [text.as_bytes(), b"{\"resourceType\":\"Bundle\"}"];
                let (one, told) = flatten(&description, options(1), &pages);
                let (three, also) = flatten(&description, options(3), &pages);
                assert!(one == three, "{mode:?} {format:?}");
                assert_eq!((told.tables, told.defects), (also.tables, also.defects));
                assert_eq!(told.crack, also.crack);
            }
        }
    }
}

#[test]
fn threads_keep_the_rows_round_a_fault_and_name_its_line() {
    let description = Description {
        tables: vec![table(&["id"], &[])],
    };
    let text = bulk_data(12_000) + "{\"resourceType\":}\n" + &bulk_data(12_000);
    let mut found = Vec::new();
    for threads in [1, 2] {
        let (files, open) = memory();
        let options = FlattenOptions {
            threads,
            ..FlattenOptions::default()
        };
        let mut pass = Flatten::new(&description, options, open).expect("a pipeline");
        let error = pass.read(text.as_bytes()).expect_err("line 12,001 is no JSON");
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(cause.contains("line 12001"), "{cause}");
        pass.finish().expect("outputs");
        found.push(std::mem::take(&mut *files.lock().expect("files")));
    }
    assert_eq!(found[0]["t.csv"].iter().filter(|b| **b == b'\n').count(), 24_001);
    assert!(found[0] == found[1]);
}

/// An input that breaks off, as a damaged gzip does.
struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("broken off"))
    }
}

#[test]
fn a_page_that_broke_off_leaves_nothing_to_the_next() {
    let description = Description {
        tables: vec![table(&["id"], &[])],
    };
    let text = "{\"resourceType\":}\n".to_owned() + &bulk_data(12_000);
    for threads in [1, 2] {
        let (files, open) = memory();
        let options = FlattenOptions {
            threads,
            ..FlattenOptions::default()
        };
        let mut pass = Flatten::new(&description, options, open).expect("a pipeline");
        let cut = io::Read::chain(text.as_bytes(), Broken);
        assert!(pass.read(cut).is_err());
        if let Err(error) = pass.read(bulk_data(1).as_bytes()) {
            panic!("{threads} threads: the next page is told {error:?}");
        }
        pass.finish().expect("outputs");
        assert!(files.lock().expect("files")["t.csv"].len() > 12_000);
    }
}
