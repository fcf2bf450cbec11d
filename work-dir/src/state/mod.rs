//! What a run has, how far it is, and where everything lies: the part that needs no data frames.

mod digest;
mod id2nr;
pub(crate) mod layout;
pub(crate) mod ledger;
mod leftovers;
pub(crate) mod listing;
pub(crate) mod private;
mod process_log;
mod pseudonym;
mod runs;
mod state_file;
mod status;
mod work_dir;

pub use digest::Digest;
pub use id2nr::Id2Nr;
pub use layout::{BatchFile, Layout};
pub use ledger::Batch;
pub use private::replace;
pub use process_log::ProcessLog;
pub use pseudonym::Pseudonym;
pub use runs::Runs;
pub use status::Status;
pub use work_dir::{WorkDir, WorkDirView};
