use super::names::Names;

/// Common table expressions that note in the companion that the rows `source(id)` were seen again by an import: first
/// `updated(id)`, the companions that were there, then `added`, those that were not. Only under the lock of imports.
///
/// The ids are an array of unknown length to the planner, so the companion is read by its index.
pub(crate) fn seen_again(names: &Names, source: &str, import: &str) -> String {
    let seen = &names.seen;
    format!(
        "updated AS (
  UPDATE {seen} SET import_no = {import}, seen_again = true WHERE id = ANY (ARRAY(SELECT w.id FROM {source} w))
  RETURNING id),
added AS (
  INSERT INTO {seen} (id, import_no) SELECT w.id, {import} FROM {source} w
  WHERE w.id NOT IN (SELECT u.id FROM updated u) ORDER BY w.id)"
    )
}
