//! Typed rows in the form the server copies in.

use std::ops::Range;

use fhir_melt::TypedBatch;
use table_description::typing::Value;

use super::encoded::{SLICE_BYTES, SLICE_ROWS};
use super::hash::Hasher;
use super::rows::{Rows, is_partial, write_binary};
use crate::schema::StoredTable;

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
    pub(super) fn add(
        &mut self,
        table: &StoredTable,
        batch: &TypedBatch,
        range: Range<usize>,
        raw_id: impl Fn(usize) -> Option<i32>,
    ) {
        let Self { rows, content, meta } = self;
        for row in range {
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
            rows.raw_ids.extend(raw_id(row));
            rows.ends.push(rows.fields.len());
            content.end_row();
            meta.end_row();
        }
    }

    pub(super) fn finish(mut self) -> Rows {
        self.rows.hashed(self.content, self.meta);
        self.rows
    }
}

impl Rows {
    /// Typed rows `range` of a batch; `raw_id` gives the raw row of each.
    pub(crate) fn of_typed(
        table: &StoredTable,
        batch: &TypedBatch,
        range: Range<usize>,
        raw_id: impl Fn(usize) -> Option<i32>,
    ) -> Self {
        let mut encoding = TypedEncoding::new(table);
        encoding.add(table, batch, range, raw_id);
        encoding.finish()
    }
}
