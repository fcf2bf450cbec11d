//! Cells of made-up observations, as batches for the hub and as text for the plain COPY: both load the same rows.

use std::sync::Arc;

use cds_hub::load::Hasher;
use fhir_crack::{Batch, BatchBuilder};
use table_description::TableDescription;

use crate::{BATCH, FILLED};

/// Cells of made-up observations.
pub(crate) struct Cells {
    filled: Vec<usize>,
}

impl Cells {
    pub(crate) fn new(table: &TableDescription) -> Self {
        // The id and values spread over the table; `meta` among them.
        let step = table.columns.len() / FILLED;
        Self {
            filled: (0..FILLED).map(|n| n * step).collect(),
        }
    }

    /// Cell `k` of the filled ones of row `row`; `change` makes another content of it.
    fn cell(&self, k: usize, row: usize, change: bool) -> String {
        match k {
            0 => format!("[1]observation-{row:09}"),
            1 => format!(
                "[1.1]2024-01-{:02}T{:02}:{:02}:00+01:00{}",
                row % 28 + 1,
                row % 24,
                row % 60,
                if change { "x" } else { "" }
            ),
            _ => format!("[1.1.1]value {:04} of a column", (row * 31 + k * 17) % 10_000),
        }
    }

    pub(crate) fn batches(
        &self,
        table: &Arc<TableDescription>,
        rows: std::ops::Range<usize>,
        changed: usize,
    ) -> Vec<Batch> {
        let first = rows.start;
        rows.clone()
            .step_by(BATCH)
            .map(|from| {
                let mut builder = BatchBuilder::new(Arc::clone(table));
                for row in from..rows.end.min(from + BATCH) {
                    builder.begin_row();
                    for (k, &column) in self.filled.iter().enumerate() {
                        builder.push_cell(column, &self.cell(k, row, row - first < changed));
                    }
                }
                builder.finish()
            })
            .collect()
    }

    pub(crate) fn copy_text(&self, table: &TableDescription, rows: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        for row in rows {
            out.extend_from_slice(
                format!("{}\t2024-01-01 00:00:00\t\\N\tinput\t1\t1\t\\N", row + 1).as_bytes(),
            );
            let mut hasher = Hasher::default();
            let mut filled = self.filled.iter().enumerate().peekable();
            for column in 0..table.columns.len() {
                out.push(b'\t');
                match filled.next_if(|(_, c)| **c == column) {
                    Some((k, _)) => {
                        let cell = self.cell(k, row, false);
                        out.extend_from_slice(cell.as_bytes());
                        hasher.text(Some(cell.as_bytes()));
                    }
                    None => {
                        out.extend_from_slice(b"\\N");
                        hasher.text(None);
                    }
                }
            }
            hasher.end_row();
            out.extend_from_slice(format!("\t{}\n", hasher.finish().remove(0)).as_bytes());
        }
        out
    }
}
