#![doc = include_str!("../README.md")]
#![cfg_attr(doc, doc(test(attr(deny(warnings)))))]

pub mod check;
#[cfg(feature = "program")]
pub mod cli;
pub mod config;
mod error;
mod hash;
pub mod journal;
pub mod lock;
pub mod pattern;
pub mod progress;
pub mod report;
mod restore;
mod scan;
pub mod script;
mod side_by_side;
pub mod store;
mod submit;
pub mod text;
mod verify;
pub mod version;
mod whole_file;

pub use error::{Error, Result};
pub use journal::Journal;
pub use restore::{RestoreOptions, RestoreReport, restore};
pub use scan::{ModalityScan, Renamed, ScanOptions, ScanReport, Unread, scan};
pub use submit::{SubmitOptions, SubmitReport, submit};
pub use verify::{Difference, VerifyOptions, VerifyReport, Wrong, verify};
