//! What the planner has to know of a table that has just grown: until the server looks for itself, a minute later, it
//! would read a whole table to answer for one patient.

use super::header;
use super::names::Names;
use crate::schema::index::Index;
use crate::schema::{Function, Kind, Model};

/// Fewer new rows than these are left to the server.
const LEAST: u32 = 10_000;

/// `core.refresh_statistics(import)`: looks at the columns readers filter by where an import brought more than half of
/// what was there.
pub(super) fn function(model: &Model) -> Function {
    let mut body = String::from("BEGIN\n");
    for table in model.of(Kind::Typed) {
        let Names {
            core, table: name, ..
        } = Names::of(table);
        body.push_str(&format!(
            "  IF EXISTS (SELECT FROM core.import_rows r WHERE r.import_no = p_import AND r.table_name = '{name}'
             AND r.new_count >= {LEAST}
             AND r.new_count > (SELECT c.reltuples / 2 FROM pg_class c WHERE c.oid = '{core}'::regclass)) THEN
    ANALYZE {core} ({columns});
  END IF;\n",
            columns = Index::filtered(table).join(", "),
        ));
    }
    body.push_str("END");
    Function {
        signature: "core.refresh_statistics(int)".to_owned(),
        sql: format!(
            "CREATE OR REPLACE FUNCTION core.refresh_statistics(p_import int) RETURNS void\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &[],
    }
}
