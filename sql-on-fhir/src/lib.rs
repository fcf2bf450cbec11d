#![doc = include_str!("../README.md")]

mod artifacts;
mod compile;
pub mod describe;
mod error;
mod eval;
mod fhirpath;
mod output;
mod pieces;
#[cfg(feature = "sql")]
pub mod query;
mod run;
#[cfg(feature = "serve")]
pub mod serve;
pub mod shipped;
pub mod suite;
mod view;
mod views;
mod worker;

pub use artifacts::Artifacts;
pub use error::{Error, ErrorKind, Fault, FaultKind, Misfit};
pub use output::{Format, SqlType};
pub use run::{Open, Run, RunOptions, RunSummary, ViewSummary};
pub use view::{Lint, ViewDefinition};
pub use views::Views;
