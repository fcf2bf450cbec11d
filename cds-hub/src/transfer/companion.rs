//! What a raw row's arrival means for its typed rows, and the other way round. One function of each kind a FHIR table;
//! the loader and the transfer functions both call them.
//!
//! Rows of the core are looked up in subqueries with OFFSET, which only an index answers: for a join the planner may
//! read a whole wide table. None is asked for twice, so remembering answers only costs.

use table_description::FhirType;

use super::header;
use super::names::{Names, RawNames};
use super::overwrite::{meta, overwrite};
use crate::schema::{Function, StoredTable, identifier, seen};

/// The functions of one typed table: `carry`, `link`, `melted`, `lift`, `sources`.
pub(crate) fn functions(typed: &StoredTable) -> Vec<Function> {
    let names = Names::of(typed);
    let Some(raw) = &names.raw else { return Vec::new() };
    vec![
        carry(typed, &names, raw),
        link(&names, raw),
        melted(&names, raw),
        lift(&names, raw),
        sources(&names, raw),
    ]
}

fn function(names: &Names, verb: &str, arguments: &str, returns: &str, body: &str) -> Function {
    let name = names.function(verb);
    Function {
        signature: format!("{name}({})", super::types(arguments)),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {returns}\n{header}\nSET enable_memoize = off\nAS \
             $body$\n{body}\n$body$",
            header = header("plpgsql")
        ),
        // The loader tells which rows share typed ones; the rest is called by functions.
        roles: if verb == "link" { &["cds2db_user"] } else { &[] },
    }
}

/// A confirmed raw row confirms its typed rows, and hands them its `meta` values where those were overwritten.
fn carry(typed: &StoredTable, names: &Names, raw: &RawNames) -> Function {
    let Names { table, core, key, .. } = names;
    let RawNames {
        core: raw_core,
        id: raw_id,
        link,
        ..
    } = raw;
    let propagate = if typed.has_meta() {
        let columns: Vec<String> = meta(typed)
            .map(|c| {
                let column = identifier(&c.name);
                // What the typed row has after its repetitions were taken together: the last, without its index.
                let last = format!(r"regexp_replace(r.{column}, '^.*\[[0-9]+(\.[0-9]+)*\]', '')");
                match c.fhir_type {
                    FhirType::String => format!("{last} AS {column}"),
                    FhirType::DateTime => format!("core.instant({last}) AS {column}"),
                    // No other type occurs below `meta`; a value of one is left to the typed rows' own delivery.
                    _ => format!("NULL::{} AS {column}", c.sql_type()),
                }
            })
            .collect();
        format!(
            "
  IF cardinality(p_changed) > 0 THEN
    WITH pairs AS (
      {pairs}),
    delivered AS (
      SELECT DISTINCT ON (p.id) p.id, {columns}
      FROM pairs p JOIN {raw_core} r ON r.{raw_id} = p.raw ORDER BY p.id, p.raw DESC),
    {overwrite}
    SELECT 0 INTO v_none;
  END IF;",
            // An array of unknown length to the planner, so the indexes are read.
            pairs = format_args!(
                "SELECT c.{key} AS id, c.{raw_id} AS raw FROM {core} c WHERE c.{raw_id} = ANY (ARRAY(SELECT unnest(p_changed)))
      UNION ALL
      SELECT k.typed_id, k.raw_id FROM {link} k WHERE k.raw_id = ANY (ARRAY(SELECT unnest(p_changed)))"
            ),
            columns = columns.join(", "),
            overwrite = overwrite(typed, "p_import"),
        )
    } else {
        String::new()
    };
    let body = format!(
        "DECLARE v_carried int[]; v_keys int4multirange; v_none int;
BEGIN
  SELECT array_agg(DISTINCT p.id) INTO v_carried
  FROM unnest(p_seen) AS g(ids)
  CROSS JOIN LATERAL (
      (SELECT c.{key} AS id FROM {core} c WHERE c.{raw_id} >= lower(g.ids) AND c.{raw_id} < upper(g.ids) OFFSET 0)
      UNION ALL
      (SELECT k.typed_id FROM {link} k WHERE k.raw_id >= lower(g.ids) AND k.raw_id < upper(g.ids) OFFSET 0)) p;
  IF v_carried IS NOT NULL THEN
    v_keys := core.ranges(v_carried);
    PERFORM core.note_ranges(p_import, '{table}', '{{}}', v_keys, 0, 0);
    PERFORM {mark}(p_import, v_keys, true);
  END IF;{propagate}
  RETURN coalesce(cardinality(v_carried), 0);
END",
        mark = names.function("mark"),
    );
    function(
        names,
        "carry",
        "p_import int, p_seen int4multirange, p_changed int[]",
        "int",
        &body,
    )
}

/// Typed rows that came again with another raw version: the version shares them, and is not offered for typing again.
fn link(names: &Names, raw: &RawNames) -> Function {
    let Names { core, key, .. } = names;
    let RawNames {
        core: raw_core,
        seen: raw_seen,
        id: raw_id,
        link,
        ..
    } = raw;
    let body = format!(
        "BEGIN
  PERFORM core.check_import(p_import);
  WITH shared AS MATERIALIZED (
      SELECT DISTINCT p.raw, p.typed, t.{raw_id} AS first
      FROM unnest(p_raw, p_typed) AS p(raw, typed)
      CROSS JOIN LATERAL (SELECT c.{raw_id} FROM {core} c WHERE c.{key} = p.typed OFFSET 0) t
      CROSS JOIN LATERAL (SELECT FROM {raw_core} c WHERE c.{raw_id} = p.raw OFFSET 0) r
      WHERE t.{raw_id} <> p.raw),
    linked AS (
      INSERT INTO {link} (raw_id, typed_id, import_no) SELECT s.raw, s.typed, p_import FROM shared s
      ON CONFLICT DO NOTHING),
    given AS MATERIALIZED (
      SELECT n.raw >> {bits} AS block, array_agg(n.raw & {mask}) AS places, array_agg(n.first) AS firsts
      FROM (SELECT s.raw, max(CASE WHEN s.first < s.raw THEN s.first ELSE -1 END) AS first
            FROM shared s GROUP BY s.raw) n
      GROUP BY 1),
    updated AS (
      UPDATE {raw_seen} s
      SET raw_already_processed = core.processed(s.raw_already_processed, g.places, g.firsts)
      FROM given g WHERE s.block = g.block RETURNING s.block)
  INSERT INTO {raw_seen} (block, raw_already_processed)
  SELECT g.block, core.processed(NULL, g.places, g.firsts)
  FROM given g WHERE g.block NOT IN (SELECT u.block FROM updated u) ORDER BY g.block;
END",
        bits = seen::BITS,
        mask = seen::MASK,
    );
    function(
        names,
        "link",
        "p_import int, p_raw int[], p_typed int[]",
        "void",
        &body,
    )
}

/// Raw rows whose typed rows arrived leave the queue.
fn melted(names: &Names, raw: &RawNames) -> Function {
    let open = &raw.open;
    let body = format!("BEGIN\n  DELETE FROM {open} o USING unnest(p_raw) AS r(id) WHERE o.id = r.id;\nEND");
    function(names, "melted", "p_raw int[]", "void", &body)
}

/// Raw rows of an older run whose typed rows came only now take the number of the import that brought those.
fn lift(names: &Names, raw: &RawNames) -> Function {
    let RawNames {
        core: raw_core,
        seen: raw_seen,
        id: raw_id,
        ..
    } = raw;
    let table = &names.table;
    let body = format!(
        "DECLARE v_lifted int4multirange;
BEGIN
  SELECT core.ranges(array_agg(u.id)) INTO v_lifted
  FROM unnest(p_raw) AS u(id)
  CROSS JOIN LATERAL (SELECT w.import_no FROM {raw_core} w WHERE w.{raw_id} = u.id OFFSET 0) r
  LEFT JOIN LATERAL (SELECT {confirmed} AS import_no FROM {raw_seen} w WHERE {on} OFFSET 0) c ON true
  JOIN core.import i ON i.no = coalesce(c.import_no, r.import_no)
  WHERE i.run <> (SELECT m.run FROM core.import m WHERE m.no = p_import);
  IF NOT isempty(v_lifted) THEN
    PERFORM {mark}(p_import, v_lifted, false);
    PERFORM core.note_ranges(p_import, '{table}_raw', '{{}}', '{{}}', 0, 0);
    UPDATE core.import_rows SET lifted_ids = lifted_ids + v_lifted
    WHERE import_no = p_import AND table_name = '{table}_raw';
  END IF;
END",
        confirmed = seen::import_no("w", "u.id"),
        on = seen::on("w", "u.id"),
        mark = raw.mark,
    );
    function(names, "lift", "p_import int, p_raw int[]", "void", &body)
}

/// The raw versions behind the typed rows of an import: of each the one that was delivered last, so that an obsolete
/// version which shares the row is not taken for delivered.
fn sources(names: &Names, raw: &RawNames) -> Function {
    let Names { table, core, key, .. } = names;
    let RawNames {
        core: raw_core,
        seen: raw_seen,
        id: raw_id,
        link,
        ..
    } = raw;
    let body = format!(
        "DECLARE v_raw int[];
BEGIN
  WITH touched AS (
      SELECT t.{key} AS typed, t.{raw_id} AS raw
      FROM core.import_rows i CROSS JOIN LATERAL unnest(i.new_ids + i.seen_ids) AS g(ids)
      JOIN {core} t ON t.{key} >= lower(g.ids) AND t.{key} < upper(g.ids)
      WHERE i.import_no = p_import AND i.table_name = '{table}'),
    versions AS (
      SELECT t.typed, t.raw FROM touched t
      UNION ALL
      SELECT t.typed, l.raw_id FROM touched t JOIN {link} l ON l.typed_id = t.typed)
  SELECT array_agg(DISTINCT newest.raw) INTO v_raw FROM (
    SELECT DISTINCT ON (v.typed) v.raw
    FROM versions v
    JOIN {raw_core} r ON r.{raw_id} = v.raw
    LEFT JOIN {raw_seen} c ON {on}
    ORDER BY v.typed, coalesce({confirmed}, r.import_no) DESC, v.raw DESC) newest;
  PERFORM core.follow(p_import, (
    SELECT max(coalesce({confirmed_of}, r.import_no)) FROM unnest(v_raw) AS u(id)
    JOIN {raw_core} r ON r.{raw_id} = u.id LEFT JOIN {raw_seen} c ON {on_of}));
  RETURN v_raw;
END",
        on = seen::on("c", "v.raw"),
        confirmed = seen::import_no("c", "v.raw"),
        on_of = seen::on("c", "u.id"),
        confirmed_of = seen::import_no("c", "u.id"),
    );
    function(names, "sources", "p_import int", "int[]", &body)
}
