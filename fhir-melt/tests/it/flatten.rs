//! Pages to flat files, compared with rows taken straight from the JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fhir_melt::flatten::{Flatten, FlattenOptions, FlattenSummary, Open};
use fhir_melt::write::Format;
use serde_json::Value;
use table_description::typing::Zone;
use table_description::{Description, ElementPath, MeltMode};

use crate::shared::{self, read_csv, table};

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Outputs kept in memory.
fn memory() -> (Files, Open) {
    struct Sink(Files, String);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("files")
                .entry(self.1.clone())
                .or_default()
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let files = Files::default();
    let shared = Arc::clone(&files);
    let open = move |name: &str| -> io::Result<Box<dyn Write + Send>> {
        shared.lock().expect("files").entry(name.to_owned()).or_default();
        Ok(Box::new(Sink(Arc::clone(&shared), name.to_owned())))
    };
    (files, Box::new(open))
}

fn flatten(
    description: &Description,
    options: FlattenOptions,
    pages: &[&[u8]],
) -> (BTreeMap<String, String>, FlattenSummary) {
    let (files, summary) = flatten_bytes(description, options, pages);
    (
        files
            .into_iter()
            .map(|(name, bytes)| (name, String::from_utf8(bytes).expect("text")))
            .collect(),
        summary,
    )
}

pub(crate) fn flatten_bytes(
    description: &Description,
    options: FlattenOptions,
    pages: &[&[u8]],
) -> (BTreeMap<String, Vec<u8>>, FlattenSummary) {
    let (files, open) = memory();
    let mut flatten = Flatten::new(description, options, open).expect("a pipeline");
    for page in pages {
        flatten.read(*page).expect("a page");
    }
    let summary = flatten.finish().expect("outputs");
    let files = std::mem::take(&mut *files.lock().expect("files"));
    (files, summary)
}

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

pub(crate) fn description(mode: MeltMode) -> Description {
    let paths = [
        "id",
        "birthDate",
        "active",
        "name/family",
        "name/given",
        "identifier/value",
    ];
    let mut table = (*table(&paths, &["name/given"])).clone();
    table.name = "patient".to_owned();
    table.resource = Some("Patient".to_owned());
    table.melt = mode;
    table.columns[1].fhir_type = table_description::FhirType::Date;
    table.columns[2].fhir_type = table_description::FhirType::Boolean;
    Description {
        tables: vec![Arc::new(table)],
    }
}

pub(crate) const PAGE: &str = r#"{"resourceType":"Patient","id":"p1","birthDate":"1970-02-30","active":true,
"name":[{"family":"A,\"B\"","given":["x","y"]},{"family":"C"}],"identifier":[{"value":"1"},{"value":"2"}]}
{"resourceType":"Patient","id":"p2","birthDate":"1970-02"}
"#;

#[test]
fn csv_and_ndjson_hold_the_same_typed_rows() {
    let typed = |format| FlattenOptions {
        format,
        zone: Some(Zone::berlin()),
        ..FlattenOptions::default()
    };
    let (csv, summary) = flatten(
        &description(MeltMode::Product),
        typed(Format::Csv),
        &[PAGE.as_bytes()],
    );
    assert_eq!(
        csv["patient.csv"],
        "id,birthDate,active,name_family,name_given,identifier_value\n\
         p1,,true,\"A,\"\"B\"\"\",x y,1\n\
         p1,,true,\"A,\"\"B\"\"\",x y,2\n\
         p1,,true,C,,1\n\
         p1,,true,C,,2\n\
         p2,1970-02-01,,,,\n"
    );
    assert_eq!(
        csv["defects.csv"],
        "table,resource_id,column,index,kind\npatient,p1,birthDate,1,no_such_day\n"
    );
    assert_eq!((summary.defects, summary.tables[0].rows), (1, 5));
    let (json, _) = flatten(
        &description(MeltMode::Product),
        typed(Format::NdJson),
        &[PAGE.as_bytes()],
    );
    assert_eq!(
        json["patient.ndjson"].lines().next().expect("a row"),
        r#"{"id":"p1","active":true,"name_family":"A,\"B\"","name_given":"x y","identifier_value":"1"}"#
    );
    assert_eq!(
        json["patient.ndjson"].lines().last().expect("a row"),
        r#"{"id":"p2","birthDate":"1970-02-01"}"#
    );
}

/// A year is typed as its first day; who asks for it reads beside it that only the year was given.
#[test]
fn a_column_behind_each_date_says_how_much_was_given() {
    let page = r#"{"resourceType":"Patient","id":"p1","birthDate":"1950","active":true,"name":[{"given":["x"]},{"given":["y"]}]}
{"resourceType":"Patient","id":"p2","birthDate":"1950-01"}
{"resourceType":"Patient","id":"p3","birthDate":"1950-01-01"}
{"resourceType":"Patient","id":"p4"}
"#;
    let precise = |format, mode| {
        let options = FlattenOptions {
            format,
            zone: Some(Zone::berlin()),
            precision: true,
            ..FlattenOptions::default()
        };
        flatten(&description(mode), options, &[page.as_bytes()]).0
    };
    assert_eq!(
        precise(Format::Csv, MeltMode::Product)["patient.csv"],
        "id,birthDate,birthDate_precision,active,name_family,name_given,identifier_value\n\
         p1,1950-01-01,year,true,,x ,\n\
         p1,1950-01-01,year,true,,y,\n\
         p2,1950-01-01,month,,,,\n\
         p3,1950-01-01,day,,,,\n\
         p4,,,,,,\n"
    );
    let json = precise(Format::NdJson, MeltMode::Product);
    let lines: Vec<&str> = json["patient.ndjson"].lines().collect();
    assert_eq!(
        lines[2],
        r#"{"id":"p2","birthDate":"1950-01-01","birthDate_precision":"month"}"#
    );
    assert_eq!(lines[4], r#"{"id":"p4"}"#);
    // A child table has the column where its table has the date.
    let child = precise(Format::Csv, MeltMode::Child);
    assert!(
        child["patient.csv"]
            .starts_with("id,birthDate,birthDate_precision,active\np1,1950-01-01,year,true\n")
    );
    assert!(child["patient.name_given.csv"].starts_with("id,index_path,name_given\n"));
}

#[test]
fn child_tables_are_keyed_by_resource_and_path() {
    let (files, _) = flatten(
        &description(MeltMode::Child),
        FlattenOptions::default(),
        &[PAGE.as_bytes()],
    );
    let expected = [
        (
            "patient.csv",
            "id,birthDate,active\np1,1970-02-30,true\np2,1970-02,\n",
        ),
        (
            "patient.identifier.csv",
            "id,index_path,identifier_value\np1,1,1\np1,2,2\n",
        ),
        (
            "patient.name.csv",
            "id,index_path,name_family\np1,1,\"A,\"\"B\"\"\"\np1,2,C\n",
        ),
        ("patient.name_given.csv", "id,index_path,name_given\np1,1.1,x y\n"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(files, expected.into_iter().collect());
}

#[test]
fn resources_above_the_row_limit_are_written_raw() {
    let options = FlattenOptions {
        row_limit: 3,
        ..FlattenOptions::default()
    };
    let (files, summary) = flatten(&description(MeltMode::Product), options, &[PAGE.as_bytes()]);
    assert_eq!((summary.tables[0].rows, summary.defects), (1, 1));
    assert_eq!(
        files["patient.raw.csv"],
        "id,birthDate,active,name_family,name_given,identifier_value\n\
         [1]p1,[1]1970-02-30,[1]true,\"[1.1]A,\"\"B\"\" ~ [2.1]C\",[1.1]x ~ [1.2]y,[1.1]1 ~ [2.1]2\n"
    );
    assert_eq!(
        files["defects.csv"],
        "table,resource_id,column,index,kind\npatient,p1,,,too_many_rows\n"
    );
}

#[test]
fn a_table_without_rows_has_a_header() {
    let (files, _) = flatten(&description(MeltMode::Product), FlattenOptions::default(), &[]);
    assert_eq!(
        files["patient.csv"],
        "id,birthDate,active,name_family,name_given,identifier_value\n"
    );
}

#[test]
fn long_products_leave_the_buffer_and_stay_right() {
    let long = "x".repeat(3_000);
    let list = |key: &str, n: usize| {
        let items: Vec<String> = (0..n).map(|at| format!(r#"{{"{key}":"{at}{long}"}}"#)).collect();
        items.join(",")
    };
    let page = format!(
        r#"{{"resourceType":"Patient","id":"p","name":[{}],"identifier":[{}]}}"#,
        list("family", 40),
        list("value", 30)
    );
    let (files, summary) = flatten(
        &description(MeltMode::Product),
        FlattenOptions::default(),
        &[page.as_bytes()],
    );
    assert_eq!(summary.tables[0].rows, 1_200);
    for (at, line) in files["patient.csv"].lines().skip(1).enumerate() {
        assert_eq!(line, format!("p,,,{}{long},,{}{long}", at / 30, at % 30));
    }
}

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
