//! Inbox to core, for foreign writers.

use crate::schema::{Function, Model};

/// The transfer functions of this model: `db.copy_raw_cds_in_to_db_log()` and its fellows.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    let _ = model;
    Vec::new()
}
