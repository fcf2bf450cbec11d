use std::collections::BTreeSet;

use crate::api::Refusal;

/// One row of a form as the frontend has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Id of the record.
    pub record: String,
    /// Which repetition of the form, counted from 1; `None` where the form does not repeat.
    pub instance: Option<u32>,
    /// Unique name of the record's group; empty for none.
    pub group: String,
    /// The frontend's text of each column of the form's table, in its order; `None` where the project has no such field.
    pub cells: Vec<Option<String>>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row")
            .field("record", &self.record)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl Row {
    /// A cell; empty where there is none.
    #[must_use]
    pub fn cell(&self, column: usize) -> &str {
        self.cells
            .get(column)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Whether every cell is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.iter().flatten().all(|cell| cell.trim().is_empty())
    }
}

/// What was read of some records.
#[derive(Debug, Default)]
pub struct Read {
    /// Rows of each form, in the order of the shapes asked for.
    pub forms: Vec<Vec<Row>>,
    /// Records that had at least one row in the answer.
    pub seen: BTreeSet<String>,
    /// Rows of forms nobody asked for, or whose instance is no number.
    pub strange: usize,
}

/// Cells to write of one row: the column's position in the form's table, and the frontend's text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Write {
    /// Id of the record.
    pub record: String,
    /// Which repetition of the form.
    pub instance: Option<u32>,
    /// Position and text of each cell.
    pub cells: Vec<(usize, String)>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("record", &self.record)
            .field("instance", &self.instance)
            .field("cells", &self.cells.len())
            .finish()
    }
}

/// What became of rows that were written.
#[derive(Debug, Default)]
pub struct Written {
    /// Rows that are stored.
    pub rows: usize,
    /// Rows that were refused.
    pub refused: Vec<Refusal>,
    /// Times the server counted fewer records than were sent, and all were found to be there.
    pub recounted: usize,
}

impl Written {
    /// Adds another result.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.refused.extend(other.refused);
        self.recounted += other.recounted;
    }
}
