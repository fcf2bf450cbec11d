use std::fs::File;
use std::path::{Path, PathBuf};

use polars::io::SerReader;
use polars::io::parquet::metadata::FileMetadataRef;
use polars::io::parquet::read::{ParallelStrategy, ParquetReader};
use polars::prelude::{DataType, PlSmallStr, Series};

use super::{Files, signal_text};
use crate::{Error, ErrorKind, Layout};

/// Cells of a table that is read at once instead of column by column.
const SMALL: usize = 4_000_000;
/// Rows of a piece, about; row groups are not torn.
const PIECE_ROWS: usize = 1 << 18;

/// The typed rows of one table, in one or more files, read column by column.
#[derive(Clone, Debug)]
pub struct Source {
    table: String,
    parts: Vec<Part>,
    columns: Vec<(PlSmallStr, DataType)>,
    pieces: Vec<Piece>,
}

/// One file.
#[derive(Clone, Debug)]
struct Part {
    path: PathBuf,
    batch: u32,
    content: Content,
    /// All columns, where the table is small.
    loaded: Option<Vec<Series>>,
}

#[derive(Clone, Debug)]
enum Content {
    Parquet(FileMetadataRef, Vec<PlSmallStr>),
    /// A file of the original system, read whole.
    Text(Vec<Series>),
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
        let found = files.of(table).iter();
        let parts = found
            .filter(|file| batch.is_none_or(|batch| batch == file.batch))
            .map(|file| part(&file.path, file.batch))
            .collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            let wanted = layout.parquet(table, batch.unwrap_or(0));
            return Err(Error::new(ErrorKind::Rows, &wanted));
        }
        let mut columns: Vec<(PlSmallStr, DataType)> = Vec::new();
        let mut add = |name: &PlSmallStr, dtype: DataType| match columns.iter_mut().find(|(n, _)| n == name) {
            Some((_, known)) if *known != dtype => *known = DataType::String,
            Some(_) => {}
            None => columns.push((name.clone(), dtype)),
        };
        let mut pieces = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            match &part.content {
                Content::Parquet(metadata, _) => {
                    let mut reader = open(&part.path)?;
                    reader.set_metadata(metadata.clone());
                    let schema = reader
                        .schema()
                        .map_err(|e| Error::caused(ErrorKind::Rows, &part.path, e))?;
                    for (name, field) in schema.iter() {
                        add(name, DataType::from_arrow_field(field));
                    }
                    let groups = metadata.row_groups.iter().map(|group| group.num_rows());
                    cut(i, groups, &mut pieces);
                }
                Content::Text(series) => {
                    for series in series {
                        add(series.name(), series.dtype().clone());
                    }
                    cut(i, series.first().map(|s| s.len()).into_iter(), &mut pieces);
                }
            }
        }
        Ok(Self {
            table: table.to_owned(),
            parts,
            columns,
            pieces,
        })
    }

    /// Reads all columns now, where the table is small; otherwise each is read when it is asked for.
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

    /// The files, for queries.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }

    /// The columns of a file of the original system; `None` for Parquet.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Option<&[Series]>> {
        self.parts.iter().map(|part| match &part.content {
            Content::Text(series) => Some(series.as_slice()),
            Content::Parquet(..) => None,
        })
    }

    /// A column of a piece; `None` where its file does not have it, which means that all values are missing.
    pub(crate) fn read(&self, piece: Piece, column: &str) -> Result<Option<Series>, Error> {
        let part = &self.parts[piece.part];
        if let Some(series) = &part.loaded {
            let whole = series.iter().find(|s| s.name() == column);
            let begin = i64::try_from(piece.begin).unwrap_or(i64::MAX);
            return Ok(whole.map(|s| s.slice(begin, piece.rows)));
        }
        match &part.content {
            Content::Text(series) => Ok(series.iter().find(|s| s.name() == column).cloned()),
            Content::Parquet(metadata, names) => {
                let Some(position) = names.iter().position(|name| name == column) else {
                    return Ok(None);
                };
                if all_null(metadata, position) {
                    return Ok(None);
                }
                let mut reader = open(&part.path)?;
                reader.set_metadata(metadata.clone());
                let frame = reader
                    .with_projection(Some(vec![position]))
                    .with_slice(Some((piece.begin, piece.rows)))
                    .read_parallel(ParallelStrategy::None)
                    .finish()
                    .map_err(|e| Error::caused(ErrorKind::Rows, &part.path, e))?;
                let series = frame
                    .columns()
                    .first()
                    .map(|c| c.as_materialized_series().clone());
                Ok(series)
            }
        }
    }
}

impl Part {
    /// Reads all columns of a Parquet file that have values.
    fn load(&mut self) -> Result<(), Error> {
        let Content::Parquet(metadata, names) = &self.content else {
            return Ok(());
        };
        let filled = (0..names.len()).filter(|&i| !all_null(metadata, i)).collect();
        let mut reader = open(&self.path)?;
        reader.set_metadata(metadata.clone());
        let frame = reader
            .with_projection(Some(filled))
            .finish()
            .map_err(|e| Error::caused(ErrorKind::Rows, &self.path, e))?;
        let series = frame.columns().iter().map(|c| c.as_materialized_series().clone());
        self.loaded = Some(series.collect());
        Ok(())
    }
}

/// Whether the statistics of every row group say that a column has no value.
fn all_null(metadata: &FileMetadataRef, position: usize) -> bool {
    metadata.row_groups.iter().all(|group| {
        let column = group.parquet_columns().get(position);
        let nulls = column.and_then(|c| c.statistics(&metadata.footer_buf)?.ok()?.null_count());
        nulls == Some(group.num_rows() as i64)
    })
}

fn open(path: &Path) -> Result<ParquetReader<File>, Error> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    Ok(ParquetReader::new(file))
}

fn part(path: &Path, batch: u32) -> Result<Part, Error> {
    let content = if path.extension().is_some_and(|e| e == "parquet") {
        let mut reader = open(path)?;
        let failed = |e| Error::caused(ErrorKind::Rows, path, e);
        let names = reader.schema().map_err(failed)?.iter_names().cloned().collect();
        Content::Parquet(reader.get_metadata().map_err(failed)?.clone(), names)
    } else {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        Content::Text(signal_text::read(&bytes))
    };
    Ok(Part {
        path: path.to_owned(),
        batch,
        content,
        loaded: None,
    })
}

/// Cuts the row groups of a file into pieces.
fn cut(part: usize, groups: impl Iterator<Item = usize>, pieces: &mut Vec<Piece>) {
    let mut piece = Piece {
        part,
        begin: 0,
        rows: 0,
    };
    for rows in groups {
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
