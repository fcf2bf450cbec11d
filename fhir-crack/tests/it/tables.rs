//! Small descriptions and readable forms of batches.

use std::sync::Arc;

use fhir_crack::{Batch, Notation};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

/// A table of a resource type with columns named as their paths.
pub(crate) fn table(resource: &str, paths: &[&str]) -> Arc<TableDescription> {
    let columns = paths
        .iter()
        .map(|path| Column::new(*path, Origin::Element(ElementPath::new(*path)), FhirType::String))
        .collect();
    Arc::new(TableDescription {
        name: resource.to_lowercase(),
        resource: Some(resource.to_owned()),
        prefix: String::new(),
        columns,
        melt: MeltMode::default(),
    })
}

pub(crate) fn description(tables: &[(&str, &[&str])]) -> Description {
    Description {
        tables: tables
            .iter()
            .map(|(resource, paths)| table(resource, paths))
            .collect(),
    }
}

/// All cells as text, `None` for NULL.
pub(crate) fn cells(batch: &Batch) -> Vec<Vec<Option<String>>> {
    let notation = Notation::default();
    (0..batch.rows())
        .map(|row| {
            (0..batch.table().columns.len())
                .map(|column| {
                    let mut out = Vec::new();
                    batch
                        .write_cell(row, column, &notation, &mut out)
                        .then(|| String::from_utf8(out).unwrap())
                })
                .collect()
        })
        .collect()
}

/// The rows with `-` for NULL, cells separated by a bar.
pub(crate) fn lines(batch: &Batch) -> Vec<String> {
    cells(batch)
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| cell.unwrap_or_else(|| "-".to_owned()))
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect()
}
