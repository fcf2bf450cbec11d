//! A table as the interface showed it at a moment.
//!
//! Rows are never removed, so the state is made of: the rows whose import had ended by then, the newest import by then
//! that confirmed each, the numbers as they were before later imports of the same run, and the values that were
//! overwritten since.

use sqlx::AssertSqlSafe;

use super::Interface;
use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, StoredTable, identifier, seen};
use crate::transfer::{Names, calculated_columns, header};
use crate::{Error, ErrorKind, Hub, Result};

/// Characters of a cell that people are shown.
const CELL: u32 = 4000;

impl Hub {
    /// What a table or an interface view showed at a moment, as CSV with a header line. The moment is any text PostgreSQL
    /// takes for a `timestamptz`, wall time of the hub's zone where it has no offset.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when the moment is not one; when the server refuses.
    pub async fn as_of(&self, shown: &Interface<'_>, moment: &str) -> Result<Vec<u8>> {
        let moment = self.moment(moment).await?;
        let query = asked(shown, &moment);
        self.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"))
            .await
    }

    /// The same as a part of the rows, for people: those behind the first `before`, at most `most`, each cell with its name. Of a
    /// cell the first 4,000 characters are given. Patient data.
    ///
    /// # Errors
    /// As [`Hub::as_of`]; also when the role may not read the table, whatever function it may call.
    pub async fn rows_as_of(
        &self,
        shown: &Interface<'_>,
        moment: &str,
        before: u32,
        most: u32,
    ) -> Result<Vec<Vec<(String, Option<String>)>>> {
        let moment = self.moment(moment).await?;
        let place = || format!("reading {} as of a moment", shown.table().name);
        // The function has the rights of the hub's owner: the first statement asks with those of the role.
        let core = identifier(&shown.table().name).into_owned();
        sqlx::query(AssertSqlSafe(format!("SELECT * FROM core.{core} LIMIT 0")))
            .execute(self.pool())
            .await
            .map_err(|e| Error::sql(place(), &e))?;
        // Ids of forms repeat: the order behind them makes one page go on where another ended.
        let sql = format!(
            "SELECT array(SELECT v.key FROM json_each_text(c.cells) v),
               array(SELECT left(v.value, {CELL}) FROM json_each_text(c.cells) v)
             FROM (SELECT row_to_json(q) AS cells FROM (
               {}, t.last_processing_nr, t.hash_index_col LIMIT {most} OFFSET {before}) q) c",
            asked(shown, &moment)
        );
        let rows: Vec<(Vec<String>, Vec<Option<String>>)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(place(), &e))?;
        let row = |(names, cells): (Vec<String>, Vec<Option<String>>)| names.into_iter().zip(cells).collect();
        Ok(rows.into_iter().map(row).collect())
    }

    /// How many rows a table had at a moment, all versions: what its imports brought by then without what was removed since.
    /// The table itself is not read.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when the moment is not one; when the server refuses.
    pub async fn count_as_of(&self, table: &str, moment: &str) -> Result<i64> {
        let moment = self.moment(moment).await?;
        sqlx::query_scalar(
            "SELECT coalesce(sum(r.new_count), 0)::int8 - (
               SELECT count(*) FROM core.removed d WHERE d.table_name = $1 AND EXISTS (
                 SELECT FROM core.import_rows n JOIN core.import b ON b.no = n.import_no
                 WHERE n.table_name = $1 AND n.new_ids @> d.id AND b.finished <= $2::text::timestamptz))
             FROM core.import_rows r JOIN core.import i ON i.no = r.import_no
             WHERE r.table_name = $1 AND i.finished <= $2::text::timestamptz",
        )
        .bind(table)
        .bind(moment)
        .fetch_one(self.pool())
        .await
        .map_err(|e| Error::sql(format!("counting {table} as of a moment"), &e))
    }

    /// A moment as the server spells it.
    async fn moment(&self, text: &str) -> Result<String> {
        sqlx::query_scalar("SELECT to_char($1::text::timestamptz, 'YYYY-MM-DD HH24:MI:SS.US OF')")
            .bind(text)
            .fetch_one(self.pool())
            .await
            .map_err(|e| match &e {
                // Class 22: what was given is no moment.
                sqlx::Error::Database(said) if said.code().is_some_and(|state| state.starts_with("22")) => {
                    Error::new(ErrorKind::Options, "not a moment")
                }
                _ => Error::sql("reading a moment", &e),
            })
    }
}

/// The query for what was shown. The moment is the server's own spelling: digits and signs.
fn asked(shown: &Interface<'_>, moment: &str) -> String {
    let function = identifier(&name(shown.table())).into_owned();
    shown.query(
        &format!("db.{function}('{moment}')"),
        &format!("'{moment}'::timestamptz"),
    )
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
