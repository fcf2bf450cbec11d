#![doc = include_str!("../README.md")]

mod database;
pub mod exit_code;
mod fault;
mod flat_toml;
mod inpatient;
pub mod phases;
mod reader;
mod shown;
mod spelling;
mod told;
pub mod wall_time;

pub use database::{Database, DatabaseTls};
pub use fault::{Fault, Place};
pub use flat_toml::{Entry, FlatToml, resolve};
pub use inpatient::INPATIENT_CLASSES;
pub use phases::{Phases, WardPhases};
pub use reader::{Findings, Reader};
pub use shown::{ShownLines, shown, shown_json};
pub use told::{print_error, told};
