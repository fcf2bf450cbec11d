use std::fmt;
use std::sync::Arc;

use table_description::TableDescription;

use crate::batch::{Batch, Run};
use crate::notation::{Notation, path_depth};
use crate::store::{Span, Store};

/// Builds a [`Batch`] row by row from values that come from elsewhere than a page: a raw table, a list of wards.
pub struct BatchBuilder {
    table: Arc<TableDescription>,
    depths: Vec<usize>,
    rows: u32,
    store: Store,
    columns: Vec<Vec<Span>>,
    last_index: u32,
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("table", &self.table.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl BatchBuilder {
    /// An empty batch for this table.
    #[must_use]
    pub fn new(table: Arc<TableDescription>) -> Self {
        let columns = vec![Vec::new(); table.columns.len()];
        let indexed = table.resource.is_some();
        let depths = table
            .columns
            .iter()
            .map(|c| if indexed { path_depth(c.path().as_str()) } else { 0 })
            .collect();
        Self {
            table,
            depths,
            rows: 0,
            store: Store::default(),
            columns,
            last_index: 0,
        }
    }

    /// Starts the next row; values pushed from now on belong to it.
    pub fn begin_row(&mut self) {
        self.rows += 1;
    }

    /// Adds a value to the current row. An empty `index` is a value without one. Columns count from 0; a value for a
    /// column the table does not have is not kept.
    pub fn push(&mut self, column: usize, index: &[u32], text: &str) {
        let index = self.store.index(index, &mut self.last_index);
        let start = self.store.keep(text);
        let row = self.rows.saturating_sub(1);
        if let Some(column) = self.columns.get_mut(column) {
            column.push(Span {
                row,
                start,
                len: text.len() as u32,
                index,
            });
        }
    }

    /// Adds all values of a cell that stands in the default [`Notation`]. Text without an index at its start is one
    /// value without an index, so nothing a raw table holds is lost.
    pub fn push_cell(&mut self, column: usize, raw_text: &str) {
        self.push_cell_in(column, raw_text, &Notation::default());
    }

    /// The same for a cell in any notation.
    pub fn push_cell_in(&mut self, column: usize, raw_text: &str, notation: &Notation) {
        let depth = self.depths.get(column).copied().unwrap_or_default();
        let mut index = Vec::new();
        for value in notation.parse(raw_text, depth) {
            index.clear();
            index.extend(value.numbers());
            self.push(column, &index, value.text);
        }
    }

    /// The finished batch.
    #[must_use]
    pub fn finish(self) -> Batch {
        let mut spans = Vec::with_capacity(self.columns.iter().map(Vec::len).sum());
        let columns = self.columns.into_iter().map(|column| {
            let start = spans.len() as u32;
            spans.extend(column);
            let end = spans.len() as u32;
            Run { start, end }
        });
        Batch {
            table: self.table,
            rows: self.rows,
            store: Arc::new(self.store),
            columns: columns.collect(),
            spans: Arc::new(spans),
            repairs: Vec::new(),
            hashes: Vec::new(),
            outlines: Default::default(),
        }
    }
}
