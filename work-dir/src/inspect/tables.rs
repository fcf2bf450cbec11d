use polars::prelude::{
    DataFrame, DataType, IntoLazy, LazyFrame, PlRefPath, ScanArgsParquet, Series, UnionArgs, col, concat, lit,
};
use polars::sql::SQLContext;

use crate::profile::Source;
use crate::{Error, ErrorKind, Layout};

/// The tables of a run, to be asked in SQL.
pub struct Tables {
    context: SQLContext,
    layout: Layout,
    names: Vec<String>,
}

impl Tables {
    /// Makes the tables of a run known; their rows are read when they are asked for.
    ///
    /// # Errors
    /// When the files of a table cannot be opened.
    pub fn open(layout: &Layout) -> Result<Self, Error> {
        let tables = Self {
            context: SQLContext::new(),
            layout: layout.clone(),
            names: Source::tables(layout)?,
        };
        for name in &tables.names {
            let source = Source::open(layout, name, None)?;
            tables.context.register(name, frame(&source)?);
        }
        Ok(tables)
    }

    /// Names of the tables.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`ErrorKind::Query`]; its source may repeat what the query says, and values.
    pub fn ask(&mut self, sql: &str) -> Result<DataFrame, Error> {
        let answer = self.context.execute(sql).and_then(LazyFrame::collect);
        answer.map_err(|e| Error::caused(ErrorKind::Query, self.layout.root(), e))
    }

    /// How many rows a query selects.
    ///
    /// # Errors
    /// As [`Tables::ask`].
    pub fn count(&mut self, sql: &str) -> Result<u64, Error> {
        let rows = self
            .context
            .execute(sql)
            .and_then(|frame| frame.select([polars::prelude::len()]).collect())
            .map_err(|e| Error::caused(ErrorKind::Query, self.layout.root(), e))?;
        let count = rows.columns().first().and_then(|c| c.get(0).ok());
        Ok(count.and_then(|c| c.extract::<u64>()).unwrap_or(0))
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// All files of a table below each other; a column that a file does not have is NULL there.
fn frame(source: &Source) -> Result<LazyFrame, Error> {
    let mut parts = Vec::new();
    for (path, texts) in source.paths().zip(source.texts()) {
        let failed = |e| Error::caused(ErrorKind::Rows, path, e);
        let (frame, own) = match texts {
            Some(series) => {
                let columns: Vec<_> = series.iter().cloned().map(Series::into).collect();
                let own: Vec<_> = series
                    .iter()
                    .map(|s| (s.name().clone(), s.dtype().clone()))
                    .collect();
                let height = series.first().map_or(0, |s| s.len());
                (DataFrame::new(height, columns).map_err(failed)?.lazy(), own)
            }
            None => {
                let path = PlRefPath::try_from_path(path).map_err(failed)?;
                let mut frame = LazyFrame::scan_parquet(path, ScanArgsParquet::default()).map_err(failed)?;
                let schema = frame.collect_schema().map_err(failed)?;
                let own = schema
                    .iter()
                    .map(|(name, dtype)| (name.clone(), dtype.clone()))
                    .collect();
                (frame, own)
            }
        };
        let wanted = source.columns().iter().map(|(name, dtype)| {
            let there = own.iter().find(|(n, _)| n == name);
            match there {
                Some((_, own)) if own == dtype => col(name.clone()),
                Some(_) => col(name.clone()).cast(dtype.clone()),
                None => lit(polars::prelude::NULL).cast(dtype.clone()).alias(name.clone()),
            }
        });
        parts.push(frame.select(wanted.collect::<Vec<_>>()));
    }
    let path = std::path::Path::new(source.table());
    concat(parts, UnionArgs::default()).map_err(|e| Error::caused(ErrorKind::Rows, path, e))
}

/// Names and types of a table's columns, for a prompt.
#[must_use]
pub fn schema(source: &Source) -> Vec<(String, String)> {
    let word = |dtype: &DataType| dtype.to_string();
    source
        .columns()
        .iter()
        .map(|(name, dtype)| (name.to_string(), word(dtype)))
        .collect()
}
