//! Files in, files out, on a small table.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhir_crack::Notation;
use fhir_melt::flatten::FlattenOptions;
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};
use tempfile::TempDir;

use super::{CrackFormat, CrackOptions, Inputs, crack, melt_file};

const PAGE: &str = r#"{"resourceType":"Patient","id":"1","name":[{"family":"A"},{"family":"say \"B\""}],"birthDate":"x"}
{"resourceType":"Patient","id":"2"}
{"resourceType":"Group","id":"3"}
{"resourceType":"Patient","id":"4","name":[{"family":""},{"family":"D"},{"family":"E"}],"identifier":[{"value":"i"},{"value":"j"}]}
"#;

fn patient() -> Arc<TableDescription> {
    let column = |path: &str, of_type| {
        Column::new(
            path.replace('/', "_"),
            Origin::Element(ElementPath::new(path)),
            of_type,
        )
    };
    Arc::new(TableDescription {
        name: "patient".to_owned(),
        resource: Some("Patient".to_owned()),
        prefix: String::new(),
        columns: vec![
            column("id", FhirType::String),
            column("name/family", FhirType::String),
            column("identifier/value", FhirType::String),
            column("birthDate", FhirType::Date),
        ],
        melt: MeltMode::Product,
    })
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a directory"));
        fs::write(folder.path("page.ndjson"), PAGE).expect("a page");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn crack(&self, format: CrackFormat, wide: bool, notation: Notation) {
        let description = Description {
            tables: vec![patient()],
        };
        let options = CrackOptions {
            pages: fhir_crack::Options::default(),
            spreadsheet_safe: false,
            notation,
            wide,
            format,
            directory: self.0.path().to_owned(),
        };
        let inputs = Inputs::find(&[self.path("page.ndjson")]).expect("the page");
        let (summary, failed) = crack(&description, &inputs, &options, &|_| {}).expect("cracks");
        assert!(failed.is_empty());
        assert_eq!((summary.tables[0].rows, summary.other_types["Group"]), (3, 1));
    }

    fn melt(&self, raw: &str, mode: MeltMode, notation: &Notation) -> Vec<(String, u64)> {
        let options = FlattenOptions {
            mode: Some(mode),
            row_limit: 5,
            ..FlattenOptions::default()
        };
        let (files, _) = melt_file(
            &patient(),
            &self.path(raw),
            &self.path("out.csv"),
            notation,
            &options,
        )
        .expect("melts");
        files.into_iter().map(|table| (table.file, table.rows)).collect()
    }
}

/// The cells of a Parquet file, `None` for NULL.
fn parquet(path: &Path) -> Vec<Vec<Option<String>>> {
    let frame = super::raw_parquet::read(path).expect("a frame");
    let cell =
        |column: &polars::prelude::Column, row| column.str().expect("text").get(row).map(str::to_owned);
    (0..frame.height())
        .map(|row| frame.columns().iter().map(|column| cell(column, row)).collect())
        .collect()
}

#[test]
fn raw_tables_are_the_same_in_every_format() {
    let folder = Folder::new();
    folder.crack(CrackFormat::Csv, false, Notation::default());
    assert_eq!(
        folder.read("patient.csv"),
        "\"id\",\"name_family\",\"identifier_value\",\"birthDate\"\n\
         \"[1]1\",\"[1.1]A ~ [2.1]say \"\"B\"\"\",,\"[1]x\"\n\
         \"[1]2\",,,\n\
         \"[1]4\",\"[1.1] ~ [2.1]D ~ [3.1]E\",\"[1.1]i ~ [2.1]j\",\n"
    );
    folder.crack(CrackFormat::NdJson, false, Notation::default());
    let lines = folder.read("patient.ndjson");
    assert_eq!(lines.lines().nth(1), Some("{\"id\":\"[1]2\"}"));
    assert_eq!(lines.lines().count(), 3);
    folder.crack(CrackFormat::Parquet, false, Notation::default());
    let rows = parquet(&folder.path("patient.parquet"));
    assert_eq!(rows[0][1].as_deref(), Some("[1.1]A ~ [2.1]say \"B\""));
    assert_eq!(rows[1], [Some("[1]2".to_owned()), None, None, None]);
}

#[test]
fn wide_tables_are_written_in_every_format() {
    let folder = Folder::new();
    let notation = || Notation::new("<", ">", "|");
    folder.crack(CrackFormat::Csv, true, notation());
    let csv = folder.read("patient.csv");
    assert!(
        csv.starts_with("\"<1>id\",\"<1.1>name_family\",\"<2.1>name_family\",\"<3.1>name_family\","),
        "{csv}"
    );
    assert!(csv.contains("\n\"4\",\"\",\"D\",\"E\",\"i\",\"j\",\n"), "{csv}");
    folder.crack(CrackFormat::NdJson, true, notation());
    assert_eq!(
        folder.read("patient.ndjson").lines().nth(1),
        Some("{\"<1>id\":\"2\"}")
    );
    folder.crack(CrackFormat::Parquet, true, notation());
    assert_eq!(
        parquet(&folder.path("patient.parquet"))[2][1].as_deref(),
        Some("")
    );
}

#[test]
fn a_raw_table_is_melted_from_csv_and_parquet_and_what_is_above_the_limit_stays_raw() {
    let folder = Folder::new();
    for (format, raw, notation) in [
        (CrackFormat::Csv, "patient.csv", Notation::default()),
        (CrackFormat::Parquet, "patient.parquet", Notation::default()),
        (CrackFormat::Csv, "patient.csv", Notation::new("<<", ">>", "|")),
    ] {
        folder.crack(format, false, notation.clone());
        assert_eq!(
            folder.melt(raw, MeltMode::Product, &notation),
            [("patient.csv".to_owned(), 3)]
        );
        assert_eq!(
            folder.read("out.csv"),
            "id,name_family,identifier_value,birthDate\n1,A,,x\n1,\"say \"\"B\"\"\",,x\n2,,,\n"
        );
        assert!(folder.read("out.raw.csv").contains("[2.1]D"));
        assert!(
            folder
                .read("out.defects.csv")
                .starts_with("table,resource_id,column,index,kind\npatient,4,")
        );
    }
}

#[test]
fn child_tables_stand_beside_the_melted_one() {
    let folder = Folder::new();
    folder.crack(CrackFormat::Csv, false, Notation::default());
    let files = folder.melt("patient.csv", MeltMode::Child, &Notation::default());
    assert!(files.contains(&("patient.name.csv".to_owned(), 5)), "{files:?}");
    assert_eq!(
        folder.read("out.identifier.csv"),
        "id,index_path,identifier_value\n4,1,i\n4,2,j\n"
    );
}

#[test]
fn a_raw_table_is_not_written_over() {
    let folder = Folder::new();
    folder.crack(CrackFormat::Csv, false, Notation::default());
    let raw = folder.path("patient.csv");
    let options = FlattenOptions::default();
    let refused = melt_file(&patient(), &raw, &raw, &Notation::default(), &options);
    assert!(
        refused
            .expect_err("the same file")
            .to_string()
            .contains("the raw table itself")
    );
}
