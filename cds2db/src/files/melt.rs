use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder};
use fhir_melt::flatten::FlattenOptions;
use fhir_melt::write::TableWriter;
use fhir_melt::{MeltOptions, melt};
use table_description::TableDescription;

use super::raw_csv::RawCsv;
use super::raw_parquet;
use crate::{Error, ErrorKind, Result};

/// Raw rows melted at a time.
const ROWS: usize = 10_000;

/// Melts a raw table in a file; returns rows and defects.
///
/// # Errors
/// When a file cannot be read or written, or has a column the table does not have.
pub fn melt_file(
    table: &Arc<TableDescription>,
    raw: &Path,
    out: &Path,
    options: &FlattenOptions,
) -> Result<(u64, u64)> {
    let failed =
        |e: fhir_melt::Error| Error::new(ErrorKind::File, format!("melting {}", raw.display())).because(e);
    let sink = File::create(out).map_err(|e| {
        Error::new(ErrorKind::File, format!("{} cannot be written", out.display())).because(e)
    })?;
    let mut writer = TableWriter::new(table, options.format, Box::new(BufWriter::new(sink)));
    let melting = MeltOptions {
        mode: options.mode.clone(),
        ..MeltOptions::default()
    };
    let mut defects = 0;
    let mut first = 0;
    for_each_batch(table, raw, &mut |batch| {
        let melted = melt(batch, &melting);
        match &options.zone {
            Some(zone) => {
                let found = writer.write_typed(&melted, first, zone).map_err(failed)?;
                defects += found.len() as u64;
            }
            None => {
                defects += melted.defects().len() as u64;
                writer.write(&melted, first).map_err(failed)?;
            }
        }
        first += batch.rows() as u64;
        Ok(())
    })?;
    let rows = writer.finish().map_err(failed)?;
    Ok((rows, defects))
}

/// Reads the raw table in batches; columns are found by name or by path.
fn for_each_batch(
    table: &Arc<TableDescription>,
    raw: &Path,
    take: &mut dyn FnMut(&Batch) -> Result<()>,
) -> Result<()> {
    let is_parquet = raw.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
    if is_parquet {
        parquet_batches(table, raw, take)
    } else {
        csv_batches(table, raw, take)
    }
}

fn csv_batches(
    table: &Arc<TableDescription>,
    raw: &Path,
    take: &mut dyn FnMut(&Batch) -> Result<()>,
) -> Result<()> {
    let failed = |e| unreadable(raw, e);
    let mut csv = RawCsv::new(BufReader::new(File::open(raw).map_err(failed)?));
    let names = csv.next().map_err(failed)?.unwrap_or_default();
    let columns: Vec<usize> = names
        .iter()
        .map(|name| column(table, raw, name.as_deref().unwrap_or_default()))
        .collect::<Result<_>>()?;
    let mut ended = false;
    while !ended {
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for _ in 0..ROWS {
            let Some(record) = csv.next().map_err(failed)? else {
                ended = true;
                break;
            };
            builder.begin_row();
            for (cell, &column) in record.iter().zip(&columns) {
                if let Some(cell) = cell {
                    builder.push_cell(column, cell);
                }
            }
        }
        take(&builder.finish())?;
    }
    Ok(())
}

fn parquet_batches(
    table: &Arc<TableDescription>,
    raw: &Path,
    take: &mut dyn FnMut(&Batch) -> Result<()>,
) -> Result<()> {
    let failed = |e: polars::prelude::PolarsError| unreadable(raw, e);
    let frame = raw_parquet::read(raw).map_err(failed)?;
    let mut from = 0;
    while from < frame.height() {
        let slice = frame.slice(i64::try_from(from).unwrap_or(i64::MAX), ROWS);
        let cells = slice
            .columns()
            .iter()
            .map(|c| Ok((column(table, raw, c.name())?, c.str().map_err(failed)?)));
        let cells: Vec<_> = cells.collect::<Result<_>>()?;
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for row in 0..slice.height() {
            builder.begin_row();
            for (column, texts) in &cells {
                if let Some(cell) = texts.get(row) {
                    builder.push_cell(*column, cell);
                }
            }
        }
        take(&builder.finish())?;
        from += ROWS;
    }
    Ok(())
}

fn column(table: &TableDescription, raw: &Path, name: &str) -> Result<usize> {
    table
        .position(name)
        .or_else(|| table.position_of_path(name))
        .ok_or_else(|| {
            let text = format!("{}: table {} has no column {name}", raw.display(), table.name);
            Error::new(ErrorKind::Description, text)
        })
}

fn unreadable(raw: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be read", raw.display())).because(error)
}
