//! Reference material outside the project and its CSV dialects.

use std::path::PathBuf;
use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder};
use fhir_melt::Melted;
use table_description::{Column, ElementPath, FhirType, Origin, TableDescription};

/// A file or directory of the reference material; `None`, said loudly, where it is absent.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    x_skipped::skip!("../shared is absent, so {name} was not compared");
    None
}

/// The records of a CSV file: quoted cells may hold anything, an unquoted `null` word is NULL.
pub(crate) fn read_csv(text: &str, null: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let mut cell = String::new();
        let quoted = chars.next_if_eq(&'"').is_some();
        if quoted {
            while let Some(c) = chars.next() {
                match c {
                    '"' if chars.next_if_eq(&'"').is_some() => cell.push('"'),
                    '"' => break,
                    c => cell.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|&c| c != ',' && c != '\n') {
                cell.push(c);
            }
        }
        record.push((quoted || cell != null).then_some(cell));
        if chars.next() != Some(',') {
            records.push(std::mem::take(&mut record));
        }
    }
    records
}

/// A table of string columns with these paths; `joined` are joined instead of melted.
pub(crate) fn table(paths: &[&str], joined: &[&str]) -> Arc<TableDescription> {
    let columns = paths
        .iter()
        .map(|&path| {
            let origin = Origin::Element(ElementPath::new(path));
            let mut column = Column::new(path.replace('/', "_"), origin, FhirType::String);
            column.joined = joined.contains(&path);
            column
        })
        .collect();
    Arc::new(TableDescription {
        name: "t".to_owned(),
        resource: Some("T".to_owned()),
        prefix: String::new(),
        columns,
        melt: table_description::MeltMode::Product,
    })
}

/// A batch of raw text cells.
pub(crate) fn batch(table: &Arc<TableDescription>, rows: &[Vec<Option<String>>]) -> Batch {
    let mut builder = BatchBuilder::new(Arc::clone(table));
    for row in rows {
        builder.begin_row();
        for (column, cell) in row.iter().enumerate() {
            if let Some(cell) = cell {
                builder.push_cell(column, cell);
            }
        }
    }
    builder.finish()
}

/// All cells of melted rows.
pub(crate) fn cells(melted: &Melted<'_>) -> Vec<Vec<Option<String>>> {
    (0..melted.rows())
        .map(|row| {
            (0..melted.table().columns.len())
                .map(|c| melted.cell(row, c).map(str::to_owned))
                .collect()
        })
        .collect()
}
