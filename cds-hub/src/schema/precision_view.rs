//! How much of a date or time was given, for whoever reads the hub.
//!
//! The contract's columns have a date, so a birth year 1950 stands there as 1950-01-01. `v_precision` says that it was a
//! year: one line for each such cell, by table, row id and column. A cell without a line was given in full.

use super::Script;

/// Adds the view to the three schemas that are read from.
pub(super) fn precision_views(script: &mut Script) {
    for schema in ["cds2db_out", "db2dataprocessor_out", "db2frontend_out"] {
        script.push(format!(
            "CREATE VIEW {schema}.v_precision AS\nSELECT table_name, id, column_name, precision FROM core.precision"
        ));
    }
}
