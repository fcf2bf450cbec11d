#![doc = include_str!("../README.md")]

#[cfg(feature = "polars")]
pub mod checks;
mod error;
#[cfg(feature = "polars")]
pub mod inspect;
#[cfg(feature = "polars")]
pub mod profile;
#[cfg(feature = "polars")]
mod rep_configs;
#[cfg(feature = "polars")]
pub mod report;
#[cfg(feature = "polars")]
mod rows;
#[cfg(feature = "polars")]
mod side_by_side;
#[cfg(feature = "polars")]
pub mod signals;
mod state;
#[cfg(feature = "polars")]
pub mod whole;

pub use error::{Error, ErrorKind};
#[cfg(feature = "polars")]
pub use rows::{
    Channels, Compression, FinalSignals, RowKeys, TextForm, Written, write_parquet, write_rows,
    write_whole_rows,
};
pub use state::{
    Batch, BatchFile, Digest, Id2Nr, Layout, ProcessLog, Pseudonym, Runs, Status, WorkDir, WorkDirView,
    replace,
};
