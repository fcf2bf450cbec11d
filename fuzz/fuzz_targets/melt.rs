//! Melts raw rows of any text in every mode: no panic, no lost source row, chunks equal to the whole, and the functions on
//! text bear the same cells.

#![no_main]

use std::sync::{Arc, LazyLock};

use fhir_crack::{BatchBuilder, Notation};
use fhir_melt::fhircrackr::{Cast, Collapse, MeltAll, TextTable, cast, collapse, melt_all};
use fhir_melt::{MeltOptions, Melter, Repeats, unmelt};
use libfuzzer_sys::fuzz_target;
use table_description::{Column, ElementPath, FhirType, MeltMode, Origin, TableDescription};

const PATHS: [&str; 6] = [
    "id",
    "name/given",
    "identifier/value",
    "code/coding/code",
    "name/family",
    "code/text",
];
/// Rows one fuzzed row may produce, so that memory is bounded.
const LIMIT: u64 = 1_000;

static TABLE: LazyLock<Arc<TableDescription>> = LazyLock::new(|| {
    let column = |path: &str| {
        let origin = Origin::Element(ElementPath::new(path));
        let mut column = Column::new(path.replace('/', "_"), origin, FhirType::String);
        column.joined = path == "name/given";
        column
    };
    Arc::new(TableDescription {
        name: "patient".into(),
        resource: Some("Patient".into()),
        prefix: String::new(),
        columns: PATHS.map(column).to_vec(),
        melt: MeltMode::Product,
    })
});

fuzz_target!(|rows: Vec<[Option<&str>; 6]>| {
    let mut builder = BatchBuilder::new(Arc::clone(&TABLE));
    for row in &rows {
        builder.begin_row();
        for (column, cell) in row.iter().enumerate() {
            if let Some(cell) = cell {
                builder.push_cell(column, cell);
            }
        }
    }
    let batch = builder.finish();
    let only = MeltMode::Only(vec![ElementPath::new("code/coding")]);
    for mode in [MeltMode::Product, MeltMode::Aligned, MeltMode::Child, only] {
        for repeats in [None, Some(Repeats::all(&TABLE))] {
            let options = MeltOptions {
                mode: Some(mode.clone()),
                repeats,
                row_limit: LIMIT,
                ..MeltOptions::default()
            };
            let melter = Melter::new(&TABLE, &options);
            let whole = melter.melt(&batch);
            let mut sources: Vec<usize> = (0..whole.rows()).map(|row| whole.source_row(row)).collect();
            sources.dedup();
            assert_eq!(sources.len() + whole.left_out().len(), batch.rows());
            let mut stream = melter.stream(&batch);
            let mut row = 0;
            loop {
                let chunk = stream.take(3);
                if chunk.rows() == 0 {
                    break;
                }
                for at in 0..chunk.rows() {
                    for column in 0..PATHS.len() {
                        assert_eq!(chunk.cell(at, column), whole.cell(row, column));
                    }
                    row += 1;
                }
            }
            assert_eq!(row, whole.rows());
            if matches!(mode, MeltMode::Aligned | MeltMode::Child) {
                let _ = unmelt(&whole);
            }
        }
    }

    let mut table = TextTable::new(&PATHS);
    for row in &rows {
        table.push_row(row.iter().copied());
    }
    let notation = Notation::default();
    let joined = collapse(
        &table,
        &["name/given"],
        &Collapse {
            notation: notation.clone(),
            ..Collapse::default()
        },
    );
    let joined = joined.expect("the column is there");
    let options = MeltAll {
        notation: notation.clone(),
        column_name_separator: "/".into(),
        row_limit: LIMIT,
    };
    if rows.len() < 3 {
        let _ = melt_all(&joined, &options);
    }
    let _ = cast(
        &table,
        &Cast {
            notation,
            refuse_empty_columns: false,
        },
    );
});
