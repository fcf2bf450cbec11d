//! Which rows of a table that several connections load are seen: those whose import is there. Their transactions end before
//! the import's does, and what they left stays where that never ends.

/// Condition under which row `row` of a table of FHIR resources is seen.
///
/// The rows of all imports but those that are being loaded: as a rule of none, so that it costs a look at an empty table a
/// query and a comparison with nothing a row. An import sees its own. The sum keeps the planner from taking the
/// number's statistics for the share of rows that are left: in a hub of one import they would say none.
pub(crate) fn visible(row: &str) -> String {
    format!(
        "{row}.import_no + 0 <> ALL (ARRAY(\n  SELECT p.import_no FROM core.loading p\n  WHERE NOT EXISTS (SELECT FROM \
         core.import i WHERE i.no = p.import_no)))"
    )
}
