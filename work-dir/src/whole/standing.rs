//! The standing whole and how it is brought from a state to the next.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};
use table_description::TableDescription;

use super::anew::Anew;
use super::generation::{Next, current};
use super::keys::Keys;
use super::parts::{Done, Rewriting, below, files, parts_for};
use crate::profile::texts;
use crate::state::private;
use crate::{Error, ErrorKind};

/// Column with the run that brought a row.
pub const RUN_COLUMN: &str = "run";

/// The standing whole of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    base: PathBuf,
}

/// Where the hub stood when the whole was brought up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which hub it was: the moment of its first import, in microseconds since 1970-01-01 UTC.
    pub hub: i64,
    /// The hub's newest import then.
    pub import: i32,
    /// The tables have the columns of [`TableDescription::with_precision`].
    #[serde(default)]
    pub with_precision: bool,
}

/// What changes in a table. Rows have the column of the run; columns without a value may be absent.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The rows that come. Rows of their resources that are there already go.
    pub rows: DataFrame,
    /// Resources whose rows go, by id.
    pub out: HashSet<String>,
}

impl Change {
    /// Adds rows that come.
    ///
    /// # Errors
    /// When their columns are not those of the table.
    pub fn add(&mut self, table: &TableDescription, rows: &DataFrame) -> Result<(), Error> {
        if self.rows.height() == 0 {
            self.rows = rows.clone();
            return Ok(());
        }
        below(table, &mut self.rows, rows)
            .map_err(|e| Error::caused(ErrorKind::Rows, Path::new(&table.name), e))
    }
}

/// What became of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Rows of each table.
    pub rows: BTreeMap<String, usize>,
    /// Files that were rewritten; the others were linked.
    pub rewritten: usize,
}

/// A state that is being made; nobody sees it before [`NextWhole::hold`].
#[derive(Debug)]
pub struct NextWhole {
    whole: Whole,
    next: Next,
    kept: Kept,
    /// Locked until the state holds; the lock ends with the process, however that ends.
    _lock: File,
}

impl Whole {
    /// The whole beside these runs.
    #[must_use]
    pub fn at(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Where its files are: a link that is replaced with each state.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        current(&self.base)
    }

    /// The files of a table.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn files(&self, table: &str) -> Result<Vec<PathBuf>, Error> {
        files(&self.root().join(table))
    }

    /// Where the hub stood; `None` where there is no whole, or one of an earlier release that does not tell.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn standing(&self) -> Result<Option<Standing>, Error> {
        let path = self.root().join(STANDING);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|_| Error::new(ErrorKind::File, &path)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file(&path, e)),
        }
    }

    /// Begins the next state. Tables that are not named until it holds are not in it.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] while another process makes one; when a file cannot be written.
    pub fn begin(&self) -> Result<NextWhole, Error> {
        let lock = self.lock()?;
        Ok(NextWhole {
            whole: self.clone(),
            next: Next::begin(&self.base)?,
            kept: Kept::default(),
            _lock: lock,
        })
    }

    fn lock(&self) -> Result<File, Error> {
        private::make_dirs(&self.base).map_err(|e| Error::file(&self.base, e))?;
        let path = self.base.join("current.lock");
        let mut options = private::options();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| Error::file(&path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => Err(Error::new(ErrorKind::InUse, &self.base)),
            Err(std::fs::TryLockError::Error(e)) => Err(Error::file(&path, e)),
        }
    }
}

/// File of a state that says where the hub stood.
const STANDING: &str = "standing.json";

impl NextWhole {
    /// Brings a table from the state that holds to this one.
    ///
    /// # Errors
    /// When rows do not fit the description, or a file cannot be read or written; the old state holds.
    pub fn change(&mut self, table: &TableDescription, change: Change) -> Result<(), Error> {
        let mut out = change.out;
        let keys = Keys::of(table);
        if let Some(ids) = keys.id.and_then(|id| change.rows.column(id).ok()) {
            let ids = texts(ids.as_materialized_series());
            let ids = ids.str().into_iter().flat_map(|c| c.iter().flatten());
            out.extend(ids.map(str::to_owned));
        }
        let from = self.whole.root().join(&table.name);
        let to = self.next.root.join(&table.name);
        let done = rewriting(table, to).rewrite(&from, &out, &change.rows)?;
        self.done(table, done);
        Ok(())
    }

    /// Begins to make a table anew; `rows` are as many as there will be, about. [`NextWhole::put`] ends it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn anew<'t>(&self, table: &'t TableDescription, rows: usize) -> Result<Anew<'t>, Error> {
        let to = self.next.root.join(&table.name);
        let has_ids = Keys::of(table).id.is_some();
        Anew::begin(rewriting(table, to), if has_ids { parts_for(rows) } else { 1 })
    }

    /// All rows of a table that is made anew are there.
    ///
    /// # Errors
    /// As [`NextWhole::change`].
    pub fn put(&mut self, anew: Anew<'_>) -> Result<(), Error> {
        let table = anew.table();
        let done = anew.end()?;
        self.done(table, done);
        Ok(())
    }

    fn done(&mut self, table: &TableDescription, done: Done) {
        self.kept.rows.insert(table.name.clone(), done.rows);
        self.kept.rewritten += done.written;
    }

    /// Makes it the state that holds, which readers see from now on.
    ///
    /// # Errors
    /// When a file cannot be written; the old state holds.
    pub fn hold(self, standing: Standing) -> Result<Kept, Error> {
        let path = self.next.root.join(STANDING);
        let write = || private::replace(&path, &serde_json::to_vec(&standing)?);
        write().map_err(|e| Error::file(&path, e))?;
        self.next.hold()?;
        Ok(self.kept)
    }
}

fn rewriting(table: &TableDescription, to: PathBuf) -> Rewriting<'_> {
    Rewriting {
        table,
        keys: Keys::of(table),
        to,
    }
}
