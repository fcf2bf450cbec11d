#![doc = include_str!("../README.md")]

mod apart;
mod basis;
mod birth_date;
mod cases;
#[cfg(feature = "program")]
pub mod cli;
pub mod config;
mod copy_text;
mod delivery;
mod diagnosis;
mod error;
pub mod fall_fe;
mod frame;
mod lineage;
mod measurement;
mod output;
pub mod patient_fe;
mod record_instance;
mod reference;
mod room;
mod run;
mod show;
mod sources;
mod sql_table;
mod study_phase;
mod view;
mod without_case;

pub use basis::{Basis, TABLES, Table};
pub use cases::Cases;
pub use config::{CaseProfile, Config};
pub use delivery::Delivered;
pub use error::{Error, ErrorKind, Result};
pub use output::Output;
pub use patient_fe::People;
pub use run::{Summary, derive, run, run_in, run_waiting};
pub use show::show;
pub use sources::Sources;
pub use sql_table::SqlTable;
pub use view::{Query, Snapshot};
pub use without_case::Reason;
