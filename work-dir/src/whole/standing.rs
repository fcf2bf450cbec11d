//! The standing whole and how a run is added to it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};
use table_description::{Description, TableDescription};

use super::generation::{Next, current};
use super::parts::{Keys, files, others, read, rewrite};
use crate::profile::texts;
use crate::{Error, ErrorKind, Layout};

/// Column with the run that brought a row.
pub const RUN_COLUMN: &str = "run";

/// The standing whole of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    base: PathBuf,
}

/// What a run brings to the whole, by table. What it does not hand on is not among it.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// Typed rows, frames one below the other.
    pub rows: BTreeMap<String, Vec<DataFrame>>,
    /// Resources that are gone from the server, by table.
    pub gone: BTreeMap<String, HashSet<String>>,
}

/// What became of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Rows of each table.
    pub rows: BTreeMap<String, usize>,
    /// Files that were rewritten; the others were linked.
    pub rewritten: usize,
}

impl Brought {
    /// The typed rows of a run, without the tables that were stopped and the resources that are held.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of_run(
        layout: &Layout,
        description: &Description,
        is_out: &dyn Fn(&str) -> bool,
        held: &BTreeMap<String, HashSet<String>>,
    ) -> Result<Self, Error> {
        let mut brought = Self::default();
        let signals = layout.final_signals();
        for file in layout.batch_files().map_err(|e| Error::file(&signals, e))? {
            let Some(table) = description
                .table(&file.table)
                .filter(|table| !is_out(&table.name))
            else {
                continue;
            };
            let mut frame = read(&file.path)?;
            if let (Some(held), Some(id)) = (held.get(&table.name), Keys::of(table).id) {
                let failed = |e| Error::caused(ErrorKind::Rows, &file.path, e);
                let ids = texts(frame.column(id).map_err(failed)?.as_materialized_series());
                frame = frame.filter(&others(&ids, held)).map_err(failed)?;
            }
            brought.rows.entry(file.table).or_default().push(frame);
        }
        Ok(brought)
    }
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

    /// Adds what a run brought: of a resource that is there its rows are replaced, of one that is gone they are removed.
    /// Readers see the old state until all of it is done.
    ///
    /// # Errors
    /// When rows do not fit the description, or a file cannot be written; the old state holds.
    pub fn add(&self, run: i32, brought: &Brought, description: &Description) -> Result<Kept, Error> {
        self.next(description, |table| {
            let rows = brought.rows.get(&table.name).map_or(&[][..], Vec::as_slice);
            let gone = brought.gone.get(&table.name);
            let new = stack(table, rows, run, &self.base)?;
            let mut out: HashSet<String> = gone.cloned().unwrap_or_default();
            if let Some(id) = Keys::of(table).id {
                let ids = new.column(id).map(|c| texts(c.as_materialized_series()));
                let ids = ids.map_err(|e| Error::caused(ErrorKind::Rows, &self.base, e))?;
                out.extend(
                    ids.str()
                        .into_iter()
                        .flat_map(|c| c.iter().flatten())
                        .map(str::to_owned),
                );
            }
            Ok((out, new, false))
        })
    }

    /// Makes the whole anew of rows that have their runs already, as the hub gives them.
    ///
    /// # Errors
    /// As [`Whole::add`].
    pub fn replace(
        &self,
        rows: &BTreeMap<String, DataFrame>,
        description: &Description,
    ) -> Result<Kept, Error> {
        self.next(description, |table| {
            let empty = || stack(table, &[], 0, &self.base);
            let new = rows
                .get(&table.name)
                .map_or_else(empty, |rows| Ok(rows.clone()))?;
            Ok((HashSet::new(), new, true))
        })
    }

    /// Makes the next state: for each table the resources that go, the rows that come, and whether all old rows go.
    fn next(
        &self,
        description: &Description,
        change: impl Fn(&TableDescription) -> Result<(HashSet<String>, DataFrame, bool), Error>,
    ) -> Result<Kept, Error> {
        let next = Next::begin(&self.base)?;
        let mut kept = Kept::default();
        for table in &description.tables {
            let (out, new, all) = change(table)?;
            let keys = Keys::of(table);
            // A table without ids is a list of its day: a run that has none keeps the last one.
            let listed = keys.id.is_none() && new.height() == 0 && !all;
            let from = self.root().join(&table.name);
            let to = next.root.join(&table.name);
            let (rows, rewritten) = if listed && from.exists() {
                link_all(&from, &to)?
            } else {
                rewrite((!all).then_some(from.as_path()), &to, &keys, &out, &new)?
            };
            kept.rows.insert(table.name.clone(), rows);
            kept.rewritten += rewritten;
        }
        next.hold()?;
        Ok(kept)
    }
}

fn link_all(from: &Path, to: &Path) -> Result<(usize, usize), Error> {
    crate::state::private::make_dirs(to).map_err(|e| Error::file(to, e))?;
    let mut rows = 0;
    for path in files(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        std::fs::hard_link(&path, &target).map_err(|e| Error::file(&target, e))?;
        rows += read(&path)?.height();
    }
    Ok((rows, 0))
}

/// The frames one below the other, with all columns of the table and the run.
fn stack(table: &TableDescription, rows: &[DataFrame], run: i32, place: &Path) -> Result<DataFrame, Error> {
    let failed = |e| Error::caused(ErrorKind::Rows, place, e);
    let mut frame = crate::rows::final_signals::tidy(table, rows).map_err(failed)?;
    let runs = Series::new(RUN_COLUMN.into(), vec![run; frame.height()]);
    frame.with_column(runs.into_column()).map_err(failed)?;
    Ok(frame)
}
