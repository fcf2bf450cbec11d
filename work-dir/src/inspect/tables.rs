use polars::prelude::{DataFrame, DataType, LazyFrame};
use polars::sql::SQLContext;

use super::scan::frame;
use crate::profile::{Files, Source};
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
        Self::without(layout, &|_, _| false)
    }

    /// The same without these batches: table and number.
    pub(crate) fn without(layout: &Layout, out: &dyn Fn(&str, u32) -> bool) -> Result<Self, Error> {
        let files = Files::list(layout)?;
        let tables = Self {
            context: SQLContext::new(),
            layout: layout.clone(),
            names: files.tables(),
        };
        for name in &tables.names {
            let wanted = |batch| !out(name, batch);
            // Where nothing is left, the columns are, without rows.
            let some = files.of(name).iter().any(|file| wanted(file.batch));
            let source = Source::of_batches(layout, &files, name, &|batch| !some || wanted(batch))?;
            let frame = frame(source)?;
            tables
                .context
                .register(name, if some { frame } else { frame.slice(0, 0) });
        }
        Ok(tables)
    }

    /// Refuses what reads a file or asks a network: a query is about the tables of the run.
    fn closed(&self, sql: &str) -> Result<(), Error> {
        match reads_elsewhere(sql) {
            true => Err(Error::caused(
                ErrorKind::Query,
                self.layout.root(),
                "functions that read files or addresses are refused: a query is about the tables of the run",
            )),
            false => Ok(()),
        }
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
        self.closed(sql)?;
        let answer = self.context.execute(sql).and_then(LazyFrame::collect);
        answer.map_err(|e| Error::caused(ErrorKind::Query, self.layout.root(), e))
    }

    /// How many rows a query selects.
    ///
    /// # Errors
    /// As [`Tables::ask`].
    pub fn count(&mut self, sql: &str) -> Result<u64, Error> {
        self.closed(sql)?;
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

/// Whether a query names a function of the engine that reads a file or an address (`read_csv`, `read_parquet`, …), quoted or
/// not. Texts and comments do not count.
fn reads_elsewhere(sql: &str) -> bool {
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let end = |mark: &str, from: usize| {
            rest.get(from..)
                .and_then(|r| r.find(mark))
                .map_or(rest.len(), |at| from + at + mark.len())
        };
        let skip = if c == '\'' {
            end("'", 1)
        } else if rest.starts_with("--") {
            end("\n", 2)
        } else if rest.starts_with("/*") {
            end("*/", 2)
        } else if c.is_alphabetic() || c == '_' {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let name = rest.get(..length).unwrap_or_default().to_lowercase();
            if name.starts_with("read_") || name.starts_with("scan_") {
                return true;
            }
            length
        } else {
            c.len_utf8()
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_no_file_and_no_address() {
        for sql in [
            "SELECT * FROM read_parquet('http://x/y.parquet')",
            "select * from READ_CSV ('/etc/passwd')",
            "SELECT * FROM \"read_ipc\"('/tmp/x')",
            "SELECT 1 /* a */ UNION SELECT * FROM read_json('x')",
            "SELECT '\\' , * FROM read_csv('x')",
        ] {
            assert!(reads_elsewhere(sql), "{sql}");
            let directory = tempfile::tempdir().unwrap();
            let mut tables = Tables::open(&Layout::new(directory.path())).unwrap();
            assert_eq!(tables.ask(sql).unwrap_err().kind(), ErrorKind::Query);
            assert_eq!(tables.count(sql).unwrap_err().kind(), ErrorKind::Query);
        }
        for sql in [
            "SELECT 'read_csv(x)' FROM observation -- read_csv('x')\n",
            "SELECT thread_count FROM t /* read_ipc( */",
        ] {
            assert!(!reads_elsewhere(sql), "{sql}");
        }
    }
}
