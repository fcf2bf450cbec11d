use std::fmt;
use std::sync::Arc;

use table_description::typing::DefectKind;
use table_description::{Defect, TableDescription};

use crate::slots::Slots;

/// Melted rows of one table: each is a choice of one slot (one repetition) of every group of columns.
///
/// A row costs four bytes a group, whatever it shows; texts stay in the batch they were cracked into and are read
/// through [`Melted::cell`]. Rows and columns count from 0, columns are those of the table.
pub struct Melted<'a> {
    pub(crate) slots: Arc<Slots<'a>>,
    /// Slot of every group, row after row.
    pub(crate) rows: Arc<Vec<u32>>,
    /// Group that holds the column in these rows; `None` for a column they do not show.
    pub(crate) shown: Arc<[Option<usize>]>,
    /// Source rows that exceed the row limit and lie at or before the rows at hand.
    pub(crate) left_out: Vec<u32>,
    /// Whether the first row belongs to a source row whose rows began in an earlier chunk.
    pub(crate) continues: bool,
    /// In mode child the group whose repetitions the rows are, 0 for the resources; `None` in other modes.
    pub(crate) element: Option<usize>,
}

impl Melted<'_> {
    /// The table the rows belong to.
    #[must_use]
    pub fn table(&self) -> &Arc<TableDescription> {
        self.slots.table()
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len() / self.width()
    }

    /// The row of the batch this row comes from, counted from 0.
    #[must_use]
    pub fn source_row(&self, row: usize) -> usize {
        self.slot(row, 0) as usize
    }

    /// Text of a cell; `None` for NULL.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        self.slots.text(column, self.slot(row, self.shown[column]?))
    }

    /// Appends the texts of a column, row after row, and for each the end of its bytes, counted in bytes from the
    /// first text appended. NULL is an empty text; [`Melted::cell`] tells them apart. Ends beyond 32 bits wrap round.
    pub fn column_text(&self, column: usize, bytes: &mut Vec<u8>, ends: &mut Vec<u32>) {
        let start = bytes.len();
        let Some(group) = self.shown[column] else {
            ends.extend(std::iter::repeat_n(0, self.rows()));
            return;
        };
        ends.reserve(self.rows());
        let slots = self.rows.iter().skip(group).step_by(self.width());
        for &slot in slots {
            if let Some(text) = self.slots.text(column, slot) {
                bytes.extend_from_slice(text.as_bytes());
            }
            ends.push((bytes.len() - start) as u32);
        }
    }

    /// Which repetition a cell shows: one number a segment down to the innermost element that repeats, counted from 1.
    /// Empty for a column outside every repetition and for a row that shows none.
    #[must_use]
    pub fn index(&self, row: usize, column: usize) -> Vec<u32> {
        let Some(group) = self.shown[column] else {
            return Vec::new();
        };
        self.slots.index(group, self.slot(row, group))
    }

    /// Rows of the batch that are not melted because they would produce more rows than
    /// [`crate::MeltOptions::row_limit`] allows; ascending.
    #[must_use]
    pub fn left_out(&self) -> &[u32] {
        &self.left_out
    }

    /// One defect for each row of the batch that was left out.
    #[must_use]
    pub fn defects(&self) -> Vec<Defect> {
        let table = self.table();
        let id = table.position_of_path("id");
        let defect = |&source: &u32| Defect {
            table: Arc::clone(table),
            resource_id: self.slots.resource_id(id, source as usize).map(Into::into),
            column: table.columns.len(),
            index: Box::default(),
            kind: DefectKind::TooManyRows,
        };
        self.left_out.iter().map(defect).collect()
    }

    /// The source rows the rows come from.
    pub(crate) fn source_rows(&self) -> std::ops::Range<usize> {
        match self.rows() {
            0 => 0..0,
            rows => self.source_row(0)..self.source_row(rows - 1) + 1,
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.slots.nodes.len()
    }

    pub(crate) fn slot(&self, row: usize, group: usize) -> u32 {
        self.rows[row * self.width() + group]
    }
}

impl fmt::Debug for Melted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Melted")
            .field("table", &self.table().name)
            .field("rows", &self.rows())
            .field("groups", &self.width())
            .finish()
    }
}
