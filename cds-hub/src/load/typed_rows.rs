//! Typed rows in the form the server copies in.

use std::ops::Range;

use fhir_melt::TypedBatch;
use table_description::typing::Value;

use super::hash::Hasher;
use super::rows::{Rows, is_partial, write_binary};
use crate::schema::StoredTable;
use crate::{Error, ErrorKind, Result};

/// Rows of one statement; bounds what the server holds at a time.
pub(super) const SLICE_ROWS: usize = 10_000;
/// Bytes of one statement.
const SLICE_BYTES: usize = 32 << 20;

/// Typed rows that are being encoded, from one or more batches.
pub(super) struct TypedEncoding {
    rows: Rows,
    content: Hasher,
    meta: Hasher,
}

impl TypedEncoding {
    pub(super) fn new(table: &StoredTable) -> Self {
        Self {
            rows: Rows::new(table),
            content: Hasher::default(),
            meta: Hasher::default(),
        }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are enough rows for one statement.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= SLICE_ROWS || self.rows.fields.len() >= SLICE_BYTES
    }

    /// Adds rows of a batch; `raw_id` gives the raw row of each.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a row has none.
    pub(super) fn add(
        &mut self,
        table: &StoredTable,
        batch: &TypedBatch,
        range: Range<usize>,
        raw_id: impl Fn(usize) -> Option<i32>,
    ) -> Result<()> {
        let Self { rows, content, meta } = self;
        for row in range {
            let Some(raw) = raw_id(row) else {
                let text = format!("a typed row of {} without raw row", batch.table().name);
                return Err(Error::new(ErrorKind::Input, text));
            };
            for (position, column) in table.columns.iter().enumerate() {
                // An empty text is stored as NULL, as foreign writers do it.
                let value = batch
                    .value(row, position)
                    .filter(|v| !matches!(v, Value::Text("")));
                let start = rows.begin_field();
                let some = value.as_ref().is_some_and(|v| write_binary(v, &mut rows.fields));
                rows.end_field(start, some);
                if column.hashed && column.added {
                    content.added_value(&column.name, column.fhir_type, value.as_ref());
                } else if column.hashed {
                    content.value(column.fhir_type, value.as_ref());
                } else if column.meta {
                    meta.value(column.fhir_type, value.as_ref());
                }
                if let Some(precision) = batch
                    .precision(row, position)
                    .filter(|p| is_partial(column.fhir_type, *p))
                {
                    rows.precisions.push((rows.ends.len(), position, precision));
                }
            }
            rows.raw_ids.push(raw);
            rows.ends.push(rows.fields.len());
            content.end_row();
            meta.end_row();
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Rows {
        self.rows.hashed(self.content, self.meta);
        self.rows
    }
}
