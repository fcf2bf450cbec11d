use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use table_description::TableDescription;

use super::texts::MOST_BYTES;
use super::{Pages, Profile, Texts, field, schema};
use crate::error::{Error, ErrorKind};
use crate::{Batch, Notation};

/// Bytes an index number takes in a cell, at most, its separator included.
const NUMBER: usize = 11;

/// The schema of a table's raw rows: text in every column.
#[must_use]
pub fn raw_schema(table: &TableDescription, profile: Profile) -> Schema {
    let fields: Vec<Field> = table.columns.iter().map(|c| field(c, profile.text())).collect();
    schema(table, fields)
}

impl Batch {
    /// The rows as record batches: a column of text for every column, cells in this notation, NULL where there is no
    /// value. More than one batch only where the texts would be too long for one.
    ///
    /// # Errors
    /// [`ErrorKind::Frame`] if Arrow refuses the columns.
    pub fn to_record_batches(
        &self,
        schema: &SchemaRef,
        notation: &Notation,
        profile: Profile,
    ) -> Result<Vec<RecordBatch>, Error> {
        // Without brackets a single value stands in its cell as it does in the page.
        let pages = if notation.indexed { None } else { Pages::of(self) };
        let mut batches = Vec::new();
        let mut first = 0;
        for end in self.cuts(notation) {
            batches.push(self.raw_rows(&(first..end), schema, notation, profile, pages.as_ref())?);
            first = end;
        }
        Ok(batches)
    }

    /// Single rows, counted from 0, as a record batch, such as those that are not to be melted.
    ///
    /// # Errors
    /// As [`Batch::to_record_batches`].
    pub fn to_record_batch_of(
        &self,
        rows: &[u32],
        schema: &SchemaRef,
        notation: &Notation,
        profile: Profile,
    ) -> Result<RecordBatch, Error> {
        let rows = rows.iter().map(|&row| row as usize);
        self.raw_rows(&rows, schema, notation, profile, None)
    }

    fn raw_rows(
        &self,
        rows: &(impl ExactSizeIterator<Item = usize> + Clone),
        schema: &SchemaRef,
        notation: &Notation,
        profile: Profile,
        pages: Option<&Pages>,
    ) -> Result<RecordBatch, Error> {
        let columns: Vec<ArrayRef> = (0..self.table().columns.len())
            .map(|column| self.text_array(column, rows.clone(), notation, profile, pages))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
            .map_err(|error| Error::new(ErrorKind::Frame).because(error))
    }

    fn text_array(
        &self,
        column: usize,
        rows: impl ExactSizeIterator<Item = usize>,
        notation: &Notation,
        profile: Profile,
        pages: Option<&Pages>,
    ) -> ArrayRef {
        let mut texts = Texts::new(profile, rows.len(), pages);
        let mut cell = Vec::new();
        for row in rows {
            let mut entries = self.cell(row, column);
            if entries.len() == 0 {
                texts.push(None);
            } else if entries.len() == 1 && !notation.indexed {
                texts.push(entries.next().map(|entry| entry.text));
            } else {
                cell.clear();
                notation.write(entries, &mut cell);
                texts.push(Some(&String::from_utf8_lossy(&cell)));
            }
        }
        texts.finish()
    }

    /// Where the rows are cut so that no column is too long for one array: the ends of the pieces.
    fn cuts(&self, notation: &Notation) -> Vec<usize> {
        let rows = self.rows();
        let entry = notation.separator.len() + 2 * NUMBER + 16;
        let path = crate::Limits::PATH_SEGMENTS * NUMBER;
        let most = self.store.text.len() + self.store.arena.len() + self.spans.len() * (entry + path);
        if most < MOST_BYTES {
            return vec![rows];
        }
        let mut bytes = vec![0; rows];
        for column in 0..self.table().columns.len() {
            for (row, found) in self.entries(column) {
                if let Some(bytes) = bytes.get_mut(row as usize) {
                    *bytes += found.text.len() + entry + found.index.len() * NUMBER;
                }
            }
        }
        let (mut cuts, mut sum) = (Vec::new(), 0);
        for (row, bytes) in bytes.into_iter().enumerate() {
            if sum > 0 && sum + bytes >= MOST_BYTES {
                cuts.push(row);
                sum = 0;
            }
            sum += bytes;
        }
        cuts.push(rows);
        cuts
    }
}
