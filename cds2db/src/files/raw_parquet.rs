use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use fhir_crack::{Batch, Notation, TextTable};
use polars::prelude::{Column, DataFrame, PlSmallStr, PolarsResult};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::{BatchedWriter, ParquetWriter};

/// Writes raw tables as Parquet, one row group for some batches.
pub(super) struct RawParquet {
    file: Option<BufWriter<File>>,
    writer: Option<BatchedWriter<BufWriter<File>>>,
    waiting: Option<DataFrame>,
    notation: Notation,
}

/// Rows of a row group, about.
const GROUP_ROWS: usize = 50_000;

impl RawParquet {
    pub(super) fn create(path: &Path, notation: &Notation) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Self {
            file: Some(file),
            writer: None,
            waiting: None,
            notation: notation.clone(),
        })
    }

    pub(super) fn write(&mut self, batch: &Batch) -> PolarsResult<()> {
        let frame = frame(batch, &self.notation)?;
        match &mut self.waiting {
            Some(waiting) => {
                waiting.vstack_mut(&frame)?;
            }
            None => self.waiting = Some(frame),
        }
        if self.waiting.as_ref().is_some_and(|w| w.height() >= GROUP_ROWS) {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> PolarsResult<()> {
        let Some(mut waiting) = self.waiting.take() else {
            return Ok(());
        };
        waiting.rechunk_mut();
        if let Some(file) = self.file.take() {
            self.writer = Some(ParquetWriter::new(file).batched(waiting.schema())?);
        }
        self.writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.write_batch(&waiting))
    }

    /// Completes the file; a table without rows keeps its columns. `empty` is a batch of the table.
    pub(super) fn finish(mut self, empty: &Batch) -> PolarsResult<()> {
        if self.writer.is_none() && self.waiting.is_none() {
            self.waiting = Some(frame(empty, &self.notation)?);
        }
        self.flush()?;
        self.writer.map_or(Ok(()), |writer| writer.finish().map(drop))
    }
}

/// Writes a table as a Parquet file.
pub(super) fn write(path: &Path, table: &TextTable) -> PolarsResult<()> {
    let cells = |column: usize| {
        table
            .rows
            .iter()
            .map(move |row| row.get(column).and_then(Option::as_deref))
    };
    let columns = table.names.iter().enumerate().map(|(column, name)| {
        let cells: Vec<Option<&str>> = cells(column).collect();
        Column::new(PlSmallStr::from_str(name), cells)
    });
    let mut frame = DataFrame::new(table.rows.len(), columns.collect())?;
    let file = BufWriter::new(File::create(path)?);
    ParquetWriter::new(file).finish(&mut frame).map(drop)
}

/// Rows of a Parquet file as (column names, columns of text).
pub(super) fn read(path: &Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}

fn frame(batch: &Batch, notation: &Notation) -> PolarsResult<DataFrame> {
    let column = |(column, description): (usize, &table_description::Column)| {
        let mut cells = Vec::with_capacity(batch.rows());
        let mut text = Vec::new();
        for row in 0..batch.rows() {
            text.clear();
            let some = batch.write_cell(row, column, notation, &mut text);
            cells.push(some.then(|| String::from_utf8_lossy(&text).into_owned()));
        }
        Column::new(PlSmallStr::from_str(&description.name), cells)
    };
    DataFrame::new(
        batch.rows(),
        batch.table().columns.iter().enumerate().map(column).collect(),
    )
}
