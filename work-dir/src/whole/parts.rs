//! The files of one table: what is read of them, what is rewritten.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use polars::prelude::{
    BooleanChunked, DataFrame, DataType, IdxCa, IntoColumn, NewChunkedArray, PlSmallStr, PolarsResult,
    Series, SortMultipleOptions,
};
use table_description::TableDescription;

use super::keys::Keys;
use super::standing::RUN_COLUMN;
use crate::profile::{Part, texts};
use crate::rows::final_signals::with_columns;
use crate::rows::parquet_file;
use crate::state::listing::paths_in;
use crate::state::private;
use crate::{Error, ErrorKind};

/// Rows of a file, about.
const ROWS: usize = 50_000;
/// Files of a table, at most.
const MOST: usize = 256;

/// How many files a table of so many rows is divided into: a power of two, so that a file is divided by itself.
pub(super) fn parts_for(rows: usize) -> usize {
    (rows / ROWS + 1).next_power_of_two().min(MOST)
}

/// The files of a table in a directory, by number; they are all there or none.
pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for path in paths_in(directory).map_err(|e| Error::file(directory, e))? {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == "parquet")) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The columns of a file that have values, and the run.
fn read(part: &Part) -> Result<DataFrame, Error> {
    let rows = part.groups().iter().sum();
    DataFrame::new(rows, part.all()?.into_iter().map(Series::into_column).collect())
        .map_err(|e| Error::caused(ErrorKind::Rows, &part.path, e))
}

/// Which rows have an id that is not among these.
fn others(ids: &Series, out: &HashSet<String>) -> BooleanChunked {
    let cells = ids.str().into_iter().flat_map(|cells| cells.iter());
    let kept = cells.map(|id| id.is_none_or(|id| !out.contains(id)));
    BooleanChunked::from_iter_values(PlSmallStr::EMPTY, kept)
}

/// The rows whose column holds none of these ids.
///
/// # Errors
/// When there is no such column.
pub fn without(rows: &DataFrame, column: &str, ids: &HashSet<String>) -> Result<DataFrame, Error> {
    let Ok(found) = rows.column(column) else {
        return Ok(rows.clone());
    };
    let kept = others(&texts(found.as_materialized_series()), ids);
    rows.filter(&kept)
        .map_err(|e| Error::caused(ErrorKind::Rows, Path::new(column), e))
}

/// Two frames one below the other, where each has the columns with values only.
pub(super) fn below(table: &TableDescription, upper: &mut DataFrame, lower: &DataFrame) -> PolarsResult<()> {
    if lower.height() == 0 {
        return Ok(());
    }
    let shown = |name: &str| upper.column(name).is_ok() || lower.column(name).is_ok();
    let shown: Vec<_> = table.columns.iter().filter(|c| shown(&c.name)).collect();
    let mut all = narrow(&shown, upper)?;
    all.vstack_mut(&narrow(&shown, lower)?)?;
    *upper = all;
    Ok(())
}

/// These columns and the run.
fn narrow(columns: &[&table_description::Column], frame: &DataFrame) -> PolarsResult<DataFrame> {
    let mut out = with_columns(columns.iter().copied(), frame)?;
    let run = match frame.column(RUN_COLUMN) {
        Ok(run) => run.clone(),
        Err(_) => Series::full_null(RUN_COLUMN.into(), frame.height(), &DataType::Int32).into_column(),
    };
    out.with_column(run)?;
    Ok(out)
}

/// One table on its way from a state to the next.
pub(super) struct Rewriting<'r> {
    pub(super) table: &'r TableDescription,
    pub(super) keys: Keys<'r>,
    /// Its folder in the state that is made.
    pub(super) to: PathBuf,
}

/// What became of a table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    pub(super) rows: usize,
    /// Files that were written; the others were linked.
    pub(super) written: usize,
}

impl Rewriting<'_> {
    /// All files as they are.
    pub(super) fn link_all(&self, from: &Path) -> Result<Done, Error> {
        self.make()?;
        let mut done = Done::default();
        for (number, path) in files(from)?.iter().enumerate() {
            done.rows += self.link(number, path)?;
        }
        Ok(done)
    }

    /// The old rows without those resources, and the new ones.
    pub(super) fn rewrite(&self, from: &Path, out: &HashSet<String>, new: &DataFrame) -> Result<Done, Error> {
        if new.height() == 0 && out.is_empty() {
            return self.link_all(from);
        }
        self.make()?;
        let old: Vec<Part> = files(from)?
            .iter()
            .map(|path| Part::open(path, 0))
            .collect::<Result<_, _>>()?;
        let rows_before: usize = old.iter().flat_map(Part::groups).sum();
        let wanted = parts_for(rows_before + new.height());
        // As many files as there are: those that outgrow their size are divided when there are four times as many rows.
        let count = if old.is_empty() || old.len() * 2 < wanted {
            wanted
        } else {
            old.len()
        };
        let of = self.keys.rows_by_part(new, count);
        let mut done = Done::default();
        if old.is_empty() {
            for (number, rows) in of.iter().enumerate() {
                self.add(number, take(new, rows, &self.to)?, &mut done)?;
            }
            return Ok(done);
        }
        for (number, part) in old.iter().enumerate() {
            let targets: Vec<usize> = (number..count).step_by(old.len()).collect();
            let comes = targets.iter().any(|target| !of[*target].is_empty());
            if targets.len() == 1 && !comes && !self.has_any(part, out)? {
                done.rows += self.link(number, &part.path)?;
                continue;
            }
            let kept = self.without(part, out)?;
            let divided = (targets.len() > 1).then(|| self.keys.rows_by_part(&kept, count));
            for target in targets {
                let mut frame = match &divided {
                    Some(divided) => take(&kept, &divided[target], &self.to)?,
                    None => kept.clone(),
                };
                let own = take(new, &of[target], &self.to)?;
                below(self.table, &mut frame, &own)
                    .map_err(|e| Error::caused(ErrorKind::Rows, &part.path, e))?;
                self.add(target, frame, &mut done)?;
            }
        }
        Ok(done)
    }

    pub(super) fn make(&self) -> Result<(), Error> {
        private::make_dirs(&self.to).map_err(|e| Error::file(&self.to, e))
    }

    fn link(&self, number: usize, path: &Path) -> Result<usize, Error> {
        let target = self.file(number);
        std::fs::hard_link(path, &target).map_err(|e| Error::file(&target, e))?;
        Ok(Part::open(path, 0)?.groups().iter().sum())
    }

    fn file(&self, number: usize) -> PathBuf {
        self.to.join(format!("{number}.parquet"))
    }

    /// Whether a file has rows of these resources.
    fn has_any(&self, part: &Part, out: &HashSet<String>) -> Result<bool, Error> {
        let Some(id) = self.keys.id.filter(|_| !out.is_empty()) else {
            return Ok(false);
        };
        let rows = part.groups().iter().sum();
        let cells = part.read(&[id], 0, rows)?;
        let ids = cells.get(id).map(texts);
        let mut ids = ids
            .iter()
            .flat_map(|ids| ids.str().into_iter().flat_map(|c| c.iter().flatten()));
        Ok(ids.any(|id| out.contains(id)))
    }

    fn without(&self, part: &Part, out: &HashSet<String>) -> Result<DataFrame, Error> {
        let frame = read(part)?;
        match self.keys.id {
            Some(id) => without(&frame, id, out),
            None => Ok(frame),
        }
    }

    /// Writes a file: sorted by patient and id, with all columns of the table and the run.
    pub(super) fn add(&self, number: usize, frame: DataFrame, done: &mut Done) -> Result<(), Error> {
        let path = self.file(number);
        let frame = self
            .tidy(frame)
            .map_err(|e| Error::caused(ErrorKind::Rows, &path, e))?;
        done.rows += frame.height();
        done.written += 1;
        parquet_file::replace(&path, &frame)
    }

    fn tidy(&self, frame: DataFrame) -> PolarsResult<DataFrame> {
        let sorted = [self.keys.patient, self.keys.id].into_iter().flatten();
        let sorted: Vec<&str> = sorted.filter(|name| frame.column(name).is_ok()).collect();
        let frame = if sorted.is_empty() || frame.height() < 2 {
            frame
        } else {
            let options = SortMultipleOptions::default().with_maintain_order(true);
            frame.sort(sorted, options)?
        };
        let all: Vec<_> = self.table.columns.iter().collect();
        narrow(&all, &frame)
    }
}

/// These rows of a frame.
pub(super) fn take(frame: &DataFrame, rows: &[u32], place: &Path) -> Result<DataFrame, Error> {
    let rows = IdxCa::from_slice(PlSmallStr::EMPTY, rows);
    frame
        .take(&rows)
        .map_err(|e| Error::caused(ErrorKind::Rows, place, e))
}
