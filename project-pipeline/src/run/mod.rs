//! Jobs as processes in folders of their own.

mod finish;
mod folder;
mod identity;
mod job_log;
mod lock;
mod options;
mod planned;
mod process;
mod progress;
mod recover;
mod runners;
mod sandbox;
mod scheduler;
mod snapshot;
mod task;

pub(crate) use lock::Lock;
pub use options::RunOptions;
pub use process::Limits;
pub use progress::{Progress, Silent};
pub use runners::{Runner, Runners};
pub use scheduler::{Outcome, run};
pub(crate) use snapshot::code_of;
