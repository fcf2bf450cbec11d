//! Pages to flat files: what stands in them, typed or as text, in one table or in its children, and above the row limit.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fhir_melt::flatten::{Flatten, FlattenOptions, FlattenSummary, Open};
use fhir_melt::write::Format;
use table_description::typing::Zone;
use table_description::{Description, MeltMode};

use crate::shared::table;

pub(crate) type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Outputs kept in memory.
pub(crate) fn memory() -> (Files, Open) {
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

pub(crate) fn flatten(
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
