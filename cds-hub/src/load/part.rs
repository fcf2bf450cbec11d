//! Rows of a run on their way to the hub, which may wait on the disk between: raw rows, and the typed rows made of them.
//!
//! A typed row names its raw row by position, since raw rows have ids only when the hub has them. Everything that costs the
//! client time (text, hashes, the binary form) is done when a part is made, so that storing it is short.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fhir_crack::Batch;
use fhir_melt::TypedBatch;
use table_description::{Defect, TableDescription};

use super::rows::Rows;
use super::structure::{Structure, structures};
use super::typed_rows::{SLICE_ROWS, TypedEncoding};
use crate::schema::{Kind, StoredTable};
use crate::{Error, ErrorKind, Result};

/// Raw rows of one table.
pub struct RawPart {
    pub(super) table: Arc<TableDescription>,
    pub(super) rows: Rows,
    /// Cells whose text does not tell their values.
    pub(super) structures: Vec<Structure>,
}

/// Typed rows of one table; row `n` of a [`RawPart`], or the id `n` of a raw row, is where each came from.
pub struct TypedPart {
    pub(super) table: Arc<TableDescription>,
    pub(super) slices: Vec<Rows>,
    pub(super) defects: Vec<RowDefect>,
    /// Raw rows whose typed rows are held back.
    pub(super) held: BTreeSet<i32>,
}

/// A defect of a raw row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowDefect {
    /// Position of the raw row; `None` where no row is known.
    pub(super) row: Option<u32>,
    pub(super) column: String,
    pub(super) index: String,
    pub(super) kind: String,
}

impl RawPart {
    /// Encodes raw rows; `None` where there is no batch.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the batches are of different tables.
    pub fn new(batches: &[Batch]) -> Result<Option<Self>> {
        let Some(first) = batches.first() else {
            return Ok(None);
        };
        let table = first.table();
        if batches.iter().any(|b| b.table().name != table.name) {
            let text = "raw batches of different tables in one part";
            return Err(Error::new(ErrorKind::Input, text));
        }
        let stored = StoredTable::new(Kind::Raw, table);
        Ok(Some(Self {
            table: Arc::clone(table),
            rows: Rows::of_raw(&stored, batches),
            structures: structures(batches),
        }))
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }
}

impl TypedPart {
    /// Encodes typed rows: each batch with the position of its first raw row, or with `ids` by the ids of the raw rows.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a batch is of another table, or a typed row has no raw row among those given.
    pub fn new<'b>(
        table: &Arc<TableDescription>,
        batches: impl IntoIterator<Item = (&'b TypedBatch, RawRows<'b>)>,
    ) -> Result<Self> {
        let stored = StoredTable::new(Kind::Typed, table);
        let mut slices = Vec::new();
        let mut encoding = TypedEncoding::new(&stored);
        for (batch, raw) in batches {
            if batch.table().name != table.name {
                let text = format!(
                    "typed rows of {} among those of {}",
                    batch.table().name,
                    table.name
                );
                return Err(Error::new(ErrorKind::Input, text));
            }
            let mut from = 0;
            while from < batch.rows() {
                let room = SLICE_ROWS.saturating_sub(encoding.rows()).max(1);
                let to = batch.rows().min(from + room);
                encoding.add(&stored, batch, from..to, |row| raw.of(batch.source_row(row)))?;
                from = to;
                if encoding.is_full() {
                    let full = std::mem::replace(&mut encoding, TypedEncoding::new(&stored));
                    slices.push(full.finish());
                }
            }
        }
        if encoding.rows() > 0 {
            slices.push(encoding.finish());
        }
        Ok(Self {
            table: Arc::clone(table),
            slices,
            defects: Vec::new(),
            held: BTreeSet::new(),
        })
    }

    /// Adds the defects of a batch's rows, found by the resource's id: of several versions the last one has them.
    pub fn add_defects(&mut self, defects: &[Defect], batch: &Batch, raw: RawRows<'_>) {
        if defects.is_empty() {
            return;
        }
        let mut row_of: HashMap<&str, usize> = HashMap::new();
        if let Some(column) = batch.table().position_of_path("id") {
            row_of.extend(
                batch
                    .entries(column)
                    .map(|(row, entry)| (entry.text, row as usize)),
            );
        }
        self.defects.extend(defects.iter().map(|defect| {
            let id = defect.resource_id.as_deref();
            let row = id.and_then(|id| row_of.get(id)).and_then(|&row| raw.of(row));
            RowDefect {
                row: row.and_then(|row| u32::try_from(row).ok()),
                column: defect.column_name().to_owned(),
                index: defect.index_text(),
                kind: defect.kind.as_str().to_owned(),
            }
        }));
    }

    /// Holds back the rows whose text in a column, such as the resource's id, is among others; their raw rows wait.
    pub fn hold(&mut self, key: usize, is_held: impl Fn(&str) -> bool) {
        for slice in &self.slices {
            self.held.extend(slice.raw_rows_by(key, &is_held));
        }
    }

    /// Sets a column of text by the text of another one, such as a reference that follows from the resource's id. Only
    /// calculated columns can be set so: they are no part of what makes a row new.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the column is not calculated.
    pub fn set_by(
        &mut self,
        column: usize,
        key: usize,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        if !self.table.columns.get(column).is_some_and(|c| c.is_calculated()) {
            let text = format!("column {column} of {} is not calculated", self.table.name);
            return Err(Error::new(ErrorKind::Input, text));
        }
        self.slices
            .iter_mut()
            .for_each(|slice| slice.set_text_by(column, key, &value));
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.slices.iter().map(Rows::len).sum()
    }
}

/// The raw rows that typed ones came from.
#[derive(Clone, Copy, Debug)]
pub enum RawRows<'i> {
    /// Those of a [`RawPart`], from this position on, counted from 0.
    From(usize),
    /// Those that have these ids in the hub.
    Ids(&'i [i32]),
}

impl RawRows<'_> {
    fn of(&self, row: usize) -> Option<i32> {
        match self {
            Self::From(first) => i32::try_from(first + row).ok(),
            Self::Ids(ids) => ids.get(row).copied(),
        }
    }
}

impl std::fmt::Debug for RawPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawPart")
            .field("table", &self.table.name)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TypedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypedPart")
            .field("table", &self.table.name)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}
