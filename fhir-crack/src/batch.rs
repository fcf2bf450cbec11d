use std::fmt;
use std::sync::Arc;

use table_description::TableDescription;

/// Raw rows of one table: for every column the values found, each with its index path.
///
/// The text of all values lies in one buffer and all index numbers in one vector, so a batch costs a handful of
/// allocations whatever it holds. A cell is the run of a column's entries with the same row, in document order.
/// Rows count from 0, index numbers from 1.
pub struct Batch {
    table: Arc<TableDescription>,
    rows: u32,
    text: Vec<u8>,
    numbers: Vec<u32>,
    columns: Vec<Vec<RawEntry>>,
}

#[derive(Clone, Copy)]
struct RawEntry {
    row: u32,
    start: u32,
    len: u32,
    numbers: u32,
    depth: u8,
}

/// One value of a cell: its text and which repetition it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Index path, one number per path segment counted from 1; empty for a value without an index.
    pub index: &'a [u32],
    /// The value as it stood in the resource.
    pub text: &'a str,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("index", &self.index).field("bytes", &self.text.len()).finish()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("table", &self.table.name)
            .field("rows", &self.rows)
            .field("text_bytes", &self.text.len())
            .finish()
    }
}

impl Batch {
    /// The table the rows belong to.
    #[must_use]
    pub fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    /// How many rows the batch has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The values of one cell in document order; none for a NULL cell.
    pub fn cell(&self, row: usize, column: usize) -> impl ExactSizeIterator<Item = Entry<'_>> {
        let entries = &self.columns[column];
        let row = row as u32;
        let first = entries.partition_point(|e| e.row < row);
        let count = entries[first..].iter().take_while(|e| e.row == row).count();
        entries[first..first + count].iter().map(|e| self.entry(e))
    }

    /// All values of one column with their row (counted from 0), rows ascending, within a row in document order.
    pub fn entries(&self, column: usize) -> impl ExactSizeIterator<Item = (u32, Entry<'_>)> {
        self.columns[column].iter().map(|e| (e.row, self.entry(e)))
    }

    fn entry(&self, e: &RawEntry) -> Entry<'_> {
        let bytes = &self.text[e.start as usize..(e.start + e.len) as usize];
        Entry {
            index: &self.numbers[e.numbers as usize..e.numbers as usize + e.depth as usize],
            text: std::str::from_utf8(bytes).unwrap_or_default(),
        }
    }
}

/// Builds a [`Batch`] row by row.
pub struct BatchBuilder {
    batch: Batch,
}

impl BatchBuilder {
    /// An empty batch for this table.
    #[must_use]
    pub fn new(table: Arc<TableDescription>) -> Self {
        let columns = vec![Vec::new(); table.columns.len()];
        Self { batch: Batch { table, rows: 0, text: Vec::new(), numbers: Vec::new(), columns } }
    }

    /// Starts the next row; values pushed from now on belong to it.
    pub fn begin_row(&mut self) {
        self.batch.rows += 1;
    }

    /// Adds a value to the current row. An empty `index` is a value without one.
    pub fn push(&mut self, column: usize, index: &[u32], text: &str) {
        let batch = &mut self.batch;
        let entry = RawEntry {
            row: batch.rows.saturating_sub(1),
            start: batch.text.len() as u32,
            len: text.len() as u32,
            numbers: batch.numbers.len() as u32,
            depth: index.len() as u8,
        };
        batch.text.extend_from_slice(text.as_bytes());
        batch.numbers.extend_from_slice(index);
        batch.columns[column].push(entry);
    }

    /// The finished batch.
    #[must_use]
    pub fn finish(self) -> Batch {
        self.batch
    }
}
