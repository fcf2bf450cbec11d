//! Where rows go: CSV, NDJSON and, with the feature `arrow`, Parquet and Arrow IPC.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "sql")]
mod batches;
mod column;
mod fit;
mod text;
mod writer;

#[cfg(feature = "sql")]
pub(crate) use arrow::base64;
#[cfg(feature = "sql")]
pub(crate) use batches::Batches;
pub(crate) use column::ColumnType;
pub use column::SqlType;
pub(crate) use text::Text;
pub use writer::Format;
pub(crate) use writer::Writer;
