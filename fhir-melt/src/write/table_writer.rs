use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use table_description::TableDescription;
use table_description::typing::Zone;

use super::csv::{self, Csv};
use super::format::Format;
use super::grid::Grid;
use super::ndjson::{self, NdJson};
#[cfg(feature = "polars")]
use super::parquet::Parquet;
use super::row_text::RowWriter;
use crate::error::{Error, ErrorKind};
use crate::{Melted, TypedBatch};

/// Writes melted rows of one table to one output.
///
/// A child table ([`Melted::children`]) is led by its keys: the id of the resource (or, in a table without `id`, the
/// number of the source row counted from 1 over all rows written) and the path of the repetition such as `1.2`.
pub struct TableWriter {
    table: Arc<TableDescription>,
    encoder: Encoder,
    rows: RowWriter,
    sink: Box<dyn Write + Send>,
    /// Column whose text is the resource's key in a child table.
    id: Option<usize>,
    started: bool,
    written: u64,
    /// Whether a column behind each date says how much of it was given.
    precise: bool,
}

enum Encoder {
    Csv,
    NdJson(NdJson),
    #[cfg(feature = "polars")]
    Parquet(Box<Parquet>),
}

/// Name of the column with the path of a repetition.
pub(crate) const PATH: &str = "index_path";
/// Name of the resource's key where the table has no `id`.
pub(crate) const ROW: &str = "source_row";

impl TableWriter {
    /// A writer of this table's rows. Nothing is written until the first rows or [`TableWriter::finish`].
    #[must_use]
    pub fn new(table: &Arc<TableDescription>, format: Format, sink: Box<dyn Write + Send>) -> Self {
        let encoder = match format {
            Format::Csv => Encoder::Csv,
            Format::NdJson => Encoder::NdJson(NdJson::new(table.columns.iter().map(|c| c.name.as_str()))),
            #[cfg(feature = "polars")]
            Format::Parquet => Encoder::Parquet(Box::default()),
        };
        Self {
            table: Arc::clone(table),
            encoder,
            rows: RowWriter::default(),
            sink,
            id: table.position_of_path("id"),
            started: false,
            written: 0,
            precise: false,
        }
    }

    /// The same writer, which writes `<column>_precision` behind each column of dates or date-times when it types: `year`,
    /// `month`, `day`, `minute` or `second`, as much as was given.
    #[must_use]
    pub fn precise(mut self) -> Self {
        self.precise = true;
        self
    }

    /// Writes rows as text. `first_source` is the number of source rows before the batch they come from.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write(&mut self, melted: &Melted<'_>, first_source: u64) -> Result<(), Error> {
        self.grid(Grid::Text(melted), first_source)
    }

    /// Types the rows and writes the values; the defects are handed back.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write_typed(
        &mut self,
        melted: &Melted<'_>,
        first_source: u64,
        zone: &Zone,
    ) -> Result<Vec<table_description::Defect>, Error> {
        let (typed, defects): (TypedBatch, _) = melted.typed(zone);
        let grid = match self.precise {
            true => Grid::Precise(melted, &typed),
            false => Grid::Typed(melted, &typed),
        };
        self.grid(grid, first_source)?;
        Ok(defects)
    }

    /// Keeps rows from now on, without header, to be taken with [`TableWriter::take`].
    pub(crate) fn keep(&mut self) {
        self.started = true;
        self.written = 0;
        self.rows.full = usize::MAX;
        self.rows.out.clear();
    }

    /// Takes the rows that were kept, and how many they are.
    pub(crate) fn take(&mut self) -> (Vec<u8>, u64) {
        (self.rows.take(), std::mem::take(&mut self.written))
    }

    /// Writes rows that another writer of the same table and format kept.
    pub(crate) fn append(&mut self, text: &[u8], rows: u64) -> Result<(), Error> {
        self.start()?;
        self.written += rows;
        let before = self.rows.take();
        self.sink
            .write_all(&before)
            .and_then(|()| self.sink.write_all(text))
            .map_err(failed)
    }

    /// Writes the header, if there is to be one and nothing is written yet.
    fn start(&mut self) -> Result<(), Error> {
        if self.started {
            return Ok(());
        }
        let empty = fhir_crack::Batch::empty(Arc::clone(&self.table));
        let melted = crate::melt(&empty, &crate::MeltOptions::default());
        self.grid(Grid::Text(&melted), 0)
    }

    /// Rows written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what is left; a table without rows gets its header.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.start()?;
        #[cfg(feature = "polars")]
        if let Encoder::Parquet(parquet) = &mut self.encoder {
            parquet.finish(&mut *self.sink)?;
        }
        let rest = std::mem::take(&mut self.rows.out);
        self.sink
            .write_all(&rest)
            .and_then(|()| self.sink.flush())
            .map_err(failed)?;
        Ok(self.written)
    }

    fn grid(&mut self, grid: Grid<'_>, first_source: u64) -> Result<(), Error> {
        let melted = grid.melted();
        if !std::mem::replace(&mut self.started, true) {
            self.header(melted);
        }
        self.written += melted.rows() as u64;
        let id = self.id;
        let sink = &mut self.sink;
        let full = |bytes: &[u8]| sink.write_all(bytes).map_err(failed);
        let child = melted.element().is_some();
        match &mut self.encoder {
            Encoder::Csv => {
                let keys = |row, out: &mut Vec<u8>| {
                    if child {
                        match key(melted, id, row) {
                            Some(id) => csv::write_text(id, out),
                            None => number(first_source, melted, row, out),
                        }
                        out.push(b',');
                        path(melted, row, out);
                    }
                    child
                };
                self.rows.write(&Csv, grid, keys, full)
            }
            Encoder::NdJson(text) => {
                let name = id.map_or(ROW, |id| self.table.columns[id].name.as_str());
                let keys = |row, out: &mut Vec<u8>| {
                    if child {
                        ndjson::write_text(name, out);
                        out.push(b':');
                        match key(melted, id, row) {
                            Some(id) => ndjson::write_text(id, out),
                            None => number(first_source, melted, row, out),
                        }
                        out.extend_from_slice(format!(",\"{PATH}\":\"").as_bytes());
                        path(melted, row, out);
                        out.push(b'"');
                    }
                    child
                };
                self.rows.write(&*text, grid, keys, full)
            }
            #[cfg(feature = "polars")]
            Encoder::Parquet(parquet) => parquet.write(grid, id, first_source, &mut *self.sink),
        }
    }

    fn header(&mut self, melted: &Melted<'_>) {
        let Encoder::Csv = self.encoder else { return };
        let mut names = Vec::new();
        if melted.element().is_some() {
            names.push(self.id.map_or(ROW, |id| self.table.columns[id].name.as_str()));
            names.push(PATH);
        }
        let shown = self
            .table
            .columns
            .iter()
            .enumerate()
            .filter(|(column, _)| melted.shows(*column));
        let mut names: Vec<Cow<'_, str>> = names.into_iter().map(Cow::Borrowed).collect();
        for (_, column) in shown {
            names.push(Cow::Borrowed(&column.name));
            names.extend(column.precision_name().filter(|_| self.precise).map(Cow::Owned));
        }
        csv::write_line(names.iter().map(|name| Some(name.as_bytes())), &mut self.rows.out);
    }
}

/// Id of the resource a row belongs to.
pub(super) fn key<'m>(melted: &'m Melted<'_>, id: Option<usize>, row: usize) -> Option<&'m str> {
    melted.slots.resource_id(id, melted.source_row(row))
}

fn number(first_source: u64, melted: &Melted<'_>, row: usize, out: &mut Vec<u8>) {
    let number = first_source + melted.source_row(row) as u64 + 1;
    out.extend_from_slice(number.to_string().as_bytes());
}

pub(super) fn path(melted: &Melted<'_>, row: usize, out: &mut Vec<u8>) {
    for (at, number) in melted.path(row).into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Write, error)
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("table", &self.table.name)
            .field("written", &self.written)
            .finish()
    }
}
