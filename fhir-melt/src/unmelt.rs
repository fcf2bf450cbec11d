use fhir_crack::{Batch, BatchBuilder};

use crate::Melted;

/// Rebuilds the raw rows from melted rows of mode aligned, or of mode child together with its child tables, using
/// nothing but their cells and index paths.
///
/// Equal to the batch that was melted, but for what the modes join: values of one cell with the same index path, and
/// columns the description joins (given names). Source rows that were left out have no values.
#[must_use]
pub fn unmelt(melted: &Melted<'_>) -> Batch {
    let children = melted.children();
    let mut tables: Vec<(&Melted<'_>, usize)> =
        std::iter::once(melted).chain(&children).map(|t| (t, 0)).collect();
    let table = melted.table();
    let depths: Vec<usize> = table.columns.iter().map(|column| column.path().depth()).collect();
    let mut builder = BatchBuilder::new(std::sync::Arc::clone(table));
    for source in melted.source_rows() {
        builder.begin_row();
        for (rows, next) in &mut tables {
            let first = *next;
            while *next < rows.rows() && rows.source_row(*next) == source {
                *next += 1;
            }
            for (column, &depth) in depths.iter().enumerate() {
                let mut last = None;
                for row in first..*next {
                    let Some(text) = rows.cell(row, column) else {
                        continue;
                    };
                    let mut index = rows.index(row, column);
                    index.resize(depth.max(index.len()), 1);
                    // A repetition stands in every row that is due to something it encloses.
                    if last.as_ref() != Some(&index) {
                        builder.push(column, &index, text);
                    }
                    last = Some(index);
                }
            }
        }
    }
    builder.finish()
}
