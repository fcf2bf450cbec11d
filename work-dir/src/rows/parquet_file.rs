//! Frames as Parquet files, column by column: a file is there as a whole or not at all.
//!
//! The writer of polars-io encodes all columns before it writes the first, and estimates of each how often its values repeat;
//! of the hundred columns of a table most have no value. Here a column is encoded when its turn comes, and one without a
//! value is not looked at.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use polars::prelude::{CompatLevel, DataFrame, PolarsError, PolarsResult, SchemaExt};
use polars_parquet::read::ParquetError;
use polars_parquet::write::{
    CompressedPage, CompressionOptions, Compressor, DynIter, DynStreamingIterator, Encoding,
    FallibleStreamingIterator, FileWriter, StatisticsOptions, Version, WriteOptions, array_to_columns,
    get_dtype_encoding, to_parquet_schema,
};

use crate::state::private;
use crate::{Error, ErrorKind};

/// Bytes of a file that go to the system at a time.
const BUFFER: usize = 1 << 18;
/// Rows of a row group at most.
const GROUP_ROWS: usize = 1 << 18;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// For files that stay. A context of a stronger one costs more than what most columns hold.
    Snappy,
    /// For files that are read once and go.
    None,
}

/// Writes a file that only its owner may read, in place of what was there, and brings it to the disk.
pub(crate) fn replace(path: &Path, rows: &DataFrame) -> Result<(), Error> {
    let part = path.with_added_extension("part");
    let file = private::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&part)
        .map_err(|e| Error::file(&part, e))?;
    write_parquet(&file, rows, Compression::Snappy).map_err(|e| Error::caused(ErrorKind::Rows, path, e))?;
    let place = || -> std::io::Result<()> {
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    place().map_err(|e| Error::file(path, e))
}

/// Writes rows as a Parquet file.
///
/// # Errors
/// When polars refuses the rows, or what is written to does not take them.
pub fn write_parquet(to: &File, rows: &DataFrame, compression: Compression) -> PolarsResult<()> {
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: match compression {
            Compression::Snappy => CompressionOptions::Snappy,
            Compression::None => CompressionOptions::Uncompressed,
        },
        data_page_size: None,
    };
    let schema = rows.schema().to_arrow(CompatLevel::newest());
    let types = to_parquet_schema(&schema)?;
    // The writer hands on numbers byte by byte.
    let mut out = BufWriter::with_capacity(BUFFER, to);
    let mut writer = FileWriter::try_new(&mut out, schema, options)?;
    for offset in (0..rows.height()).step_by(GROUP_ROWS) {
        let group = rows.slice(i64::try_from(offset).unwrap_or(i64::MAX), GROUP_ROWS);
        for batch in group.iter_chunks(CompatLevel::newest(), false) {
            let columns = batch
                .columns()
                .iter()
                .zip(types.fields())
                .flat_map(|(array, of)| {
                    let encoding = match array.null_count() == array.len() {
                        true => vec![Encoding::Plain],
                        false => get_dtype_encoding(array.dtype()),
                    };
                    match array_to_columns(array, of.clone(), options, &encoding) {
                        Ok(columns) => columns
                            .into_iter()
                            .map(|pages| Ok(compressed(pages, options)))
                            .collect(),
                        Err(error) => vec![Err(error)],
                    }
                });
            writer.write(batch.len() as u64, DynIter::new(columns))?;
        }
    }
    writer.end(None)?;
    drop(writer);
    Ok(out.flush()?)
}

type Pages = DynIter<'static, PolarsResult<polars_parquet::write::Page>>;

/// The pages of a column as they are written.
fn compressed(
    pages: Pages,
    options: WriteOptions,
) -> DynStreamingIterator<'static, CompressedPage, PolarsError> {
    let pages = pages.map(|page| page.map_err(|e| ParquetError::FeatureNotSupported(e.to_string())));
    let pages = Compressor::new_from_vec(pages, options.compression, Vec::new());
    DynStreamingIterator::new(pages.map_err(PolarsError::from))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use polars_io::SerReader;
    use polars_io::parquet::read::ParquetReader;

    use super::*;

    /// What the writer of polars-io writes reads as the same rows.
    #[test]
    fn every_type_with_and_without_values_is_read_back() {
        let rows = df!(
            "text" => [Some("a"), None, Some(""), Some("a longer text than a view holds"), None],
            "no_text" => [None::<&str>; 5],
            "number" => [Some(1.5), None, Some(f64::NAN), Some(-0.0), None],
            "no_number" => [None::<f64>; 5],
            "whole" => [Some(1), None, Some(i32::MIN), Some(i32::MAX), None],
            "no_whole" => [None::<i32>; 5],
            "flag" => [Some(true), None, Some(false), Some(true), None],
            "no_flag" => [None::<bool>; 5],
            "day" => [Some(0), None, Some(-800_000), Some(20_000), None],
            "no_day" => [None::<i32>; 5],
            "moment" => [Some(0_i64), None, Some(-1), Some(1_700_000_000_000_001), None],
            "no_moment" => [None::<i64>; 5],
            "clock" => [Some(0_i64), None, Some(86_399_999_999_000), Some(1_000), None],
        )
        .unwrap();
        let typed = |name: &str, data_type: DataType| rows.column(name).unwrap().cast(&data_type).unwrap();
        let moment = DataType::Datetime(TimeUnit::Microseconds, None);
        let mut rows = rows.clone();
        for column in [
            typed("day", DataType::Date),
            typed("no_day", DataType::Date),
            typed("moment", moment.clone()),
            typed("no_moment", moment),
            typed("clock", DataType::Time),
        ] {
            rows.with_column(column).unwrap();
        }
        for (rows, compression) in [
            (rows.clone(), Compression::Snappy),
            (rows.clone(), Compression::None),
            (rows.clear(), Compression::Snappy),
        ] {
            let file = tempfile::tempfile().unwrap();
            write_parquet(&file, &rows, compression).unwrap();
            let read = ParquetReader::new(file).finish().unwrap();
            assert!(read.equals_missing(&rows), "{read:?}");
            assert_eq!(read.schema(), rows.schema());
        }
    }

    #[test]
    fn more_rows_than_a_group_holds() {
        let many = i32::try_from(GROUP_ROWS).unwrap() + 7;
        let rows =
            df!("n" => (0..many).collect::<Vec<_>>(), "none" => vec![None::<&str>; many as usize]).unwrap();
        let file = tempfile::tempfile().unwrap();
        write_parquet(&file, &rows, Compression::Snappy).unwrap();
        assert!(ParquetReader::new(file).finish().unwrap().equals_missing(&rows));
    }
}
