//! Frames and Parquet hold what the rows hold.

use fhir_melt::fhircrackr::{self, MeltAll, TextTable};
use fhir_melt::flatten::FlattenOptions;
use fhir_melt::write::Format;
use fhir_melt::{MeltOptions, melt};
use polars::prelude::{AnyValue, DataFrame, DataType};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::MeltMode;
use table_description::typing::Zone;

use crate::flatten::{PAGE, description, flatten_bytes};
use crate::shared::{batch, cells, table};

fn texts(frame: &DataFrame) -> Vec<Vec<Option<String>>> {
    let table = TextTable::from_frame(frame).expect("a frame of text");
    let row = |row| {
        (0..frame.width())
            .map(|column| table.cell(row, column).map(str::to_owned))
            .collect()
    };
    (0..table.rows()).map(row).collect()
}

#[test]
fn a_frame_has_the_cells_of_the_rows() {
    let raw = [
        "[1]a|[1.1]x ~ [3.1]y|[1.1.1]1 ~ [1.2.1]2",
        "[1]b||[2.1.1]2",
        "[1]c||",
    ];
    let rows: Vec<Vec<Option<String>>> = raw
        .iter()
        .map(|row| {
            row.split('|')
                .map(|cell| (!cell.is_empty()).then(|| cell.to_owned()))
                .collect()
        })
        .collect();
    let batch = batch(&table(&["id", "note/text", "code/coding/code"], &[]), &rows);
    let melted = melt(&batch, &MeltOptions::default());
    assert_eq!(texts(&melted.to_frame().expect("a frame")), cells(&melted));
    let (typed, _) = melted.typed(&Zone::berlin());
    assert_eq!(texts(&typed.to_frame().expect("a frame")), cells(&melted));
}

#[test]
fn functions_on_frames_are_those_on_text() {
    let mut table = TextTable::new(&["id", "name.given"]);
    table.push_row([Some("<1>a"), Some("<1.1>x <1.2>y")]);
    let frame = table.to_frame().expect("a frame");
    let molten = fhircrackr::frame::melt_all(&frame, &MeltAll::default()).expect("rows");
    assert_eq!(
        texts(&molten),
        [["a", "x"], ["a", "y"]].map(|row| row.map(|cell| Some(cell.to_owned())).to_vec())
    );
    let options = fhircrackr::Melt::default();
    let molten = fhircrackr::frame::melt(&frame, &["name.given"], &options).expect("rows");
    assert_eq!(molten.columns()[0].dtype(), &DataType::Int64);
    assert_eq!(
        fhircrackr::frame::common_columns(&frame, "name").expect("a column"),
        ["name.given"]
    );
}

#[test]
fn parquet_has_typed_columns_and_child_tables_their_keys() {
    let options = |zone| FlattenOptions {
        format: Format::Parquet,
        zone,
        ..FlattenOptions::default()
    };
    let read = |bytes: &[u8]| {
        ParquetReader::new(std::io::Cursor::new(bytes.to_vec()))
            .finish()
            .expect("Parquet")
    };
    let (files, _) = flatten_bytes(
        &description(MeltMode::Product),
        options(Some(Zone::berlin())),
        &[PAGE.as_bytes()],
    );
    let patients = read(&files["patient.parquet"]);
    assert_eq!(patients.height(), 5);
    assert_eq!(
        patients.column("birthDate").expect("a column").dtype(),
        &DataType::Date
    );
    assert_eq!(
        patients
            .column("active")
            .expect("a column")
            .get(0)
            .expect("a row"),
        AnyValue::Boolean(true)
    );
    let precise = FlattenOptions {
        precision: true,
        ..options(Some(Zone::berlin()))
    };
    let (files, _) = flatten_bytes(&description(MeltMode::Product), precise, &[PAGE.as_bytes()]);
    let patients = read(&files["patient.parquet"]);
    let names: Vec<&str> = patients
        .get_column_names()
        .into_iter()
        .map(|n| n.as_str())
        .collect();
    assert_eq!(names[1..3], ["birthDate", "birthDate_precision"]);
    let words: Vec<_> = patients
        .column("birthDate_precision")
        .expect("words")
        .str()
        .expect("texts")
        .iter()
        .collect();
    assert_eq!(words, [None, None, None, None, Some("month")]);
    let (files, _) = flatten_bytes(&description(MeltMode::Child), options(None), &[PAGE.as_bytes()]);
    assert_eq!(
        texts(&read(&files["patient.identifier.parquet"])),
        [["p1", "1", "1"], ["p1", "2", "2"]].map(|row| row.map(|cell| Some(cell.to_owned())).to_vec())
    );
    let (files, _) = flatten_bytes(&description(MeltMode::Product), options(None), &[]);
    assert_eq!(
        (
            read(&files["patient.parquet"]).height(),
            read(&files["patient.parquet"]).width()
        ),
        (0, 6)
    );
}
