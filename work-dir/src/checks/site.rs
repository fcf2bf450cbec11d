use super::Outcome;
use super::limits::Site;
use crate::Error;
use crate::inspect::Tables;

/// Makes a test of the site's own: its query selects the rows that are wrong.
///
/// A query that cannot be answered is a failure, and what it says is not repeated, since it may hold values.
pub(crate) fn test(site: &Site, tables: &mut Tables, of: u64, few: u32) -> Outcome {
    match tables.count(&site.sql) {
        Ok(0) => Outcome::passed(&site.name, site.severity, "no row is wrong"),
        Ok(rows) => Outcome::failed(
            &site.name,
            site.severity,
            "",
            format!("{rows} rows are wrong"),
            site.advice.clone(),
        )
        .among(rows, of.max(rows))
        .of_few(rows < u64::from(few)),
        Err(error) => Outcome::failed(
            &site.name,
            site.severity,
            "",
            "the query cannot be answered",
            format!("try it with cds2db work inspect {}{}", site.table, kind(&error)),
        ),
    }
}

/// The kind of fault, without the words of the database, which may repeat values.
fn kind(error: &Error) -> String {
    let source =
        std::error::Error::source(error).and_then(|e| e.downcast_ref::<polars::error::PolarsError>());
    match source {
        Some(polars::error::PolarsError::ColumnNotFound(_)) => " (a column does not exist)".to_owned(),
        Some(polars::error::PolarsError::SQLSyntax(_)) => " (it is no SQL)".to_owned(),
        Some(polars::error::PolarsError::SQLInterface(_)) => {
            " (SQL that is not supported, or no such table)".to_owned()
        }
        _ => String::new(),
    }
}
