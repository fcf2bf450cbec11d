//! Inbox to core: the functions a foreign writer, a scheduler or the loader calls.
//!
//! `core.take_…` moves the rows of one inbox in one statement; `db.copy_…`, which keep the original's names, call them
//! table by table in one transaction under one processing number.

mod calculated;
mod companion;
mod copy;
mod import;
mod mark;
mod names;
mod overwrite;
mod run;
mod statistics;
mod take;

pub use run::{Step, Transfer, steps};

pub(crate) use names::Names;
pub(crate) use overwrite::{before, calculated as calculated_columns, digest, meta, overwrite};

use crate::schema::{Function, Kind, Model};

/// The roles of the modules, which may load and transfer.
pub(crate) const MODULES: &[&str] = &["cds2db_user", "db2dataprocessor_user", "db2frontend_user"];

/// The functions of this model: `db.copy_raw_cds_in_to_db_log()` and its fellows, and what they call.
#[must_use]
pub fn functions(model: &Model) -> Vec<Function> {
    let mut functions = import::functions();
    functions.extend(mark::functions());
    functions.extend(model.tables().iter().map(mark::mark));
    functions.extend(model.of(Kind::Typed).flat_map(companion::functions));
    functions.extend(model.tables().iter().flat_map(take::functions));
    functions.extend(copy::functions(model));
    functions.push(calculated::function(model));
    functions.push(statistics::function(model));
    functions
}

/// What every function of ours has between its arguments and its body: it runs with its owner's rights, finds nothing
/// but the server's own names unqualified, and reads and writes times as the contract has them.
pub(crate) fn header(language: &str) -> String {
    format!(
        "LANGUAGE {language} SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\nSET \"TimeZone\" = \
         'Europe/Berlin'\nSET \"DateStyle\" = 'ISO, YMD'"
    )
}

/// The types of a function's arguments, as its signature has them.
fn types(arguments: &str) -> String {
    let types: Vec<&str> = arguments
        .split(", ")
        .filter_map(|a| {
            a.split_once(' ')
                .map(|(_, t)| t.split(" DEFAULT").next().unwrap_or(t))
        })
        .collect();
    types.join(", ")
}
