//! Walking back from a result to its sources, and back in time.

mod as_of;
mod defects;
mod interface;
mod note;
mod origin;
mod trace;

pub use defects::DefectLine;
pub use interface::Interface;
pub use note::Lineage;
pub use origin::Origin;

use crate::schema::{Function, Model};

/// The functions that show a table as it was: `db.patient_as_of(timestamptz)` and one for every other table; and
/// `core.note_lineage`, which keeps what rows were made from.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    let mut functions: Vec<Function> = model.tables().iter().map(as_of::function).collect();
    functions.push(note::function(model));
    functions
}
