use std::path::PathBuf;

use polars::prelude::{DataType, PlSmallStr};

use super::Files;
use super::part::{Cells, Part};
use crate::{Error, ErrorKind, Layout};

/// Cells of a table that is read at once instead of column by column.
const SMALL: usize = 4_000_000;
/// Rows of a piece, about; row groups are not torn.
const PIECE_ROWS: usize = 1 << 18;

/// The typed rows of one table, in one or more files, read some columns at a time.
#[derive(Clone, Debug)]
pub struct Source {
    table: String,
    parts: Vec<Part>,
    columns: Vec<(PlSmallStr, DataType)>,
    pieces: Vec<Piece>,
}

/// Rows of one file that are read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    part: usize,
    begin: usize,
    /// How many rows.
    pub(crate) rows: usize,
}

impl Source {
    /// The tables whose typed rows lie in a run's directory, by name.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the directory cannot be read.
    pub fn tables(layout: &Layout) -> Result<Vec<String>, Error> {
        Ok(Files::list(layout)?.tables())
    }

    /// Opens the files of a table, or of one of its batches, counted from 0.
    ///
    /// # Errors
    /// [`ErrorKind::Rows`] when there are none or one cannot be read, [`ErrorKind::File`] when the directory cannot.
    pub fn open(layout: &Layout, table: &str, batch: Option<u32>) -> Result<Self, Error> {
        Self::of(layout, &Files::list(layout)?, table, batch)
    }

    /// The same with files that were listed before.
    pub(crate) fn of(layout: &Layout, files: &Files, table: &str, batch: Option<u32>) -> Result<Self, Error> {
        match batch {
            Some(batch) => Self::of_batches(layout, files, table, &|other| other == batch),
            None => Self::of_batches(layout, files, table, &|_| true),
        }
    }

    /// Opens the files of those batches of a table that are wanted.
    pub(crate) fn of_batches(
        layout: &Layout,
        files: &Files,
        table: &str,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Result<Self, Error> {
        let parts = files
            .of(table)
            .iter()
            .filter(|file| wanted(file.batch))
            .map(|file| Part::open(&file.path, file.batch))
            .collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(Error::new(ErrorKind::Rows, &layout.parquet(table, 0)));
        }
        Ok(Self::of_parts(table, parts))
    }

    /// Opens files of a table, wherever they lie.
    ///
    /// # Errors
    /// [`ErrorKind::Rows`] when one cannot be read.
    pub fn of_files(table: &str, files: &[PathBuf]) -> Result<Self, Error> {
        let parts = (0..).zip(files).map(|(batch, path)| Part::open(path, batch));
        Ok(Self::of_parts(table, parts.collect::<Result<_, _>>()?))
    }

    fn of_parts(table: &str, parts: Vec<Part>) -> Self {
        let mut columns: Vec<(PlSmallStr, DataType)> = Vec::new();
        let mut pieces = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            add_columns(&mut columns, part);
            cut(i, &part.groups(), &mut pieces);
        }
        Self {
            table: table.to_owned(),
            parts,
            columns,
            pieces,
        }
    }

    /// Reads all columns now, where the table is small; otherwise they are read when they are asked for.
    pub(crate) fn read_if_small(mut self) -> Result<Self, Error> {
        if self.is_small() {
            self.parts.iter_mut().try_for_each(Part::load)?;
        }
        Ok(self)
    }

    /// Whether the table has few cells.
    pub(crate) fn is_small(&self) -> bool {
        self.rows() * self.columns.len() <= SMALL
    }

    /// The table, in lower case.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The batches, counted from 0.
    #[must_use]
    pub fn batches(&self) -> Vec<u32> {
        self.parts.iter().map(|part| part.batch).collect()
    }

    /// Names and types of the columns of all files.
    #[must_use]
    pub fn columns(&self) -> &[(PlSmallStr, DataType)] {
        &self.columns
    }

    /// Rows of all files.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows).sum()
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Columns of a piece: those that have values there. Of the others all values are missing.
    pub(crate) fn read(&self, piece: Piece, columns: &[&str]) -> Result<Cells, Error> {
        self.parts[piece.part].read(columns, piece.begin, piece.rows)
    }

    /// How many values a column has, at most.
    pub(crate) fn values(&self, column: &str) -> usize {
        self.parts.iter().map(|part| part.values(column)).sum()
    }
}

/// Adds the columns of a file; one that has another type than before counts as text.
fn add_columns(columns: &mut Vec<(PlSmallStr, DataType)>, part: &Part) {
    for (position, (name, dtype)) in part.columns().into_iter().enumerate() {
        // Most files have the same columns in the same order.
        let same = columns.get(position).is_some_and(|(known, _)| known == name);
        let found = if same {
            columns.get_mut(position)
        } else {
            columns.iter_mut().find(|(known, _)| known == name)
        };
        match found {
            Some((_, known)) if known != dtype => *known = DataType::String,
            Some(_) => {}
            None => columns.push((name.clone(), dtype.clone())),
        }
    }
}

/// Cuts the row groups of a file into pieces.
fn cut(part: usize, groups: &[usize], pieces: &mut Vec<Piece>) {
    let mut piece = Piece {
        part,
        begin: 0,
        rows: 0,
    };
    for &rows in groups {
        if piece.rows > 0 && piece.rows + rows > PIECE_ROWS {
            pieces.push(piece);
            piece.begin += piece.rows;
            piece.rows = 0;
        }
        piece.rows += rows;
    }
    if piece.rows > 0 {
        pieces.push(piece);
    }
}
