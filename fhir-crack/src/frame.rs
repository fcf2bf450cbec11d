//! Batches as polars data frames, and so as Arrow and Parquet.

use std::io::Write;

use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};
use polars_io::SerWriter;
use polars_io::ipc::IpcWriter;
use polars_io::parquet::write::ParquetWriter;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind};
use crate::notation::Notation;

impl Batch {
    /// The rows as a data frame: a column of text for every column, cells in this notation, NULL where there is no value.
    ///
    /// # Errors
    /// [`ErrorKind::Frame`] if two columns have the same name.
    pub fn to_frame(&self, notation: &Notation) -> Result<DataFrame, Error> {
        let columns = self.table().columns.iter().enumerate();
        let columns = columns
            .map(|(number, column)| self.text_column(number, &column.name, notation))
            .collect();
        DataFrame::new(self.rows(), columns).map_err(|e| Error::new(ErrorKind::Frame).because(e))
    }

    fn text_column(&self, number: usize, name: &str, notation: &Notation) -> Column {
        let mut cell = Vec::new();
        let cells: Vec<Option<String>> = (0..self.rows())
            .map(|row| {
                cell.clear();
                let any = self.write_cell(row, number, notation, &mut cell);
                any.then(|| String::from_utf8_lossy(&cell).into_owned())
            })
            .collect();
        Series::new(name.into(), cells).into_column()
    }
}

/// Writes a data frame as Parquet.
///
/// # Errors
/// [`ErrorKind::Frame`] with what the writer says.
pub fn write_parquet(frame: &mut DataFrame, out: impl Write) -> Result<(), Error> {
    ParquetWriter::new(out)
        .finish(frame)
        .map(drop)
        .map_err(|e| Error::new(ErrorKind::Frame).because(e))
}

/// Writes a data frame as an Arrow IPC file.
///
/// # Errors
/// [`ErrorKind::Frame`] with what the writer says.
pub fn write_arrow(frame: &mut DataFrame, out: impl Write) -> Result<(), Error> {
    IpcWriter::new(out)
        .finish(frame)
        .map_err(|e| Error::new(ErrorKind::Frame).because(e))
}
