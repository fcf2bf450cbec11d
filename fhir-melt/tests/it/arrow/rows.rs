use std::collections::BTreeMap;

use fhir_melt::arrow::{PassOptions, Profile, Rows};
use fhir_melt::flatten::FlattenOptions;
use table_description::typing::Zone;
use table_description::{Description, MeltMode, default_description};

use super::{Given, files, input, pass};
use crate::flatten::{PAGE, description, flatten_bytes};
use crate::shared::{self, read_csv};

/// One way to make rows, of files and of record batches.
#[derive(Clone)]
struct Way {
    mode: Option<MeltMode>,
    typed: bool,
    profile: Profile,
    threads: usize,
    dictionaries: bool,
    batch_rows: usize,
}

impl Way {
    fn files(&self) -> FlattenOptions {
        FlattenOptions {
            mode: self.mode.clone(),
            zone: self.typed.then(Zone::berlin),
            ..FlattenOptions::default()
        }
    }

    fn batches(&self) -> PassOptions {
        let rows = if self.typed {
            Rows::Typed(Zone::berlin())
        } else {
            Rows::Text
        };
        let mut options = PassOptions::new(rows);
        options.mode = self.mode.clone();
        options.threads = self.threads;
        options.batch_rows = self.batch_rows;
        options.arrow.profile = self.profile;
        options.arrow.dictionaries = self.dictionaries;
        options
    }
}

fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for mode in [None, Some(MeltMode::Aligned), Some(MeltMode::Child)] {
        for typed in [false, true] {
            for (profile, threads, dictionaries, batch_rows) in [
                (Profile::Native, 1, false, 10_000),
                (Profile::Native, 3, true, 7),
                (Profile::Spark, 2, true, 10_000),
                (Profile::Delta, 1, false, 1),
            ] {
                ways.push(Way {
                    mode: mode.clone(),
                    typed,
                    profile,
                    threads,
                    dictionaries,
                    batch_rows,
                });
            }
        }
    }
    ways
}

type Cells = Vec<Vec<Option<String>>>;

/// The files of the same pages, without headers; raw rows and defects apart.
fn expected(description: &Description, way: &Way, pages: &[&[u8]]) -> (BTreeMap<String, Cells>, Cells) {
    let (files, _) = flatten_bytes(description, way.files(), pages);
    let mut tables = BTreeMap::new();
    let mut defects = Vec::new();
    for (file, bytes) in files {
        let mut cells = read_csv(std::str::from_utf8(&bytes).expect("text"), "");
        let header = cells.remove(0);
        if header.len() == 1 {
            // An empty line is a row of one NULL, and no row at all where it ends the file.
            cells.retain(|row| !row.is_empty());
        }
        match file.strip_suffix(".csv").expect("an ending") {
            "defects" => defects = cells,
            table => {
                tables.insert(table.to_owned(), cells);
            }
        }
    }
    (tables, defects)
}

fn sorted(mut cells: Cells) -> Cells {
    cells.sort();
    cells
}

fn compare(way: &Way, given: &Given, (tables, defects): &(BTreeMap<String, Cells>, Cells)) -> usize {
    let mut rows = 0;
    for (table, expected) in tables {
        let ours = given.rows(table);
        assert_eq!(ours.len(), expected.len(), "rows of {table}");
        for (at, (ours, theirs)) in ours.iter().zip(expected).enumerate() {
            // The time 24:00:00 has no value in Arrow's type.
            let same = ours
                .iter()
                .zip(theirs)
                .all(|(ours, theirs)| ours == theirs || theirs.as_deref() == Some("24:00:00"));
            assert!(
                same && ours.len() == theirs.len(),
                "row {at} of {table}: {ours:?} {theirs:?}"
            );
        }
        rows += ours.len();
        let batches = given.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        assert!(batches.iter().all(|batch| batch.num_rows() <= way.batch_rows));
    }
    let ours: Cells = given
        .defects
        .iter()
        .map(|defect| {
            let cells = [
                defect.table.name.clone(),
                defect.resource_id.as_deref().unwrap_or_default().to_owned(),
                defect.column_name().to_owned(),
                defect.index_text(),
                defect.kind.to_string(),
            ];
            cells
                .map(|cell| Some(cell).filter(|cell| !cell.is_empty()))
                .to_vec()
        })
        .collect();
    assert_eq!(sorted(ours), sorted(defects.clone()));
    rows
}

#[test]
fn record_batches_hold_the_rows_of_the_files() {
    for way in ways() {
        let description = description(MeltMode::Product);
        let expected = expected(&description, &way, &[PAGE.as_bytes()]);
        let given = pass(&description, way.batches(), vec![input("page", PAGE.as_bytes())]);
        assert!(compare(&way, &given, &expected) > 1);
    }
}

#[test]
fn rows_of_real_data_are_those_of_the_files() {
    let Some(folder) = shared::path("realdata") else {
        return;
    };
    let description = default_description();
    let all = files(&folder);
    // Pages that cannot be read are looked at elsewhere.
    let pages: Vec<Vec<u8>> = all
        .iter()
        .map(|file| std::fs::read(file).expect("a file"))
        .filter(|bytes| {
            let options = PassOptions::new(Rows::Text);
            let description = Description::default();
            pass(&description, options, vec![input("", bytes)])
                .unread
                .is_empty()
        })
        .collect();
    assert!(pages.len() > 500, "{} pages", pages.len());
    let pages: Vec<&[u8]> = pages.iter().map(Vec::as_slice).collect();
    for (typed, cuts) in [
        (true, &[(1, 10_000, Profile::Native), (2, 7, Profile::Spark)][..]),
        (false, &[(2, 1_000, Profile::Native)]),
    ] {
        let mut known = None;
        for &(threads, batch_rows, profile) in cuts {
            let way = Way {
                mode: None,
                typed,
                profile,
                threads,
                dictionaries: false,
                batch_rows,
            };
            let expected = known.get_or_insert_with(|| expected(&description, &way, &pages));
            let inputs = pages.iter().map(|page| input("", page)).collect();
            let given = pass(&description, way.batches(), inputs);
            let rows = compare(&way, &given, expected);
            assert!(rows > 10_000, "{rows} rows");
        }
    }
}

#[test]
fn resources_above_the_row_limit_stand_raw() {
    let mut options = PassOptions::new(Rows::Text);
    options.row_limit = 3;
    let description = description(MeltMode::Product);
    let given = pass(&description, options, vec![input("", PAGE.as_bytes())]);
    assert_eq!(given.rows("patient").len(), 1);
    let raw = given.rows("patient.raw");
    assert_eq!(raw.len(), 1);
    assert_eq!(raw[0][4].as_deref(), Some("[1.1]x ~ [1.2]y"));
    assert_eq!(given.defects.len(), 1);
}

#[test]
fn raw_rows_are_those_of_the_cracker() {
    let notation = fhir_crack::Notation::default();
    for threads in [1, 2] {
        let mut options = PassOptions::new(Rows::Raw(notation.clone()));
        options.threads = threads;
        let description = description(MeltMode::Product);
        let given = pass(&description, options, vec![input("", PAGE.as_bytes())]);
        let cracked = fhir_crack::crack(PAGE.as_bytes(), &description).expect("a page");
        let batch = &cracked.batches[0];
        let cells: Cells = (0..batch.rows())
            .map(|row| {
                let cell = |column| {
                    let mut out = Vec::new();
                    let any = batch.write_cell(row, column, &notation, &mut out);
                    any.then(|| String::from_utf8(out).expect("text"))
                };
                (0..batch.table().columns.len()).map(cell).collect()
            })
            .collect();
        assert_eq!(given.rows("patient"), cells);
        assert_eq!(given.summary.pages, 1);
    }
}

/// A page of many megabytes, which is not held, and one with nothing but a fault.
#[test]
fn large_pages_are_gone_through_in_pieces() {
    let entry = |n: usize| {
        format!(
            r#"{{"resource":{{"resourceType":"Patient","id":"p{n}","name":[{{"family":"{}"}}]}}}}"#,
            "x".repeat(900)
        )
    };
    let entries: Vec<String> = (0..12_000).map(entry).collect();
    let page = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(",\n"));
    let mut options = PassOptions::new(Rows::Text);
    options.threads = 2;
    let inputs = vec![
        input("a", &page.as_bytes()[..page.len() - 2]),
        input("b", PAGE.as_bytes()),
        input("c", page.as_bytes()),
        input("d", b"{\"resourceType\":"),
    ];
    let given = pass(&description(MeltMode::Product), options, inputs);
    assert_eq!(given.rows("patient").len(), 12_000 + 5 + 12_000);
    let unread: Vec<String> = given
        .unread
        .iter()
        .map(|unread| unread.input.to_string())
        .collect();
    assert_eq!(unread, ["a", "d"]);
}
