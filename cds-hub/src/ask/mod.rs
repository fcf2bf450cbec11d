//! Typed questions: what the programs around the hub want to know of it. Nobody outside writes SQL for them, and names of
//! views and columns come from the description and are quoted here only.

mod encounters;
mod ids;
mod invalid;
mod last_versions;
mod listed;
mod references;
mod waiting;
mod watermarks;

pub use encounters::{EncounterRow, Running};
pub use ids::Whose;
pub use invalid::{InvalidReferences, InvalidRow};
pub use last_versions::{LastVersions, Position};
pub use waiting::WaitingRun;

use table_description::TableDescription;

use crate::schema::identifier;

/// Microseconds since 1970-01-01 of the time in a column or expression.
fn micros(column: &str) -> String {
    format!("(extract(epoch FROM {column}) * 1000000)::bigint")
}

/// The view with all versions of a table's rows.
fn view(table: &TableDescription) -> String {
    format!("cds2db_out.{}", identifier(&format!("v_{}", table.name)))
}

/// The view with the last version of each resource of a table.
fn last_version(table: &TableDescription) -> String {
    let name = format!("v_{}_last_version", table.name);
    format!("cds2db_out.{}", identifier(&name))
}

/// The column at an element path, quoted.
fn column(table: &TableDescription, path: &str) -> Option<String> {
    let position = table.position_of_path(path)?;
    Some(identifier(&table.columns[position].name).into_owned())
}

/// The column with the reference to the patient, quoted.
fn patient(table: &TableDescription) -> Option<String> {
    let position = table.patient_column()?;
    Some(identifier(&table.columns[position].name).into_owned())
}
