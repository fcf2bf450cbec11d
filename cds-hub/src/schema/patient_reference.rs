//! References to patients that are not written as `Patient/<id>`, found without reading the whole table.
//!
//! `Patient/p1/_history/2` and `https://host/fhir/Patient/p1` name Patient p1 too. Their index holds only such rows, which
//! most hubs have none of; the plain form has an index of its own.

use super::identifier;

/// Which rows have another form than the plain one: more than one slash.
const ODD: &str = "LIKE '%/%/%'";
/// The id within such a reference. Loose, as the reader of the rows decides by the parser of references.
const ID: &str = r"(?:^|/)Patient/([^/?#]+)(?:/_history/[^/?#]+)?/?(?:[?#].*)?\s*$";

/// What the index of a column of references holds.
pub(super) fn index_columns(column: &str) -> String {
    let column = identifier(column);
    format!("((substring({column} from '{ID}'))) WHERE {column} {ODD}")
}

/// The SQL condition that a column refers to one of these patients, whatever the form; `ids` are SQL literals of ids and
/// `plain` those of plain references to them.
#[must_use]
pub fn refers_to_patients(column: &str, plain: &[String], ids: &[String]) -> String {
    if ids.is_empty() || plain.is_empty() {
        return "false".to_owned();
    }
    let column = identifier(column);
    format!(
        "{column} IN ({}) OR ({column} {ODD} AND substring({column} from '{ID}') IN ({}))",
        plain.join(","),
        ids.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_asks_what_the_index_holds() {
        let sql = refers_to_patients("obs_patient_ref", &["'Patient/1'".into()], &["'1'".into()]);
        let index = index_columns("obs_patient_ref");
        let (expression, predicate) = index.split_once(" WHERE ").unwrap();
        assert!(sql.contains(predicate));
        assert!(sql.contains(expression.trim_start_matches('(').trim_end_matches("))")));
        assert_eq!(refers_to_patients("c", &[], &[]), "false");
    }
}
