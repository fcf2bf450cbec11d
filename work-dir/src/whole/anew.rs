//! A table made anew of rows that come in pieces: they lie aside, divided, until all are there, so that never more than a
//! file's rows are in memory.

use std::path::PathBuf;

use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;

use table_description::TableDescription;

use super::parts::{Done, Rewriting, below, take};
use crate::rows::{Compression, write_parquet};
use crate::state::listing::paths_in;
use crate::state::private;
use crate::{Error, ErrorKind};

/// Rows that are divided at a time.
const ROWS: usize = 100_000;

/// A table that is made anew.
pub struct Anew<'r> {
    to: Rewriting<'r>,
    parts: usize,
    aside: PathBuf,
    waiting: DataFrame,
    written: usize,
}

impl std::fmt::Debug for Anew<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Anew")
            .field("table", &self.to.table.name)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl<'r> Anew<'r> {
    /// Begins a table that will have so many files.
    pub(super) fn begin(to: Rewriting<'r>, parts: usize) -> Result<Self, Error> {
        to.make()?;
        let aside = to.to.join("aside");
        private::make_dirs(&aside).map_err(|e| Error::file(&aside, e))?;
        Ok(Self {
            to,
            parts,
            aside,
            waiting: DataFrame::empty(),
            written: 0,
        })
    }

    /// Adds rows, with the column of the run; columns without a value may be absent.
    ///
    /// # Errors
    /// When rows do not fit the description, or a file cannot be written.
    pub fn add(&mut self, rows: &DataFrame) -> Result<(), Error> {
        if self.waiting.height() == 0 {
            self.waiting = rows.clone();
        } else {
            below(self.to.table, &mut self.waiting, rows)
                .map_err(|e| Error::caused(ErrorKind::Rows, &self.aside, e))?;
        }
        if self.waiting.height() < ROWS {
            return Ok(());
        }
        self.put_aside()
    }

    fn put_aside(&mut self) -> Result<(), Error> {
        let mut rows = std::mem::replace(&mut self.waiting, DataFrame::empty());
        // Each part is taken out of it: it lies in one piece once, not once a part.
        rows.rechunk_mut();
        for (part, own) in self.to.keys.rows_by_part(&rows, self.parts).iter().enumerate() {
            if own.is_empty() {
                continue;
            }
            let path = self.aside.join(format!("{part}.{}", self.written));
            let own = take(&rows, own, &path)?;
            let file = private::options().write(true).create_new(true).open(&path);
            let file = file.map_err(|e| Error::file(&path, e))?;
            write_parquet(&file, &own, Compression::None)
                .map_err(|e| Error::caused(ErrorKind::Rows, &path, e))?;
        }
        self.written += 1;
        Ok(())
    }

    /// The table that is made.
    pub(super) fn table(&self) -> &'r TableDescription {
        self.to.table
    }

    /// Writes the files of the table.
    pub(super) fn end(mut self) -> Result<Done, Error> {
        let mut done = Done::default();
        if self.written == 0 {
            for (part, own) in self
                .to
                .keys
                .rows_by_part(&self.waiting, self.parts)
                .iter()
                .enumerate()
            {
                let own = take(&self.waiting, own, &self.aside)?;
                self.to.add(part, own, &mut done)?;
            }
        } else {
            self.put_aside()?;
            let aside = paths_in(&self.aside).map_err(|e| Error::file(&self.aside, e))?;
            for part in 0..self.parts {
                let mut frame = DataFrame::empty();
                let is_own =
                    |path: &&PathBuf| path.file_stem().is_some_and(|stem| *stem == *part.to_string());
                let mut own: Vec<&PathBuf> = aside.iter().filter(is_own).collect();
                own.sort();
                for path in own {
                    let failed = |e| Error::caused(ErrorKind::Rows, path, e);
                    let file = std::fs::File::open(path).map_err(|e| Error::file(path, e))?;
                    let rows = ParquetReader::new(file).finish().map_err(failed)?;
                    if frame.height() == 0 {
                        frame = rows;
                    } else {
                        below(self.to.table, &mut frame, &rows).map_err(failed)?;
                    }
                }
                self.to.add(part, frame, &mut done)?;
            }
        }
        private::remove(&self.aside).map_err(|e| Error::file(&self.aside, e))?;
        Ok(done)
    }
}
