//! The functions on polars DataFrames: every column is read as text, and results are frames of strings.

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NewChunkedArray, PlSmallStr, StringChunked};

use super::text_table::{NULL, TextColumn, TextTable};
use crate::error::{Error, ErrorKind};
use crate::frame::failed;

impl TextTable {
    /// Reads a frame. Integer columns are whole numbers ([`TextTable::set_whole_numbers`]).
    ///
    /// # Errors
    /// A column polars cannot make text of, or more than 2³² cells in a column.
    pub fn from_frame(frame: &DataFrame) -> Result<Self, Error> {
        let mut columns = Vec::with_capacity(frame.width());
        for column in frame.columns() {
            let name = column.name().as_str();
            if column.len() >= NULL as usize {
                return Err(Error::new(ErrorKind::Frame, name));
            }
            let texts = column.cast(&DataType::String).map_err(failed)?;
            let mut read = TextColumn {
                whole_numbers: column.dtype().is_integer(),
                ..TextColumn::new(name)
            };
            for cell in texts.str().map_err(failed)?.iter() {
                read.push(cell);
            }
            columns.push(read);
        }
        Ok(Self {
            columns,
            rows: frame.height(),
        })
    }

    /// The table as a frame of strings; whole numbers become 64-bit integers where all of them are numbers.
    ///
    /// # Errors
    /// If polars refuses the columns, which it does for a name that occurs twice.
    pub fn to_frame(&self) -> Result<DataFrame, Error> {
        let columns = self
            .columns
            .iter()
            .map(to_column)
            .collect::<Result<Vec<Column>, Error>>()?;
        DataFrame::new(self.rows, columns).map_err(failed)
    }
}

fn to_column(column: &TextColumn) -> Result<Column, Error> {
    let cells = (0..column.cells.len()).map(|row| column.get(row));
    let texts = StringChunked::from_iter_options(PlSmallStr::from_str(&column.name), cells).into_column();
    if column.whole_numbers {
        texts.cast(&DataType::Int64).map_err(failed)
    } else {
        Ok(texts)
    }
}

/// [`super::melt`] on a frame.
///
/// # Errors
/// As [`super::melt`], or a frame polars cannot convert.
pub fn melt(frame: &DataFrame, columns: &[&str], options: &super::Melt) -> Result<DataFrame, Error> {
    super::melt(&TextTable::from_frame(frame)?, columns, options)?.to_frame()
}

/// [`super::melt_all`] on a frame.
///
/// # Errors
/// As [`super::melt_all`], or a frame polars cannot convert.
pub fn melt_all(frame: &DataFrame, options: &super::MeltAll) -> Result<DataFrame, Error> {
    super::melt_all(&TextTable::from_frame(frame)?, options)?.to_frame()
}

/// [`super::cast`] on a frame.
///
/// # Errors
/// As [`super::cast`], or a frame polars cannot convert.
pub fn cast(frame: &DataFrame, options: &super::Cast) -> Result<DataFrame, Error> {
    super::cast(&TextTable::from_frame(frame)?, options)?.to_frame()
}

/// [`super::rm_indices`] on a frame.
///
/// # Errors
/// A frame polars cannot convert.
pub fn rm_indices(frame: &DataFrame, options: &super::RmIndices) -> Result<DataFrame, Error> {
    super::rm_indices(&TextTable::from_frame(frame)?, options).to_frame()
}

/// [`super::collapse`] on a frame.
///
/// # Errors
/// As [`super::collapse`], or a frame polars cannot convert.
pub fn collapse(frame: &DataFrame, columns: &[&str], options: &super::Collapse) -> Result<DataFrame, Error> {
    super::collapse(&TextTable::from_frame(frame)?, columns, options)?.to_frame()
}

/// [`super::common_columns`] on a frame.
///
/// # Errors
/// No such column.
pub fn common_columns(frame: &DataFrame, prefix: &str) -> Result<Vec<String>, Error> {
    let names: Vec<&str> = frame
        .get_column_names()
        .into_iter()
        .map(PlSmallStr::as_str)
        .collect();
    let table = TextTable::new(&names);
    let found = super::common_columns(&table, prefix)?;
    Ok(found.into_iter().map(str::to_owned).collect())
}
