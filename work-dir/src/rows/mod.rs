//! Typed rows of a run: written as Parquet and as the original system's text, and read back.

mod channels;
pub(crate) mod final_signals;
pub(crate) mod parquet_file;
mod row_keys;
mod row_text;
mod signal_text;

pub use channels::Channels;
pub use final_signals::{FinalSignals, TextForm, Written};
pub use parquet_file::{Compression, write_parquet};
pub use row_keys::RowKeys;
pub use row_text::{write_rows, write_whole_rows};
