//! The files of one table: which rows belong to which, and what is rewritten.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::io::SerReader;
use polars::prelude::{
    BooleanChunked, DataFrame, IdxCa, NewChunkedArray, ParquetReader, PlSmallStr, Series, SortMultipleOptions,
};
use table_description::TableDescription;

use crate::profile::{hash_of, id_of, texts};
use crate::rows::final_signals::parquet;
use crate::state::listing::paths_in;
use crate::state::private;
use crate::{Channels, Error, ErrorKind};

/// Rows of a file, about.
const ROWS: usize = 50_000;
/// Files of a table, at most.
const MOST: usize = 256;

/// The columns that say where a row belongs.
#[derive(Clone, Debug)]
pub(super) struct Keys<'t> {
    pub(super) id: Option<&'t str>,
    patient: Option<&'t str>,
}

impl<'t> Keys<'t> {
    pub(super) fn of(table: &'t TableDescription) -> Self {
        let name = |position: usize| table.columns[position].name.as_str();
        Self {
            id: table.position_of_path("id").map(name),
            patient: Channels::of(table).patient.map(name),
        }
    }

    /// The file of each row, of so many.
    fn parts(&self, frame: &DataFrame, parts: usize) -> Vec<usize> {
        let column = self.patient.or(self.id);
        let Some(series) = column.and_then(|c| frame.column(c).ok()) else {
            return vec![0; frame.height()];
        };
        let series = texts(series.as_materialized_series());
        let cells = series.str().into_iter().flat_map(|cells| cells.iter());
        let part = |cell: Option<&str>| {
            let hash = hash_of(id_of(cell.unwrap_or(""), "Patient"));
            #[expect(clippy::cast_possible_truncation, reason = "below the number of files")]
            let part = (hash % parts as u64) as usize;
            part
        };
        cells.map(part).collect()
    }
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

pub(super) fn read(path: &Path) -> Result<DataFrame, Error> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    ParquetReader::new(file)
        .finish()
        .map_err(|e| Error::caused(ErrorKind::Rows, path, e))
}

/// One column of a file as texts.
fn column(path: &Path, name: &str) -> Result<Series, Error> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    let frame = ParquetReader::new(file)
        .with_columns(Some(vec![name.to_owned()]))
        .finish();
    let frame = frame.map_err(|e| Error::caused(ErrorKind::Rows, path, e))?;
    let found = frame
        .column(name)
        .map_err(|e| Error::caused(ErrorKind::Rows, path, e))?;
    Ok(texts(found.as_materialized_series()))
}

/// Which rows have an id that is not among these.
pub(super) fn others(ids: &Series, out: &HashSet<String>) -> BooleanChunked {
    let cells = ids.str().into_iter().flat_map(|cells| cells.iter());
    let kept = cells.map(|id| id.is_none_or(|id| !out.contains(id)));
    BooleanChunked::from_iter_values(PlSmallStr::EMPTY, kept)
}

/// Writes the files of a table: the old rows without those resources, and the new ones. Returns rows, and files rewritten.
pub(super) fn rewrite(
    from: Option<&Path>,
    to: &Path,
    keys: &Keys<'_>,
    out: &HashSet<String>,
    new: &DataFrame,
) -> Result<(usize, usize), Error> {
    private::make_dirs(to).map_err(|e| Error::file(to, e))?;
    let old = from.map_or_else(|| Ok(Vec::new()), files)?;
    let mut rows_before = 0;
    let mut touched = Vec::with_capacity(old.len());
    for path in &old {
        let Some(id) = keys.id else { break };
        let ids = column(path, id)?;
        rows_before += ids.len();
        let any = ids
            .str()
            .into_iter()
            .flat_map(|c| c.iter().flatten())
            .any(|id| out.contains(id));
        touched.push(any);
    }
    let parts = ((rows_before + new.height()) / ROWS + 1)
        .next_power_of_two()
        .min(MOST);
    if keys.id.is_none() || old.len() > parts || old.len() * 2 < parts || (old.is_empty() && parts > 0) {
        return divide(
            &old,
            to,
            keys,
            out,
            new,
            if old.len() > parts { old.len() } else { parts },
        );
    }
    // As many files as there are: a file that outgrows its size is divided when there are twice as many rows.
    let parts = old.len();
    let of = keys.parts(new, parts);
    let (mut rows, mut written) = (0, 0);
    for (part, path) in old.iter().enumerate() {
        let own: Vec<u32> = (0..)
            .zip(&of)
            .filter(|(_, p)| **p == part)
            .map(|(row, _)| row)
            .collect();
        let target = to.join(format!("{part}.parquet"));
        if own.is_empty() && !touched.get(part).copied().unwrap_or(true) {
            std::fs::hard_link(path, &target).map_err(|e| Error::file(&target, e))?;
            rows += column(path, keys.id.unwrap_or_default())?.len();
            continue;
        }
        let mut frame = without(read(path)?, keys, out, path)?;
        append(&mut frame, new, &own, path)?;
        rows += frame.height();
        written += 1;
        store(&target, frame, keys)?;
    }
    Ok((rows, written))
}

/// Divides all rows anew.
fn divide(
    old: &[PathBuf],
    to: &Path,
    keys: &Keys<'_>,
    out: &HashSet<String>,
    new: &DataFrame,
    parts: usize,
) -> Result<(usize, usize), Error> {
    let mut all = new.clone();
    if keys.id.is_some() {
        for path in old {
            let kept = without(read(path)?, keys, out, path)?;
            all.vstack_mut(&kept)
                .map_err(|e| Error::caused(ErrorKind::Rows, path, e))?;
        }
    }
    if all.height() == 0 {
        return Ok((0, 0));
    }
    let of = keys.parts(&all, parts);
    for part in 0..parts {
        let own: Vec<u32> = (0..)
            .zip(&of)
            .filter(|(_, p)| **p == part)
            .map(|(row, _)| row)
            .collect();
        let target = to.join(format!("{part}.parquet"));
        let mut frame = all.slice(0, 0);
        append(&mut frame, &all, &own, &target)?;
        store(&target, frame, keys)?;
    }
    Ok((all.height(), parts))
}

fn without(
    frame: DataFrame,
    keys: &Keys<'_>,
    out: &HashSet<String>,
    path: &Path,
) -> Result<DataFrame, Error> {
    let Some(id) = keys.id else { return Ok(frame) };
    let failed = |e| Error::caused(ErrorKind::Rows, path, e);
    let ids = texts(frame.column(id).map_err(failed)?.as_materialized_series());
    frame.filter(&others(&ids, out)).map_err(failed)
}

fn append(frame: &mut DataFrame, new: &DataFrame, rows: &[u32], path: &Path) -> Result<(), Error> {
    let rows = IdxCa::from_slice(PlSmallStr::EMPTY, rows);
    let own = new
        .take(&rows)
        .map_err(|e| Error::caused(ErrorKind::Rows, path, e))?;
    frame
        .vstack_mut(&own)
        .map(drop)
        .map_err(|e| Error::caused(ErrorKind::Rows, path, e))
}

fn store(path: &Path, frame: DataFrame, keys: &Keys<'_>) -> Result<(), Error> {
    let sorted: Vec<&str> = [keys.patient, keys.id].into_iter().flatten().collect();
    let mut frame = if sorted.is_empty() || frame.height() < 2 {
        frame
    } else {
        let options = SortMultipleOptions::default().with_maintain_order(true);
        frame
            .sort(sorted, options)
            .map_err(|e| Error::caused(ErrorKind::Rows, path, e))?
    };
    parquet(path, &mut frame)
}
