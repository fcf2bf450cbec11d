//! The lock between modules and transfers.
//!
//! The state is the original's text in `db_config.db_process_control`, so foreign modules and ours exclude each other.
//! Ours also leave an owner token and a lease: while the holder lives it renews the lease, and within seconds of its
//! death the lock is open again.

mod functions;
mod lock;
mod operator;
mod token;
mod waiting;

pub use lock::{Lock, LockOptions};
pub use waiting::Waiting;

pub(crate) use lock::Importing;
pub(crate) use waiting::Told;

use crate::schema::{Function, Model};

/// The semaphore functions: `db.data_transfer_stop(varchar, varchar)` and its fellows.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    // They are the same for every description.
    let _ = model;
    functions::functions()
}
