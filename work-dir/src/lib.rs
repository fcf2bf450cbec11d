#![doc = include_str!("../README.md")]

#[cfg(feature = "polars")]
mod channels;
#[cfg(feature = "polars")]
pub mod checks;
mod digest;
mod error;
#[cfg(feature = "polars")]
mod final_signals;
mod id2nr;
#[cfg(feature = "polars")]
pub mod inspect;
mod layout;
mod ledger;
mod leftovers;
mod listing;
mod private;
mod process_log;
#[cfg(feature = "polars")]
pub mod profile;
mod pseudonym;
#[cfg(feature = "polars")]
mod rep_configs;
#[cfg(feature = "polars")]
pub mod report;
#[cfg(feature = "polars")]
mod row_keys;
#[cfg(feature = "polars")]
mod row_text;
mod runs;
#[cfg(feature = "polars")]
mod side_by_side;
#[cfg(feature = "polars")]
mod signal_text;
mod state_file;
mod status;
mod work_dir;

#[cfg(feature = "polars")]
pub use channels::Channels;
pub use digest::Digest;
pub use error::{Error, ErrorKind};
#[cfg(feature = "polars")]
pub use final_signals::{FinalSignals, TextForm, Written};
pub use id2nr::Id2Nr;
pub use layout::{BatchFile, Layout};
pub use ledger::Batch;
pub use private::replace;
pub use process_log::ProcessLog;
pub use pseudonym::Pseudonym;
#[cfg(feature = "polars")]
pub use rep_configs::write_rep_configs;
#[cfg(feature = "polars")]
pub use row_keys::RowKeys;
#[cfg(feature = "polars")]
pub use row_text::write_rows;
pub use runs::Runs;
pub use status::Status;
pub use work_dir::{WorkDir, WorkDirView};
