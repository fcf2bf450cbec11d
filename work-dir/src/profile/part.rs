use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{DataType, PlSmallStr, Series};
use polars_io::SerReader;
use polars_io::parquet::metadata::FileMetadataRef;
use polars_io::parquet::read::{ParallelStrategy, ParquetReader};

use super::signal_text;
use crate::{Error, ErrorKind};

/// One file of typed rows.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    /// Number of the batch, counted from 0.
    pub(crate) batch: u32,
    content: Content,
    /// All columns with values, where they have been read.
    loaded: Option<Cells>,
}

#[derive(Clone, Debug)]
enum Content {
    Parquet {
        metadata: FileMetadataRef,
        columns: Vec<Stored>,
    },
    /// A file of the original system, read whole.
    Text(Vec<Series>),
}

/// A column of a Parquet file.
#[derive(Clone, Debug)]
struct Stored {
    name: PlSmallStr,
    dtype: DataType,
    /// How many values it has, at most.
    values: usize,
}

/// Columns of some rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(Vec<Series>);

impl Cells {
    /// A column, if it has values.
    pub(crate) fn get(&self, column: &str) -> Option<&Series> {
        self.0.iter().find(|series| series.name() == column)
    }

    fn slice(&self, columns: &[&str], begin: usize, rows: usize) -> Self {
        let begin = i64::try_from(begin).unwrap_or(i64::MAX);
        let wanted = self.0.iter().filter(|s| columns.contains(&s.name().as_str()));
        Self(wanted.map(|s| s.slice(begin, rows)).collect())
    }
}

impl Part {
    /// Opens a file; of a Parquet file only what it says of its columns is read.
    pub(crate) fn open(path: &Path, batch: u32) -> Result<Self, Error> {
        let (content, loaded) = if path.extension().is_some_and(|e| e == "parquet") {
            let mut reader = reader(path)?;
            let failed = |e| Error::caused(ErrorKind::Rows, path, e);
            let schema = reader.schema().map_err(failed)?;
            let metadata = reader.get_metadata().map_err(failed)?.clone();
            let column = |(position, (name, field)): (usize, (&PlSmallStr, _))| Stored {
                name: name.clone(),
                dtype: DataType::from_arrow_field(field),
                values: values(&metadata, position),
            };
            let columns = schema.iter().enumerate().map(column).collect();
            (Content::Parquet { metadata, columns }, None)
        } else {
            let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
            let series = signal_text::read(&bytes);
            (Content::Text(series.clone()), Some(Cells(series)))
        };
        Ok(Self {
            path: path.to_owned(),
            batch,
            content,
            loaded,
        })
    }

    /// Names and types of the columns.
    pub(crate) fn columns(&self) -> Vec<(&PlSmallStr, &DataType)> {
        match &self.content {
            Content::Parquet { columns, .. } => columns.iter().map(|c| (&c.name, &c.dtype)).collect(),
            Content::Text(series) => series.iter().map(|s| (s.name(), s.dtype())).collect(),
        }
    }

    /// Rows of each group that is stored together.
    pub(crate) fn groups(&self) -> Vec<usize> {
        match &self.content {
            Content::Parquet { metadata, .. } => metadata.row_groups.iter().map(|g| g.num_rows()).collect(),
            Content::Text(series) => series.first().map(|s| s.len()).into_iter().collect(),
        }
    }

    /// How many values a column has, at most.
    pub(crate) fn values(&self, column: &str) -> usize {
        match &self.content {
            Content::Parquet { columns, .. } => {
                let found = columns.iter().find(|stored| stored.name == column);
                found.map_or(0, |stored| stored.values)
            }
            Content::Text(series) => {
                let found = series.iter().find(|series| series.name() == column);
                found.map_or(0, |series| series.len() - series.null_count())
            }
        }
    }

    /// Reads all columns that have values.
    pub(crate) fn load(&mut self) -> Result<(), Error> {
        if self.loaded.is_none() {
            let rows = self.groups().iter().sum();
            self.loaded = Some(self.read_where(|_| true, 0, rows)?);
        }
        Ok(())
    }

    /// All columns that have values, read from the file.
    pub(crate) fn all(&self) -> Result<Vec<Series>, Error> {
        let rows = self.groups().iter().sum();
        Ok(self.read_where(|_| true, 0, rows)?.0)
    }

    /// Those of these columns that have values, of some rows.
    pub(crate) fn read(&self, columns: &[&str], begin: usize, rows: usize) -> Result<Cells, Error> {
        match &self.loaded {
            Some(cells) => Ok(cells.slice(columns, begin, rows)),
            None => self.read_where(|name| columns.contains(&name), begin, rows),
        }
    }

    fn read_where(&self, wanted: impl Fn(&str) -> bool, begin: usize, rows: usize) -> Result<Cells, Error> {
        let Content::Parquet { metadata, columns } = &self.content else {
            return Ok(Cells::default());
        };
        let found = columns.iter().enumerate();
        let found = found.filter(|(_, stored)| stored.values > 0 && wanted(&stored.name));
        let positions: Vec<usize> = found.map(|(position, _)| position).collect();
        if positions.is_empty() {
            return Ok(Cells::default());
        }
        let mut reader = reader(&self.path)?;
        reader.set_metadata(metadata.clone());
        let frame = reader
            .with_projection(Some(positions))
            .with_slice(Some((begin, rows)))
            .read_parallel(ParallelStrategy::None)
            .finish()
            .map_err(|e| Error::caused(ErrorKind::Rows, &self.path, e))?;
        let series = frame.columns().iter().map(|c| c.as_materialized_series().clone());
        Ok(Cells(series.collect()))
    }
}

/// How many values a column of a Parquet file has; all rows where its statistics do not say.
fn values(metadata: &FileMetadataRef, position: usize) -> usize {
    let groups = metadata.row_groups.iter().map(|group| {
        let column = group.parquet_columns().get(position);
        let nulls = column.and_then(|c| c.statistics(&metadata.footer_buf)?.ok()?.null_count());
        let nulls = nulls.and_then(|nulls| usize::try_from(nulls).ok()).unwrap_or(0);
        group.num_rows().saturating_sub(nulls)
    });
    groups.sum()
}

fn reader(path: &Path) -> Result<ParquetReader<File>, Error> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    Ok(ParquetReader::new(file))
}
