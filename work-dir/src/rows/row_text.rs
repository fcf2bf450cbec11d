use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{AnyValue, DataFrame, DataType};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;

use crate::whole::Whole;
use crate::{Error, ErrorKind, Layout};

/// Writes all typed rows of a table of a run as comma-separated text with a header: NULL is an empty cell, the empty text a
/// quoted one, as PostgreSQL reads it.
///
/// # Errors
/// [`ErrorKind::Rows`] when a file cannot be read or there is none, [`ErrorKind::File`] when the text cannot be written.
pub fn write_rows(layout: &Layout, table: &str, out: &mut dyn Write) -> Result<(), Error> {
    let signals = layout.final_signals();
    let files = layout.batch_files().map_err(|e| Error::file(&signals, e))?;
    let own = files.into_iter().filter(|file| file.table == table);
    let own: Vec<PathBuf> = own.map(|file| file.path).collect();
    write_files(&own, &layout.parquet(table, 0), out)
}

/// The same of the standing whole, with the run of each row.
///
/// # Errors
/// As [`write_rows`].
pub fn write_whole_rows(whole: &Whole, table: &str, out: &mut dyn Write) -> Result<(), Error> {
    write_files(&whole.files(table)?, &whole.root().join(table), out)
}

fn write_files(files: &[PathBuf], place: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let mut headed = false;
    for path in files {
        let failed = |e: polars::prelude::PolarsError| Error::caused(ErrorKind::Rows, path, e);
        let open = File::open(path).map_err(|e| Error::file(path, e))?;
        let rows = ParquetReader::new(open).finish().map_err(failed)?;
        if !std::mem::replace(&mut headed, true) {
            let names: Vec<&str> = rows.get_column_names().iter().map(|name| name.as_str()).collect();
            writeln!(out, "{}", names.join(",")).map_err(|e| Error::file(place, e))?;
        }
        let text = text(&rows).map_err(failed)?;
        out.write_all(&text).map_err(|e| Error::file(place, e))?;
    }
    if headed {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Rows, place))
    }
}

fn text(rows: &DataFrame) -> polars::prelude::PolarsResult<Vec<u8>> {
    // Dates and times as ISO text, column by column.
    let columns: Vec<_> = rows
        .columns()
        .iter()
        .map(|column| match column.dtype() {
            DataType::Date | DataType::Datetime(..) | DataType::Time => column.cast(&DataType::String),
            _ => Ok(column.clone()),
        })
        .collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for row in 0..rows.height() {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            cell(&column.get(row)?, &mut out)?;
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn cell(value: &AnyValue<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let text = match value {
        AnyValue::Null => return Ok(()),
        AnyValue::String(text) => *text,
        AnyValue::StringOwned(text) => text.as_str(),
        // As few digits as tell it from every other number; the frame's own way of showing it rounds.
        AnyValue::Float64(number) => return write!(out, "{number}"),
        other => return write!(out, "{other}"),
    };
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
