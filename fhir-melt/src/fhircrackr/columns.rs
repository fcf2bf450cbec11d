use regex::Regex;

use super::text_table::TextTable;
use crate::error::{Error, ErrorKind};

/// Names of the columns at or below a prefix (`fhir_common_columns`), in order: the prefix alone or followed by a full
/// stop. The prefix is a regular expression, as in the reference; one that is none is taken as text.
///
/// # Errors
/// No such column.
pub fn common_columns<'t>(table: &'t TextTable, prefix: &str) -> Result<Vec<&'t str>, Error> {
    let names: Vec<&str> = below(table, prefix, ".").collect();
    if names.is_empty() {
        Err(Error::new(ErrorKind::UnknownPrefix, prefix))
    } else {
        Ok(names)
    }
}

/// Names that match `^prefix($|separator)`.
pub(super) fn below<'t>(
    table: &'t TextTable,
    prefix: &str,
    separator: &str,
) -> impl Iterator<Item = &'t str> + use<'t> {
    let separator = regex::escape(separator);
    let pattern = Regex::new(&format!("^{prefix}($|{separator})"))
        .or_else(|_| Regex::new(&format!("^{}($|{separator})", regex::escape(prefix))));
    table
        .names()
        .filter(move |name| pattern.as_ref().is_ok_and(|pattern| pattern.is_match(name)))
}
