#![doc = include_str!("../README.md")]

pub mod cli;
mod digits;
mod error;
mod fault;
pub mod pattern;
mod place;
pub mod plan;
mod project;
pub mod record;
pub mod release;
pub mod run;
mod staleness;
pub mod store;
mod words;
pub mod yaml;

pub use error::{Error, ErrorKind, Result};
pub use fault::{Fault, Rule, Warning};
pub use place::Place;
pub use project::{Action, Checked, Level, Output, Project, check};
pub use staleness::stale;
