use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder, Notation};
use fhir_melt::flatten::{FlattenOptions, FlattenedTable, Open, TableFiles};
use fhir_melt::{MeltOptions, Repeats};
use table_description::{MeltMode, TableDescription};

use super::raw_csv::RawCsv;
use super::raw_parquet;
use crate::{Error, ErrorKind, Result};

/// Raw rows melted at a time, and bytes of their cells.
const ROWS: usize = 10_000;
const BYTES: usize = 64 << 20;
/// Bytes gathered before they are written.
const WRITE: usize = 1 << 18;

/// Melts a raw table in a file; returns the files written with their rows, and the number of defects.
///
/// Beside `out` stand, where there are any, the child tables (`NAME.ELEMENT.csv`), the resources above the row limit as
/// raw rows (`NAME.raw.csv`) and the defects (`NAME.defects.csv`), `NAME` being that of `out` without its ending.
///
/// The raw table is read twice: what repeats anywhere in it decides the order of rows everywhere, as in fhircrackr.
///
/// # Errors
/// When a file cannot be read or written, `out` is the raw table itself, or the raw table has a column its description
/// does not have.
pub fn melt_file(
    table: &Arc<TableDescription>,
    raw: &Path,
    out: &Path,
    notation: &Notation,
    options: &FlattenOptions,
) -> Result<(Vec<FlattenedTable>, u64)> {
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(raw, out) {
        let text = format!(
            "{} is the raw table itself; name another file with --out",
            out.display()
        );
        return Err(Error::new(ErrorKind::File, text));
    }
    let mode = options.mode.clone().unwrap_or_else(|| table.melt.clone());
    let mut repeats = match mode {
        MeltMode::Child => Repeats::r4(table),
        _ => Repeats::none(table),
    };
    let raw = Raw {
        table,
        file: raw,
        notation,
    };
    raw.for_each_batch(&mut |batch| {
        repeats.observe(batch);
        Ok(())
    })?;
    let melting = MeltOptions {
        mode: Some(mode),
        repeats: Some(repeats),
        row_limit: options.row_limit,
        separator: notation.separator.clone(),
        ..MeltOptions::default()
    };
    let failed = |e: fhir_melt::Error| {
        Error::new(ErrorKind::File, format!("melting {}", raw.file.display())).because(e)
    };
    let zone = options.zone.clone();
    let (format, precision) = (options.format, options.precision);
    let files = TableFiles::new(table, &melting, format, zone, precision, beside(table, out));
    let mut files = files.map_err(failed)?;
    raw.for_each_batch(&mut |batch| files.write(batch).map_err(failed))?;
    files.finish().map_err(failed)
}

/// Opens `out` for the table itself, and files beside it for whatever comes with it.
fn beside(table: &TableDescription, out: &Path) -> Open {
    let (name, out) = (table.name.clone(), out.to_owned());
    Box::new(move |file: &str| {
        let file = File::create(place(&name, &out, file))?;
        Ok(Box::new(BufWriter::with_capacity(WRITE, file)) as Box<dyn Write + Send>)
    })
}

/// Where a file of the table goes: `observation.csv` to `out`, `observation.raw.csv` and `defects.csv` beside it.
fn place(table: &str, out: &Path, file: &str) -> PathBuf {
    let rest = file.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
    match rest {
        Some(rest) if !rest.contains('.') => out.to_owned(),
        rest => {
            let stem = out.file_stem().unwrap_or_default().to_string_lossy();
            out.with_file_name(format!("{stem}.{}", rest.unwrap_or(file)))
        }
    }
}

/// A raw table in a file.
struct Raw<'r> {
    table: &'r Arc<TableDescription>,
    file: &'r Path,
    notation: &'r Notation,
}

impl Raw<'_> {
    /// Reads the raw table in batches; columns are found by name or by path.
    fn for_each_batch(&self, take: &mut dyn FnMut(&Batch) -> Result<()>) -> Result<()> {
        let is_parquet = self
            .file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        if is_parquet {
            self.parquet_batches(take)
        } else {
            self.csv_batches(take)
        }
    }

    fn csv_batches(&self, take: &mut dyn FnMut(&Batch) -> Result<()>) -> Result<()> {
        let failed = |e| self.unreadable(e);
        let mut csv = RawCsv::new(BufReader::new(File::open(self.file).map_err(failed)?));
        let names = csv.next().map_err(failed)?.unwrap_or_default();
        let columns: Vec<usize> = names
            .iter()
            .map(|name| self.column(name.as_deref().unwrap_or_default()))
            .collect::<Result<_>>()?;
        let mut ended = false;
        while !ended {
            let mut builder = BatchBuilder::new(Arc::clone(self.table));
            let (mut rows, mut bytes) = (0, 0);
            while rows < ROWS && bytes < BYTES {
                let Some(record) = csv.next_of(columns.len()).map_err(failed)? else {
                    ended = true;
                    break;
                };
                builder.begin_row();
                rows += 1;
                for (cell, &column) in record.iter().zip(&columns) {
                    if let Some(cell) = cell {
                        bytes += cell.len();
                        builder.push_cell_in(column, cell, self.notation);
                    }
                }
            }
            take(&builder.finish())?;
        }
        Ok(())
    }

    fn parquet_batches(&self, take: &mut dyn FnMut(&Batch) -> Result<()>) -> Result<()> {
        let failed = |e: polars::prelude::PolarsError| self.unreadable(e);
        let frame = raw_parquet::read(self.file).map_err(failed)?;
        let cells = frame
            .columns()
            .iter()
            .map(|c| Ok((self.column(c.name())?, c.str().map_err(failed)?)));
        let cells: Vec<_> = cells.collect::<Result<_>>()?;
        let mut row = 0;
        while row < frame.height() {
            let mut builder = BatchBuilder::new(Arc::clone(self.table));
            let (last, mut bytes) = ((row + ROWS).min(frame.height()), 0);
            while row < last && bytes < BYTES {
                builder.begin_row();
                for (column, texts) in &cells {
                    if let Some(cell) = texts.get(row) {
                        bytes += cell.len();
                        builder.push_cell_in(*column, cell, self.notation);
                    }
                }
                row += 1;
            }
            take(&builder.finish())?;
        }
        Ok(())
    }

    fn column(&self, name: &str) -> Result<usize> {
        let table = self.table;
        table
            .position(name)
            .or_else(|| table.position_of_path(name))
            .ok_or_else(|| {
                let text = format!(
                    "{}: table {} has no column {name}",
                    self.file.display(),
                    table.name
                );
                Error::new(ErrorKind::Description, text)
            })
    }

    fn unreadable(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::new(ErrorKind::File, format!("{} cannot be read", self.file.display())).because(error)
    }
}
