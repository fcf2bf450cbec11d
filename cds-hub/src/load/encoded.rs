use std::fmt;
use std::sync::Arc;

use fhir_crack::Batch;
use fhir_melt::TypedBatch;
use table_description::TableDescription;

use super::raw_rows::RawWalk;
use super::rows::Rows;
use crate::schema::{Kind, StoredTable};
use crate::{Error, ErrorKind, Result};

/// Rows encoded and asked for at a time; bounds the memory of an import.
pub(super) const SLICE_ROWS: usize = 10_000;
/// Bytes encoded at a time.
pub(super) const SLICE_BYTES: usize = 32 << 20;

/// Rows of one table, hashed and in the form the server copies in; [`super::Import::store`] stores them.
///
/// Making it is the client's part of an import. It needs no connection, so it can be done on another thread while other
/// rows are stored.
pub struct Encoded {
    pub(super) kind: Kind,
    pub(super) table: Arc<TableDescription>,
    pub(super) slices: Vec<Rows>,
    /// The raw rows that typed ones were made from, those without typed rows too.
    pub(super) raw_ids: Vec<i32>,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded")
            .field("table", &self.table.name)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

impl Encoded {
    /// Encodes raw rows; `None` where there is no batch.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the batches are of different tables.
    pub fn raw(batches: &[Batch]) -> Result<Option<Self>> {
        let Some(table) = of_one_table(batches)? else {
            return Ok(None);
        };
        let stored = StoredTable::new(Kind::Raw, table);
        let mut walk = RawWalk::new(batches);
        let mut slices = Vec::new();
        loop {
            let rows = Rows::of_raw(&stored, &mut walk, SLICE_ROWS, SLICE_BYTES);
            if rows.len() == 0 {
                break;
            }
            slices.push(rows);
        }
        Ok(Some(Self {
            kind: Kind::Raw,
            table: Arc::clone(table),
            slices,
            raw_ids: Vec::new(),
        }))
    }

    /// Encodes typed rows; `raw_ids` are the ids of the raw rows they were melted from, by [`TypedBatch::source_row`].
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a typed row has no raw row.
    pub fn typed(batch: &TypedBatch, raw_ids: &[i32]) -> Result<Self> {
        have_raw_rows(batch, raw_ids)?;
        let stored = StoredTable::new(Kind::Typed, batch.table());
        let starts = (0..batch.rows()).step_by(SLICE_ROWS);
        let slices = starts.map(|from| {
            let to = batch.rows().min(from + SLICE_ROWS);
            Rows::of_typed(&stored, batch, from..to, |row| {
                raw_ids.get(batch.source_row(row)).copied()
            })
        });
        Ok(Self {
            kind: Kind::Typed,
            table: Arc::clone(batch.table()),
            slices: slices.collect(),
            raw_ids: raw_ids.to_vec(),
        })
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.slices.iter().map(Rows::len).sum()
    }
}

/// The table of all batches; `None` without a batch.
pub(super) fn of_one_table(batches: &[Batch]) -> Result<Option<&Arc<TableDescription>>> {
    let Some(first) = batches.first() else {
        return Ok(None);
    };
    if batches.iter().any(|b| b.table().name != first.table().name) {
        return Err(Error::new(
            ErrorKind::Input,
            "raw batches of different tables in one call",
        ));
    }
    Ok(Some(first.table()))
}

/// Refuses typed rows whose raw row is not among those given.
pub(super) fn have_raw_rows(batch: &TypedBatch, raw_ids: &[i32]) -> Result<()> {
    if (0..batch.rows()).any(|row| batch.source_row(row) >= raw_ids.len()) {
        return Err(Error::new(
            ErrorKind::Input,
            format!("a typed row of {} without raw row", batch.table().name),
        ));
    }
    Ok(())
}
