//! Which of two rows of a resource belongs to the newer version.
//!
//! Versions are ordered by the instant of `meta/lastUpdated`, then by `meta/versionId` where all of the resource's are
//! numbers, then by arrival: the run that confirmed them last, then the raw row. A resource one of whose versions has no
//! `lastUpdated` has nothing to compare instants with, so the other two decide for all of its versions. What is unreadable
//! counts as the oldest. So of two versions one is always the newer, and of three never each newer than another.
//!
//! Typed rows hold wall time, which an hour of October has twice: there the raw row's text, with its offset, decides.

use std::borrow::Cow;

use super::visible::visible;
use super::{Function, Kind, StoredTable, identifier};
use crate::transfer::{Names, header};

/// Roles that read views of last versions; a view calls functions with the rights of its reader.
const READERS: &[&str] = &["cds2db_user", "db2dataprocessor_user"];

/// The columns that order versions, as SQL of one row each; NULL where the description has none.
struct Order {
    fhir_id: String,
    updated: Option<String>,
    version: Option<String>,
}

impl Order {
    fn of(table: &StoredTable) -> Option<Self> {
        let column = |name: Option<&str>| name.map(|c| identifier(c).into_owned());
        Some(Self {
            fhir_id: column(table.fhir_id_column())?,
            updated: column(table.last_updated_column()),
            version: column(table.version_id_column()),
        })
    }

    fn updated(&self, row: &str, kind: Kind) -> String {
        let null = if kind == Kind::Raw {
            "NULL::text"
        } else {
            "NULL::timestamp"
        };
        or_null(self.updated.as_deref(), row, null)
    }

    fn version(&self, row: &str) -> String {
        or_null(self.version.as_deref(), row, "NULL::text")
    }
}

fn or_null(column: Option<&str>, row: &str, null: &str) -> String {
    column.map_or_else(|| null.to_owned(), |c| format!("{row}.{c}"))
}

/// SQL that tells whether row `o` is of a newer version than row `t` of the same resource; both are rows of
/// `core.T_rows`. Most rows only meet themselves and their like, so these are told first and without a look elsewhere.
pub(super) fn newer(table: &StoredTable) -> String {
    let Some(order) = Order::of(table) else {
        return "false".to_owned();
    };
    let names = Names::of(table);
    let key = &names.key;
    let (o, t) = (order.updated("o", table.kind), order.updated("t", table.kind));
    let (version_o, version_t) = (order.version("o"), order.version("t"));
    let slowly = format!("{}(o.{key}, t.{key})", names.function("newer"));
    let undated = format!(
        "EXISTS (SELECT FROM {core} x WHERE x.{fhir_id} = t.{fhir_id} AND {x} IS NULL AND {visible})",
        core = names.core,
        fhir_id = order.fhir_id,
        x = order.updated("x", table.kind),
        visible = visible("x"),
    );
    let (same, by_moment) = if let Some(raw) = &names.raw {
        let raw = &raw.id;
        (
            // Of one raw row, or of one version.
            format!(
                "WHEN {o} IS NOT DISTINCT FROM {t} AND {version_o} IS NOT DISTINCT FROM {version_t}\n      AND \
                 (o.{raw} = t.{raw} OR {o} IS NOT NULL AND {version_o} IS NOT NULL)\n      THEN \
                 o.last_processing_nr > t.last_processing_nr"
            ),
            format!(
                "WHEN ({o}::timestamptz - interval '1 hour')::timestamp = {o}\n      AND ({t}::timestamptz - interval '1 \
                 hour')::timestamp = {t} THEN {slowly}\n    ELSE {o} > {t}"
            ),
        )
    } else {
        let moment = |text: &str| format!("coalesce(core.raw_moment({text}), '-infinity')");
        (
            format!(
                "WHEN {o} = {t} AND {version_o} = {version_t}\n      THEN (o.last_processing_nr, o.{key}) > \
                 (t.last_processing_nr, t.{key})"
            ),
            format!(
                "WHEN {} > {} THEN true\n    WHEN {} < {} THEN false\n    ELSE {slowly}",
                moment(&o),
                moment(&t),
                moment(&o),
                moment(&t)
            ),
        )
    };
    format!(
        "CASE WHEN o.{key} = t.{key} THEN false\n    {same}\n    WHEN {o} = {t} OR {undated} THEN {slowly}\n    \
         {by_moment} END"
    )
}

/// `core.newer_T(one, other)`: the whole comparison, for rows that the view cannot tell apart at once.
pub(crate) fn function(table: &StoredTable) -> Option<Function> {
    let order = Order::of(table)?;
    let names = Names::of(table);
    let key = &names.key;
    let fhir_id = &order.fhir_id;
    let number = |row: &str| number(&order.version(row));
    let body = format!(
        "BEGIN
  RETURN (
    WITH kin AS (
      SELECT bool_and({dated} IS NOT NULL) AS dated, bool_and({numbered} IS NOT NULL) AS numbered
      FROM {core} c WHERE c.{fhir_id} = (SELECT x.{fhir_id} FROM {core} x WHERE x.{key} = p_one) AND {visible}),
    pair AS MATERIALIZED (
      SELECT r.{key} AS id, coalesce(v.moment, '-infinity') AS moment, coalesce({of_row}, 0) AS version,
             r.last_processing_nr AS nr, v.arrival
      FROM {core_rows} r CROSS JOIN LATERAL ({version}) v
      WHERE r.{key} IN (p_one, p_other))
    SELECT (CASE WHEN k.dated THEN a.moment ELSE '-infinity' END, CASE WHEN k.numbered THEN a.version ELSE 0 END, a.nr, a.arrival)
         > (CASE WHEN k.dated THEN b.moment ELSE '-infinity' END, CASE WHEN k.numbered THEN b.version ELSE 0 END, b.nr, b.arrival)
    FROM kin k, pair a, pair b WHERE a.id = p_one AND b.id = p_other);
END",
        dated = order.updated("c", table.kind),
        numbered = number("c"),
        of_row = number("r"),
        core = names.core,
        visible = visible("c"),
        core_rows = rows(table),
        version = version(table, &names, &order, None),
    );
    let name = names.function("newer");
    Some(Function {
        signature: format!("{name}(int, int)"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}(p_one int, p_other int) RETURNS boolean\n{}\nAS $body$\n{body}\n$body$",
            reading_header()
        ),
        roles: READERS,
    })
}

/// Query for those rows of `source`, an expression that gives rows of the contract, that belong to the newest version of
/// their resource, with the view's `last_version_date` and `id`; of the raw rows behind a row those count that had arrived by
/// `moment`, an expression. `None` where rows are of no resource.
pub(crate) fn newest(table: &StoredTable, source: &str, moment: &str) -> Option<String> {
    let order = Order::of(table)?;
    let names = Names::of(table);
    let (id, updated, version_id) = (&order.fhir_id, order.updated("r", table.kind), order.version("r"));
    // Rows of one version are of one age, whatever raw row they came with.
    let arrival = match table.kind {
        Kind::Raw => "v.arrival".to_owned(),
        _ => format!("CASE WHEN {updated} IS NULL OR {version_id} IS NULL THEN v.arrival END"),
    };
    Some(format!(
        "SELECT * FROM (
           SELECT x.*, rank() OVER (PARTITION BY x.id ORDER BY
             CASE WHEN x.dated_ THEN x.moment_ ELSE '-infinity' END DESC, CASE WHEN x.numbered_ THEN x.version_ ELSE 0 END DESC,
             x.last_processing_nr DESC, x.arrival_ DESC NULLS LAST) AS place_
           FROM (
             SELECT r.*, r.{id} AS id, {date} AS last_version_date, coalesce(v.moment, '-infinity') AS moment_,
               coalesce({number}, 0) AS version_, {arrival} AS arrival_,
               bool_and({updated} IS NOT NULL) OVER (PARTITION BY r.{id}) AS dated_,
               bool_and({number} IS NOT NULL) OVER (PARTITION BY r.{id}) AS numbered_
             FROM {source} r CROSS JOIN LATERAL ({version}) v WHERE r.{id} IS NOT NULL) x) y
         WHERE y.place_ = 1",
        date = version_date(table, "r"),
        number = number(&version_id),
        version = version(table, &names, &order, Some(moment)),
    ))
}

/// SQL of the `last_version_date` that views show of a row: `meta/lastUpdated`, else when it was confirmed last.
pub(super) fn version_date(table: &StoredTable, row: &str) -> String {
    let updated = table.last_updated_column().map(identifier);
    // The contract has text here for raw tables, as the column itself is text.
    let checked = match table.kind {
        Kind::Raw => format!("to_char({row}.last_check_datetime, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"),
        _ => format!("{row}.last_check_datetime"),
    };
    match (&updated, table.kind) {
        (Some(column), Kind::Raw) => {
            format!("coalesce(substring({row}.{column} FROM '^(?:\\[[0-9.]*\\])?(.*)$'), {checked})")
        }
        (Some(column), _) => format!("coalesce({row}.{column}, {checked})"),
        (None, _) => checked,
    }
}

/// Like [`header`], but moments without an offset are read in the zone of the session, as the views show them.
fn reading_header() -> String {
    header("plpgsql")
        .lines()
        .filter(|line| !line.contains("TimeZone"))
        .chain(["STABLE PARALLEL SAFE"])
        .collect::<Vec<_>>()
        .join("\n")
}

/// A version id as a number, NULL where it is none; a raw one without its index.
fn number(version: &str) -> String {
    format!(r"substring({version} FROM '^(?:\[[0-9.]*\])?([0-9]{{1,18}})$')::bigint")
}

/// Query for the instant of row `r` and the raw row that came last with it, by `until` where a moment is given.
fn version(table: &StoredTable, names: &Names, order: &Order, until: Option<&str>) -> String {
    let updated = order.updated("r", table.kind);
    let Some(raw) = &names.raw else {
        return format!(
            "SELECT core.raw_moment({updated}) AS moment, r.{} AS arrival",
            names.key
        );
    };
    // The raw row's text has the offset that the typed row's wall time has lost.
    let texts = or_null(order.updated.as_deref(), "x", "NULL::text");
    let arrived = until.map_or_else(String::new, |moment| {
        format!(" AND l.import_no IN (SELECT i.no FROM core.import i WHERE i.finished <= {moment})")
    });
    format!(
        "
        SELECT max(w.id) AS arrival, coalesce(
          max(m.moment) FILTER (WHERE abs(extract(epoch FROM m.moment::timestamp - {updated})) < 0.00001),
          {updated}::timestamptz) AS moment
        FROM (SELECT r.{id} UNION SELECT l.raw_id FROM {link} l WHERE l.typed_id = r.{key}{arrived}) w(id)
        LEFT JOIN {core} x ON x.{id} = w.id
        CROSS JOIN LATERAL (SELECT core.raw_moment({texts})) m(moment)",
        id = raw.id,
        link = raw.link,
        key = names.key,
        core = raw.core,
    )
}

/// The view of a table's rows in no particular order, from which all others are made.
pub(crate) fn rows(table: &StoredTable) -> String {
    format!("core.{}", identifier(&format!("{}_rows", table.name)))
}

/// `ORDER BY` of every view that readers see: by the contract's id, so that who takes the first row takes the same one
/// whatever plan the server makes.
pub(super) fn in_order(table: &StoredTable, row: &str) -> String {
    let id = table.id_column();
    let id: Cow<'_, str> = identifier(&id);
    match table.kind {
        Kind::Raw | Kind::Typed => format!("ORDER BY {row}.{id}"),
        // Their ids repeat.
        Kind::Form | Kind::Core | Kind::Submodule => format!("ORDER BY {row}.{id}, {row}.row_id"),
    }
}
