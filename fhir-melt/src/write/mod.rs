//! Melted rows as CSV, NDJSON or Parquet.

mod csv;
mod format;
mod grid;
mod ndjson;
#[cfg(feature = "polars")]
mod parquet;
mod row_text;
mod table_writer;

pub(crate) use csv::write_line as write_csv_line;
pub use format::Format;
pub use table_writer::TableWriter;
#[cfg(feature = "arrow")]
pub(crate) use table_writer::{PATH as INDEX_PATH, ROW as SOURCE_ROW};
