use std::fmt;
use std::sync::Arc;

use table_description::TableDescription;

use crate::Notation;
use crate::outline::{Outline, Outlines};
use crate::repair::Repair;
use crate::store::{Entry, READY_END, Span, Store};

/// Raw rows of one table: for every column the values found, each with its index path.
///
/// A cell is the run of a column's entries with the same row, in document order. Rows count from 0, index numbers
/// from 1. The values are spans of the page's text, which all tables cracked from it share; so a batch costs a handful
/// of allocations whatever it holds, and keeps its page in memory.
pub struct Batch {
    pub(crate) table: Arc<TableDescription>,
    pub(crate) rows: u32,
    pub(crate) store: Arc<Store>,
    /// The values of all columns, also those of other tables cracked from the same bytes.
    pub(crate) spans: Arc<Vec<Span>>,
    /// Which of them are those of a column, rows ascending.
    pub(crate) columns: Vec<Run>,
    /// Values read otherwise than they stand in the page, rows ascending.
    pub(crate) repairs: Vec<Repair>,
    /// One a row, or none at all where rows were not hashed.
    pub(crate) hashes: Vec<u128>,
    /// What was recorded of the resources, with a plan for outlines.
    pub(crate) outlines: Outlines,
}

/// The values of one column among those of all: the first, and the one behind the last.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("table", &self.table.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// A batch without rows.
    #[must_use]
    pub fn empty(table: Arc<TableDescription>) -> Self {
        let columns = vec![Run::default(); table.columns.len()];
        Self {
            table,
            rows: 0,
            store: Arc::default(),
            spans: Arc::default(),
            columns,
            repairs: Vec::new(),
            hashes: Vec::new(),
            outlines: Outlines::default(),
        }
    }

    /// The values that were read otherwise than they stand in the page, because as they stand they are no text.
    #[must_use]
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// The table the rows belong to.
    #[must_use]
    pub fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    /// The values of a column.
    fn column(&self, column: usize) -> &[Span] {
        let run = self.columns.get(column).copied().unwrap_or_default();
        self.spans
            .get(run.start as usize..run.end as usize)
            .unwrap_or_default()
    }

    /// How many rows the batch has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The values of one cell in document order; none for a NULL cell, or where there is no such row or column.
    ///
    /// This searches the column; whoever walks all rows uses [`Batch::entries`] or [`Batch::cursor`].
    pub fn cell(&self, row: usize, column: usize) -> impl ExactSizeIterator<Item = Entry<'_>> {
        let spans = self.column(column);
        let first = spans.partition_point(|s| (s.row as usize) < row);
        let rest = spans.get(first..).unwrap_or_default();
        let count = rest.iter().take_while(|s| s.row as usize == row).count();
        rest.get(..count)
            .unwrap_or_default()
            .iter()
            .map(|s| self.store.entry(s))
    }

    /// All values of one column with their row (counted from 0), rows ascending, within a row in document order.
    pub fn entries(&self, column: usize) -> impl ExactSizeIterator<Item = (u32, Entry<'_>)> {
        self.column(column).iter().map(|s| (s.row, self.store.entry(s)))
    }

    /// The texts of one column in the order of [`Batch::entries`].
    pub fn texts(&self, column: usize) -> impl ExactSizeIterator<Item = &str> {
        self.column(column).iter().map(|span| self.store.text_of(span))
    }

    /// The rows (counted from 0) of the values of one column, in the order of [`Batch::entries`].
    pub fn value_rows(&self, column: usize) -> impl ExactSizeIterator<Item = u32> {
        self.column(column).iter().map(|span| span.row)
    }

    /// The numbers that the values of one column have at a segment of their index paths (counted from 1), in the order of
    /// [`Batch::entries`]; 1 where a path does not go so far. No value is looked at for this.
    pub fn numbers(&self, column: usize, segment: usize) -> impl ExactSizeIterator<Item = u32> {
        let (mut last, mut number) = (0, 1);
        self.column(column).iter().map(move |span| {
            if span.index != last {
                last = span.index;
                number = match last < READY_END {
                    true => 1,
                    false => self.number_at(last, segment),
                };
            }
            number
        })
    }

    #[inline]
    fn number_at(&self, position: u32, segment: usize) -> u32 {
        let path = self.store.numbers_at(position);
        let number = segment.checked_sub(1).and_then(|at| path.get(at));
        number.copied().unwrap_or(1)
    }

    /// The segments of a column's path at which any value has another number than 1, one bit each, the lowest for the
    /// first; segments behind the 64th are not looked at.
    #[must_use]
    pub fn repeating(&self, column: usize) -> u64 {
        let mut last = 0;
        let others = self.column(column).iter().filter(|span| {
            let new = span.index != last && span.index >= READY_END;
            last = span.index;
            new
        });
        others.fold(0, |bits, span| {
            let path = self.store.numbers_at(span.index).iter().take(64).enumerate();
            path.fold(bits, |bits, (at, &number)| bits | u64::from(number != 1) << at)
        })
    }

    /// Where the values of a column begin, comparable among the columns of values of the same resource.
    pub(crate) fn starts(&self, column: usize) -> impl Iterator<Item = u32> {
        self.column(column).iter().map(|span| span.start)
    }

    /// A reader of the rows in order, for writers: no search a cell.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            batch: self,
            next: vec![0; self.columns.len()],
            row: None,
        }
    }

    /// What was recorded of a resource, with a plan made by an [`OutlinePlan`](crate::outline::OutlinePlan). Rows count
    /// from 0.
    #[must_use]
    pub fn outline(&self, row: usize) -> Option<Outline<'_>> {
        self.outlines.get(row, &self.store)
    }

    /// Appends the cell as text in this notation. `false`, and nothing appended, for a NULL cell.
    pub fn write_cell(&self, row: usize, column: usize, notation: &Notation, out: &mut Vec<u8>) -> bool {
        notation.write(self.cell(row, column), out)
    }

    /// Keeps only the rows for which `keep` is true, in their order.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut renumbered = Vec::with_capacity(keep.len());
        let mut rows = 0;
        for &k in keep {
            renumbered.push(rows);
            rows += u32::from(k);
        }
        let mut spans = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in 0..self.columns.len() {
            let start = spans.len() as u32;
            spans.extend(self.column(column).iter().filter_map(|span| {
                let row = span.row as usize;
                let kept = keep.get(row).copied().unwrap_or_default();
                kept.then(|| Span {
                    row: renumbered.get(row).copied().unwrap_or_default(),
                    ..*span
                })
            }));
            columns.push(Run {
                start,
                end: spans.len() as u32,
            });
        }
        self.spans = Arc::new(spans);
        self.columns = columns;
        self.repairs.retain_mut(|repair| {
            let row = repair.row as usize;
            repair.row = renumbered.get(row).copied().unwrap_or_default();
            keep.get(row).copied().unwrap_or_default()
        });
        let mut kept = keep.iter();
        self.hashes.retain(|_| kept.next().copied().unwrap_or_default());
        self.outlines.retain(keep);
        self.rows = rows;
    }
}

/// Reads a [`Batch`] row by row.
pub struct Cursor<'a> {
    batch: &'a Batch,
    next: Vec<u32>,
    row: Option<u32>,
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl<'a> Cursor<'a> {
    /// Goes to the next row, the first at the first call; `false` behind the last one.
    pub fn advance(&mut self) -> bool {
        let row = self.row.map_or(0, |r| r + 1);
        self.row = Some(row.min(self.batch.rows));
        row < self.batch.rows
    }

    /// The values of a cell of this row. Each cell can be read once a row, in any order of columns.
    pub fn cell(&mut self, column: usize) -> impl ExactSizeIterator<Item = Entry<'a>> + use<'a> {
        let batch = self.batch;
        let row = self.row.unwrap_or_default();
        let spans = batch.column(column);
        let mut first = self.next.get(column).map_or(0, |&n| n as usize);
        while spans.get(first).is_some_and(|s| s.row < row) {
            first += 1;
        }
        let count = spans
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(|s| s.row == row)
            .count();
        if let Some(next) = self.next.get_mut(column) {
            *next = (first + count) as u32;
        }
        let cell = spans.get(first..first + count).unwrap_or_default();
        cell.iter().map(move |s| batch.store.entry(s))
    }
}
