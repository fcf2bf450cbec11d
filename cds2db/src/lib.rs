#![doc = include_str!("../README.md")]

pub mod backfill;
#[cfg(feature = "program")]
pub mod cli;
pub mod config;
#[cfg(feature = "program")]
pub mod demo;
mod error;
pub mod files;
mod folder;
pub mod progress;
pub mod references;
pub mod run;
mod summary;
pub mod ward;

pub use error::{Error, ErrorKind, Result};
pub use summary::{
    About, Incomplete, OutputSummary, StageSummary, Summary, TableSummary, Verdict, peak_rss_bytes,
};
