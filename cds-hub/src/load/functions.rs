//! The functions the loader calls. They run with their owner's rights and look at their arguments first: the role of
//! cds2db can write into the core through them and by COPY into its own tables, and in no other way.

use table_description::FhirType;

use super::several;
use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, Model, StoredTable, identifier};
use crate::transfer::{Names, before, calculated_columns, header, meta, overwrite};

/// The role that loads FHIR resources.
const LOADER: &[&str] = &["cds2db_user"];

/// `core.begin_load` and its fellows, and of each FHIR table `core.tell_T`, `core.overwrite_T`, `core.typed_T`,
/// `core.set_calculated_T`.
pub(crate) fn functions(model: &Model) -> Vec<Function> {
    let fhir = || {
        model
            .tables()
            .iter()
            .filter(|t| matches!(t.kind, Kind::Raw | Kind::Typed))
    };
    let tables = list(fhir().map(|t| t.name.as_str()));
    let mut functions = vec![
        internal("core.check_import", "p_import int", "void", CHECK_IMPORT),
        internal("core.check_ranges", "p_keys int4multirange", "void", CHECK_RANGES),
        internal(
            "core.check_table",
            "p_table text",
            "void",
            &CHECK_TABLE.replace("{tables}", &tables),
        ),
        function("core.begin_load", "p_module text, p_run int", "int", BEGIN_LOAD),
        function(
            "core.finish_load",
            "p_import int, p_token uuid",
            "int",
            FINISH_LOAD,
        ),
        function(
            "core.refuse",
            "p_import int, p_table text, p_row json, p_state text",
            "void",
            REFUSE,
        ),
        function(
            "core.keep_defects",
            "p_import int, p_tables text[], p_raw int[], p_columns text[], p_index text[], p_kinds text[]",
            "void",
            KEEP_DEFECTS,
        ),
        function(
            "core.keep_precision",
            "p_import int, p_table text, p_ids int[], p_columns text[], p_words text[]",
            "void",
            KEEP_PRECISION,
        ),
        function(
            "core.keep_values",
            "p_import int, p_table text, p_raw int[], p_columns text[], p_index text[], p_values text[]",
            "void",
            KEEP_VALUES,
        ),
        function(
            "core.mark_deleted",
            "p_import int, p_resource text, p_ids text[], p_found_by text",
            "void",
            MARK_DELETED,
        ),
        function(
            "core.mark_returned",
            "p_import int, p_resource text, p_ids text[]",
            "void",
            MARK_RETURNED,
        ),
        function(
            "core.move_watermarks",
            "p_import int, p_resource text, p_ids text[], p_micros bigint",
            "void",
            &moments("watermark", ["resource", "patient_id", "loaded_until"]),
        ),
        function(
            "core.move_census",
            "p_import int, p_name text, p_ids text[], p_micros bigint",
            "void",
            &moments("census", ["name", "patient_id", "counted_until"]),
        ),
        function(
            "core.keep_unanswered",
            "p_import int, p_watermark text, p_ids text[], p_micros bigint",
            "void",
            &moments("unanswered", ["watermark", "id", "tried_until"]),
        ),
        internal("core.not_later", "p_micros bigint", "timestamptz", NOT_LATER),
    ];
    functions.extend(several::functions(model));
    for table in fhir() {
        functions.push(tell(table));
        functions.extend(table.has_meta().then(|| overwrite_given(table)));
        functions.extend(queue(table));
        if table.kind == Kind::Typed {
            functions.push(typed(table));
            functions.extend(set_calculated(table));
        }
    }
    functions
}

pub(super) fn function(name: &str, arguments: &str, returns: &str, body: &str) -> Function {
    let types: Vec<&str> = arguments
        .split(", ")
        .filter_map(|a| a.split_once(' ').map(|(_, t)| t))
        .collect();
    Function {
        signature: format!("{name}({})", types.join(", ")),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {returns}\n{}\nSET enable_memoize = off\nSET \
             plan_cache_mode = force_custom_plan\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: LOADER,
    }
}

pub(super) fn internal(name: &str, arguments: &str, returns: &str, body: &str) -> Function {
    Function {
        roles: &[],
        ..function(name, arguments, returns, body)
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(literal).collect::<Vec<_>>().join(", ")
}

/// An import that is not finished is seen by its own transaction only.
const CHECK_IMPORT: &str = "BEGIN
  IF NOT EXISTS (SELECT FROM core.import i WHERE i.no = p_import AND i.finished IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH01', MESSAGE = 'no such import is being made';
  END IF;
END";

/// Keys come from the sequence, so none is beyond it.
const CHECK_RANGES: &str = "BEGIN
  IF NOT isempty(p_keys) AND (lower(p_keys) IS NULL OR upper(p_keys) IS NULL OR lower(p_keys) < 1
      OR upper(p_keys) - 1 > (SELECT s.last_value FROM db.db_seq s)) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH02', MESSAGE = 'keys that no row has';
  END IF;
END";

const CHECK_TABLE: &str = "BEGIN
  IF p_table IS NULL OR p_table NOT IN ({tables}) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH03', MESSAGE = 'no table of FHIR resources';
  END IF;
END";

const BEGIN_LOAD: &str = "BEGIN
  IF p_run IS NOT NULL AND NOT EXISTS (SELECT FROM core.import i WHERE i.no = p_run) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH01', MESSAGE = 'no such run';
  END IF;
  PERFORM FROM core.turn FOR UPDATE;
  -- Not here: tables that are swept stay locked until the transaction ends.
  IF EXISTS (SELECT FROM core.loading) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH05', MESSAGE = 'rows of an import that ended early are there';
  END IF;
  RETURN core.begin_import(left(p_module, 200), 'import', p_run);
END";

/// Only who holds the lock ends an import.
const FINISH_LOAD: &str = "BEGIN
  PERFORM core.check_import(p_import);
  IF NOT core.assert_lock(p_token) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH04', MESSAGE = 'the lock is not held';
  END IF;
  RETURN core.finish_import(p_import);
END";

const REFUSE: &str = "BEGIN
  PERFORM core.check_import(p_import);
  PERFORM core.check_table(p_table);
  INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason, attempts, first_seen, last_tried, next_try,
                               import_no)
  VALUES (p_table, 'cds2db_in', p_row, left(p_state, 5), core.reason(p_state), 1, clock_timestamp(), clock_timestamp(),
          core.try_again(1), p_import);
END";

const KEEP_DEFECTS: &str = "BEGIN
  PERFORM core.check_import(p_import);
  INSERT INTO core.defect (table_name, raw_id, column_name, index_path, kind, import_no)
  SELECT d.*, p_import FROM unnest(p_tables, p_raw, p_columns, p_index, p_kinds) AS d;
END";

const KEEP_PRECISION: &str = "BEGIN
  PERFORM core.check_import(p_import);
  PERFORM core.check_table(p_table);
  INSERT INTO core.precision (table_name, id, column_name, precision)
  SELECT p_table, p.* FROM unnest(p_ids, p_columns, p_words) AS p;
END";

const KEEP_VALUES: &str = "BEGIN
  PERFORM core.check_import(p_import);
  PERFORM core.check_table(p_table);
  INSERT INTO core.raw_value (table_name, raw_id, column_name, place, index_path, value)
  SELECT p_table, v.raw_id, v.column_name, row_number() OVER (PARTITION BY v.raw_id, v.column_name ORDER BY v.n),
         v.index_path, v.value
  FROM unnest(p_raw, p_columns, p_index, p_values) WITH ORDINALITY AS v(raw_id, column_name, index_path, value, n)
  ON CONFLICT DO NOTHING;
END";

const MARK_DELETED: &str = "BEGIN
  PERFORM core.check_import(p_import);
  INSERT INTO core.deleted (resource, fhir_id, found_by)
  SELECT DISTINCT p_resource, d.id, p_found_by FROM unnest(p_ids) AS d(id)
  ON CONFLICT (resource, fhir_id)
  DO UPDATE SET noticed = localtimestamp, found_by = excluded.found_by, returned = NULL;
END";

const MARK_RETURNED: &str = "BEGIN
  PERFORM core.check_import(p_import);
  UPDATE core.deleted SET returned = localtimestamp
  WHERE resource = p_resource AND fhir_id = ANY (p_ids) AND returned IS NULL;
END";

/// A moment that is to come is none until which anything was loaded.
const NOT_LATER: &str = "BEGIN
  RETURN least(timestamptz '1970-01-01 00:00:00+00' + p_micros * interval '1 microsecond', clock_timestamp());
END";

/// Sets the moments of ids below a name, in a table with these columns for name, id and moment. The name's argument is called
/// as its column is.
fn moments(table: &str, [name, id, moment]: [&str; 3]) -> String {
    format!(
        "BEGIN
  PERFORM core.check_import(p_import);
  INSERT INTO core.{table} ({name}, {id}, {moment})
  SELECT DISTINCT p_{name}, p.id, core.not_later(p_micros) FROM unnest(p_ids) AS p(id)
  ON CONFLICT ({name}, {id}) DO UPDATE SET {moment} = excluded.{moment};
END"
    )
}

/// What became of the rows that were copied in and of those that were known: noted, and followed up in other tables.
fn tell(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let name = literal(&table.name);
    let carry = match table.kind {
        // Confirmed raw rows confirm their typed rows.
        Kind::Raw => format!(
            "    PERFORM core.{}(p_import, p_seen, p_changed);\n",
            identifier(&format!("carry_{}", table.base()))
        ),
        _ => String::new(),
    };
    let body = format!(
        "BEGIN
  PERFORM core.check_import(p_import);
  PERFORM core.check_ranges(p_new);
  PERFORM core.check_ranges(p_seen);
  PERFORM core.note_ranges(p_import, {name}, p_new, p_seen, p_new_count, p_seen_count);
  IF NOT isempty(p_seen) THEN
    PERFORM {mark}(p_import, p_seen, true);
{carry}  END IF;
END",
        mark = names.function("mark"),
    );
    function(
        &names.function("tell"),
        "p_import int, p_new int4multirange, p_seen int4multirange, p_new_count int, p_seen_count int, p_changed int[]",
        "void",
        &body,
    )
}

/// Raw rows of this import wait to be typed.
fn queue(table: &StoredTable) -> Option<Function> {
    let names = Names::of(table);
    let Names { core, key, .. } = &names;
    let open = names.open.as_ref()?;
    let body = format!(
        "BEGIN
  PERFORM core.check_import(p_import);
  INSERT INTO {open} (id) SELECT t.{key} FROM unnest(p_ids) AS r(id)
  CROSS JOIN LATERAL (SELECT c.{key} FROM {core} c WHERE c.{key} = r.id AND c.import_no = p_import OFFSET 0) t;
END"
    );
    Some(function(
        &names.function("queue"),
        "p_import int, p_ids int[]",
        "void",
        &body,
    ))
}

/// Overwrites `meta` of known rows: their keys, then the texts of each `meta` column. The keys where it differed.
fn overwrite_given(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let columns: Vec<_> = meta(table).enumerate().collect();
    let join =
        |f: &dyn Fn(usize) -> String| columns.iter().map(|(n, _)| f(*n)).collect::<Vec<_>>().join(", ");
    let values: Vec<String> = columns
        .iter()
        .map(|(n, c)| match c.fhir_type {
            FhirType::String => format!("d.c{n} AS {}", identifier(&c.name)),
            _ => format!("d.c{n}::{} AS {}", c.sql_type(), identifier(&c.name)),
        })
        .collect();
    let body = format!(
        "DECLARE v_changed int[];
BEGIN
  PERFORM core.check_import(p_import);
  WITH delivered AS (
      SELECT d.id, {} FROM unnest(p_ids, {}) AS d(id, {})),
    {}
  SELECT coalesce(array_agg(c.id), '{{}}') INTO v_changed FROM changed c;
  RETURN v_changed;
END",
        values.join(", "),
        join(&|n| format!("p_c{n}")),
        join(&|n| format!("c{n}")),
        overwrite(table, "p_import"),
    );
    function(
        &names.function("overwrite"),
        &format!(
            "p_import int, p_ids int[], {}",
            join(&|n| format!("p_c{n} text[]"))
        ),
        "int[]",
        &body,
    )
}

/// These raw rows count as typed.
fn typed(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let body = format!(
        "BEGIN
  PERFORM core.check_import(p_import);
  PERFORM {}(p_raw);
  PERFORM {}(p_import, p_raw);
END",
        names.function("melted"),
        names.function("lift")
    );
    function(
        &names.function("typed"),
        "p_import int, p_raw int[]",
        "void",
        &body,
    )
}

/// Overwrites one calculated column of typed rows, which is no part of their content; what stood before is kept.
fn set_calculated(table: &StoredTable) -> Option<Function> {
    let columns: Vec<&str> = calculated_columns(table).map(|c| c.name.as_str()).collect();
    if columns.is_empty() {
        return None;
    }
    let names = Names::of(table);
    let Names { core, key, .. } = &names;
    let branches: String = columns
        .iter()
        .map(|column| {
            format!(
                "  IF p_column = {literal} THEN
    WITH changed AS MATERIALIZED (
        SELECT t.{key} AS id, d.value, {before} AS before
        FROM unnest(p_ids, p_values) AS d(id, value)
        CROSS JOIN LATERAL (SELECT * FROM {core} c WHERE c.{key} = d.id OFFSET 0) t
        WHERE t.{column} IS DISTINCT FROM d.value),
      kept AS (
        INSERT INTO core.overwritten (table_name, id, import_no, before)
        SELECT {table}, c.id, p_import, c.before FROM changed c ON CONFLICT DO NOTHING)
    UPDATE {core} t SET {column} = c.value FROM changed c WHERE t.{key} = c.id;
  END IF;\n",
                literal = literal(column),
                column = identifier(column),
                before = before(table, "t."),
                table = literal(&table.name),
            )
        })
        .collect();
    let body = format!("BEGIN\n  PERFORM core.check_import(p_import);\n{branches}END");
    Some(function(
        &names.function("set_calculated"),
        "p_import int, p_column text, p_ids int[], p_values text[]",
        "void",
        &body,
    ))
}
