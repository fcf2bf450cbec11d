//! The lock between modules and transfers.

use crate::schema::{Function, Model};

/// The semaphore functions: `db.data_transfer_stop(varchar, varchar)` and its fellows.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    let _ = model;
    Vec::new()
}
