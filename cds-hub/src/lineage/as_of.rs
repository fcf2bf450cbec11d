//! A table as the interface showed it at a moment.
//!
//! Rows are never removed, so the state is made of: the rows whose import had ended by then, the newest import by then
//! that confirmed each, the numbers as they were before later imports of the same run, and the values that were
//! overwritten since.

use super::Interface;
use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, StoredTable, identifier, seen};
use crate::transfer::{Names, calculated_columns, header};
use crate::{Error, ErrorKind, Hub, Result};

impl Hub {
    /// What a table or an interface view showed at a moment, as CSV with a header line. The moment is any text PostgreSQL
    /// takes for a `timestamptz`, wall time of the hub's zone where it has no offset.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when the moment is not one; when the server refuses.
    pub async fn as_of(&self, shown: &Interface<'_>, moment: &str) -> Result<Vec<u8>> {
        let moment: String =
            sqlx::query_scalar("SELECT to_char($1::text::timestamptz, 'YYYY-MM-DD HH24:MI:SS.US OF')")
                .bind(moment)
                .fetch_one(self.pool())
                .await
                .map_err(|e| match e {
                    sqlx::Error::Database(_) => Error::new(ErrorKind::Options, "not a moment"),
                    e => Error::sql("reading a moment", &e),
                })?;
        // The moment is the server's own spelling: digits and signs.
        let function = identifier(&name(shown.table())).into_owned();
        let query = shown.query(
            &format!("db.{function}('{moment}')"),
            &format!("'{moment}'::timestamptz"),
        );
        self.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"))
            .await
    }
}

fn name(table: &StoredTable) -> String {
    format!("{}_as_of", table.name)
}

pub(super) fn function(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let mut returned = vec![format!("{} integer", names.id)];
    let mut values = vec![format!("t.{}", names.id)];
    if let Some(raw) = &names.raw {
        returned.push(format!("{} integer", raw.id));
        values.push(format!("t.{}", raw.id));
    }
    let mut add = |column: String, value: String| {
        returned.push(column);
        values.push(value);
    };
    add("input_datetime timestamp".into(), "t.input_datetime".into());
    add("last_check_datetime timestamp".into(), "l.checked".into());
    add(
        "current_dataset_status varchar".into(),
        "CASE WHEN c.again THEN l.seen_status ELSE 'input' END".into(),
    );
    add("input_processing_nr integer".into(), "a.input_nr".into());
    add("last_processing_nr integer".into(), "l.last_nr".into());
    if table.kind == Kind::Raw {
        add(
            "raw_already_processed integer".into(),
            already_processed(table, &names),
        );
    }
    for column in &table.columns {
        let quoted = identifier(&column.name);
        let value = if column.meta || calculated_columns(table).any(|c| c.name == column.name) {
            let name = literal(&column.name);
            // A column that could not be overwritten yet when the others were is not among what was kept.
            format!(
                "CASE WHEN o.before ? {name} THEN (o.before ->> {name})::{} ELSE t.{quoted} END",
                column.sql_type()
            )
        } else {
            format!("t.{quoted}")
        };
        add(format!("{quoted} {}", column.sql_type()), value);
    }
    add(
        "hash_index_col text".into(),
        "replace(t.hash::text, '-', '')".into(),
    );
    let qualified = format!("db.{}", identifier(&name(table)));
    let row = format!("t.{}", names.key);
    let processed = match table.kind {
        Kind::Raw => format!(
            ", {} AS raw_already_processed",
            seen::already_processed("b", &row)
        ),
        _ => String::new(),
    };
    let sql = format!(
        "CREATE OR REPLACE FUNCTION {qualified}(p_at timestamptz)
RETURNS TABLE ({returned})
{header}
SET jit = off
STABLE
AS $body$
WITH done AS MATERIALIZED (
  SELECT i.no, i.input_nr, i.checked, i.seen_status,
         (SELECT max(m.input_nr) FROM core.import m WHERE m.run = i.run AND m.finished <= p_at) AS last_nr
  FROM core.import i WHERE i.finished <= p_at)
SELECT {values}
FROM {core} t
JOIN done a ON a.no = t.import_no
LEFT JOIN {seen} b ON {on}
CROSS JOIN LATERAL (SELECT {confirmed} AS import_no, {again} AS seen_again{processed}) s
-- Where the last confirmation came later, the imports before it are searched for the row.
CROSS JOIN LATERAL (
  SELECT s.import_no AS no, s.seen_again AS again WHERE s.import_no IN (SELECT d.no FROM done d)
  UNION ALL
  SELECT max(r.import_no), coalesce(bool_or(r.seen_ids @> t.{key}), false)
  FROM core.import_rows r JOIN done d ON d.no = r.import_no
  WHERE r.table_name = '{table}' AND (r.seen_ids @> t.{key} OR r.lifted_ids @> t.{key})
    AND s.import_no NOT IN (SELECT d.no FROM done d)
  HAVING s.import_no NOT IN (SELECT d.no FROM done d)
  UNION ALL
  SELECT NULL, false WHERE s.import_no IS NULL) c
JOIN done l ON l.no = coalesce(c.no, t.import_no)
LEFT JOIN LATERAL (
  SELECT w.before FROM core.overwritten w
  WHERE w.table_name = '{table}' AND w.id = t.{key} AND w.import_no NOT IN (SELECT d.no FROM done d)
  ORDER BY w.import_no LIMIT 1) o ON true
$body$",
        returned = returned.join(", "),
        header = header("sql"),
        values = values.join(",\n       "),
        core = names.core,
        seen = names.seen,
        on = seen::on("b", &row),
        confirmed = seen::import_no("b", &row),
        again = seen::again("b", &row),
        key = names.key,
        table = table.name,
    );
    let roles: &[&str] = match table.kind {
        Kind::Raw => &["cds2db_user"],
        Kind::Typed => &["cds2db_user", "db2dataprocessor_user"],
        Kind::Form => &["db2dataprocessor_user", "db2frontend_user"],
        Kind::Core | Kind::Submodule => &["db2dataprocessor_user"],
    };
    Function {
        signature: format!("{qualified}(timestamptz)"),
        sql,
        roles,
    }
}

/// The mark of a raw row follows from the typed rows it shared by then.
fn already_processed(table: &StoredTable, names: &Names) -> String {
    let typed = identifier(table.base());
    let typed_id = identifier(&format!("{}_id", table.base())).into_owned();
    let link = identifier(&format!("{}_link", table.base())).into_owned();
    let key = &names.key;
    format!(
        "CASE WHEN s.raw_already_processed IS NOT NULL THEN (
         SELECT max(CASE WHEN y.{key} < t.{key} THEN y.{key} ELSE -1 END)
         FROM core.{link} k JOIN core.{typed} y ON y.{typed_id} = k.typed_id
         WHERE k.raw_id = t.{key} AND k.import_no IN (SELECT d.no FROM done d)) END"
    )
}
