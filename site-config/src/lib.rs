#![doc = include_str!("../README.md")]

mod database;
mod fault;
mod flat_toml;
pub mod phases;
mod reader;
mod spelling;
pub mod wall_time;

pub use database::{Database, DatabaseTls};
pub use fault::{Fault, Place};
pub use flat_toml::{Entry, FlatToml, resolve};
pub use phases::{Phases, WardPhases};
pub use reader::{Findings, Reader};
