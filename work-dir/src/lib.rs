#![doc = include_str!("../README.md")]

mod digest;
mod error;
mod layout;
mod ledger;
mod leftovers;
mod private;
mod process_log;
#[cfg(feature = "polars")]
pub mod profile;
mod runs;
mod state_file;
mod status;
mod work_dir;

pub use digest::Digest;
pub use error::{Error, ErrorKind};
pub use layout::{BatchFile, Layout};
pub use ledger::Batch;
pub use process_log::ProcessLog;
pub use runs::Runs;
pub use status::Status;
pub use work_dir::WorkDir;
