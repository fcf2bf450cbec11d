//! Walking back from a result to its sources, and back in time.

mod as_of;
mod trace;

pub use trace::Origin;

use crate::schema::{Function, Model};

/// The functions that show a table as it was: `db.patient_as_of(timestamptz)` and one for every other table.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    model.tables().iter().map(as_of::function).collect()
}
