//! Moving the rows of one inbox into the core, in one statement a table.
//!
//! The statement deletes the rows from the inbox and does everything else from what it deleted, so a row that a writer
//! adds meanwhile is either moved whole or waits for the next transfer. Where the database refuses it, the rows are
//! halved until those it refuses stand alone; these go to the quarantine.

use super::header;
use super::names::Names;
use super::overwrite::{digest, overwrite};
use crate::schema::{Function, Kind, StoredColumn, StoredTable, identifier};

/// `core.store_…`, `core.take_…` and `core.retry_…` for each inbox of the table.
pub(crate) fn functions(table: &StoredTable) -> Vec<Function> {
    let names = Names::of(table);
    table
        .inboxes()
        .iter()
        .flat_map(|inbox| {
            [
                store(table, &names, inbox),
                take(&names, inbox),
                retry(table, &names, inbox),
            ]
        })
        .collect()
}

/// A function with memory to sort the rows of a usual import in, and without just-in-time compilation: expressions over
/// 143 columns cost tens of seconds to compile.
fn function(name: &str, arguments: &str, body: &str) -> Function {
    Function {
        signature: format!("{name}({})", super::types(arguments)),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS void\n{}\nSET work_mem = '64MB'\nSET jit = off\n\
             SET enable_memoize = off\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        // Only the functions in `db` call these.
        roles: &[],
    }
}

/// One statement that stores the given rows of the inbox, and what follows from their arrival.
///
/// Its common tables are not joined with one another: the planner cannot know their sizes and would take nested loops.
/// What a row needs of others with the same content comes from windows, and each content is looked up in the index.
fn store(table: &StoredTable, names: &Names, inbox: &str) -> Function {
    let Names {
        table: name,
        core,
        key,
        id,
        ..
    } = names;
    let inbox_table = format!("{inbox}.{}", identifier(name));
    // Rows of the frontend may come without an id.
    let own_id = format!("coalesce(a.{id}, nextval('db.db_seq')::int)");
    let (own_key, key_and_id) = match table.kind {
        Kind::Raw | Kind::Typed => ("h.own_id", key.clone()),
        _ => (
            "CASE WHEN h.nth = 1 THEN nextval('core.row_seq')::int END",
            format!("{key}, {id}"),
        ),
    };
    let metas: Vec<&StoredColumn> = super::meta(table).collect();
    let last: String = (0..)
        .zip(&metas)
        .map(|(n, c)| {
            format!(
                ",\n             last_value(a.{}) OVER twins AS last{n}",
                identifier(&c.name)
            )
        })
        .collect();
    let meta = |c: &StoredColumn| metas.iter().position(|m| m.name == c.name);
    // The first row of a content becomes the row; the `meta` of the last one stands.
    let value = |c: &StoredColumn| {
        let column = identifier(&c.name);
        meta(c).map_or_else(
            || format!("k.{column}"),
            |n| format!("coalesce(k.last{n}, k.{column})"),
        )
    };
    let mut targets = vec![key_and_id];
    let mut values = vec![if table.kind == Kind::Raw || table.kind == Kind::Typed {
        "k.own_key".to_owned()
    } else {
        "k.own_key, k.own_id".to_owned()
    }];
    if let Some(raw) = &names.raw {
        targets.push(raw.id.clone());
        values.push(format!("k.{}", raw.id));
    }
    targets.extend(["import_no".to_owned(), "input_datetime".to_owned()]);
    values.extend(["p_import".to_owned(), "k.input_datetime".to_owned()]);
    targets.extend(table.columns.iter().map(|c| identifier(&c.name).into_owned()));
    values.extend(table.columns.iter().map(value));
    if table.has_meta() {
        targets.push("meta_digest".to_owned());
        values.push(digest(table, value));
    }
    targets.push("hash".to_owned());
    values.push("k.hash".to_owned());
    let (delivered, changed) = if metas.is_empty() {
        (String::new(), "NULL::int[]")
    } else {
        let columns: Vec<String> = (0..)
            .zip(&metas)
            .map(|(n, c)| format!("k.last{n} AS {}", identifier(&c.name)))
            .collect();
        (
            format!(
                "    delivered AS (
      SELECT k.known AS id, {} FROM keyed k WHERE k.nth = 1 AND k.known IS NOT NULL),
    {},\n",
                columns.join(", "),
                overwrite(table, "p_import")
            ),
            "(SELECT array_agg(c.id) FROM changed c)",
        )
    };
    let (pair_arrays, pair_targets, pair_variables) = match &names.raw {
        Some(raw) => (
            format!(
                ",
         (SELECT array_agg(k.{raw} ORDER BY k.own_id, k.known) FROM keyed k),
         (SELECT array_agg(coalesce(k.known, k.new_key) ORDER BY k.own_id, k.known) FROM keyed k)",
                raw = raw.id
            ),
            ", v_raw, v_typed",
            " v_raw int[]; v_typed int[];",
        ),
        None => (String::new(), "", ""),
    };
    let (mark, after) = (names.function("mark"), after(table, names));
    let (targets, values) = (targets.join(", "), values.join(",\n             "));
    let body = format!(
        "DECLARE v_new int[]; v_seen int4multirange; v_changed int[]; v_all int;{pair_variables}
BEGIN
  WITH arrived AS (
      DELETE FROM {inbox_table} i USING unnest(p_rows) AS r(id) WHERE i.ctid = r.id RETURNING i.*),
    twins AS (
      SELECT a.*, {own_id} AS own_id, a.hash_index_col::uuid AS hash,
             row_number() OVER (PARTITION BY a.hash_index_col ORDER BY a.{id}) AS nth,
             count(*) OVER twins AS copies{last}
      FROM arrived a
      WINDOW twins AS (PARTITION BY a.hash_index_col ORDER BY a.{id}
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),
    found AS (
      SELECT h.*, {own_key} AS own_key, t.known
      FROM twins h LEFT JOIN LATERAL (
        SELECT c.{key} AS known FROM {core} c WHERE c.hash = h.hash OFFSET 0) t ON true),
    keyed AS MATERIALIZED (
      SELECT f.*, first_value(f.own_key) OVER (PARTITION BY f.hash ORDER BY f.nth) AS new_key FROM found f),
    stored AS (
      INSERT INTO {core} ({targets})
      SELECT {values}
      FROM keyed k WHERE k.nth = 1 AND k.known IS NULL ORDER BY k.own_id
      RETURNING {key} AS key),
{delivered}    counted AS (SELECT count(*) AS rows FROM arrived)
  SELECT (SELECT array_agg(i.key) FROM stored i),
         (SELECT core.ranges(array_agg(coalesce(k.known, k.own_key)))
          FROM keyed k WHERE k.nth = 1 AND (k.known IS NOT NULL OR k.copies > 1)),
         {changed}, c.rows{pair_arrays}
  INTO v_new, v_seen, v_changed, v_all{pair_targets} FROM counted c;
  PERFORM core.note_ranges(p_import, '{name}', core.ranges(v_new), v_seen, coalesce(cardinality(v_new), 0),
                           v_all - coalesce(cardinality(v_new), 0));
  IF NOT isempty(v_seen) THEN
    PERFORM {mark}(p_import, v_seen, true);
  END IF;
{after}END"
    );
    function(
        &names.inbox_function("store", inbox),
        "p_import int, p_rows tid[]",
        &body,
    )
}

/// What follows from the arrival of rows in other tables.
fn after(table: &StoredTable, names: &Names) -> String {
    match table.kind {
        Kind::Raw => {
            let carry = format!("core.{}", identifier(&format!("carry_{}", table.base())));
            let open = names.open.as_deref().unwrap_or_default();
            format!(
                "  INSERT INTO {open} (id) SELECT unnest(v_new);
  PERFORM {carry}(p_import, v_seen, v_changed);\n"
            )
        }
        Kind::Typed => {
            format!(
                "  PERFORM {}(p_import, v_raw, v_typed);\n  PERFORM {}(v_raw);\n",
                names.function("link"),
                names.function("melted")
            )
        }
        Kind::Form | Kind::Core | Kind::Submodule => String::new(),
    }
}

/// Stores the rows, or what of them the database accepts.
fn take(names: &Names, inbox: &str) -> Function {
    let take = names.inbox_function("take", inbox);
    let store = names.inbox_function("store", inbox);
    let inbox_table = format!("{inbox}.{}", identifier(&names.table));
    let body = format!(
        "DECLARE v_state text; v_message text; v_context text; v_half int := cardinality(p_rows) / 2;
BEGIN
  BEGIN
    PERFORM {store}(p_import, p_rows);
    RETURN;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
      v_context = PG_EXCEPTION_CONTEXT;
    -- Only these classes are about the row: data exceptions, constraints, checks of views, limits, triggers.
    IF left(v_state, 2) NOT IN ('22', '23', '44', '54', 'P0') THEN RAISE; END IF;
  END;
  IF v_half > 0 THEN
    PERFORM {take}(p_import, p_rows[1:v_half]);
    PERFORM {take}(p_import, p_rows[v_half + 1:]);
    RETURN;
  END IF;
  WITH refused AS (
      DELETE FROM {inbox_table} i USING unnest(p_rows) AS r(id) WHERE i.ctid = r.id RETURNING i.*)
  INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason, attempts, first_seen, last_tried, next_try,
                               import_no)
  SELECT '{table}', '{inbox}', (to_jsonb(r) - 'hash_index_col')::json, v_state, core.reason(v_state, v_message, v_context),
         1, clock_timestamp(), clock_timestamp(), core.try_again(1), p_import
  FROM refused r;
END",
        table = names.table
    );
    function(&take, "p_import int, p_rows tid[]", &body)
}

/// Tries the quarantined rows again that are due, each on its own.
fn retry(table: &StoredTable, names: &Names, inbox: &str) -> Function {
    let store = names.inbox_function("store", inbox);
    let inbox_table = format!("{inbox}.{}", identifier(&names.table));
    let mut columns: Vec<String> = names.raw.iter().map(|raw| raw.id.clone()).collect();
    columns.extend(table.columns.iter().map(|c| identifier(&c.name).into_owned()));
    let columns = columns.join(", ");
    let Names { table: name, id, .. } = names;
    let body = format!(
        "DECLARE q record; v_row tid; v_state text; v_message text; v_context text;
BEGIN
  FOR q IN SELECT * FROM core.quarantine
           WHERE table_name = '{name}' AND inbox = '{inbox}' AND next_try <= now() ORDER BY id LOOP
    BEGIN
      INSERT INTO {inbox_table} ({id}, input_datetime, {columns})
      SELECT coalesce(r.{id}, nextval('db.db_seq')), coalesce(r.input_datetime, now()::timestamp), {columns}
      FROM json_populate_record(NULL::{inbox_table}, q.row) r
      RETURNING ctid INTO v_row;
      PERFORM {store}(p_import, ARRAY[v_row]);
      DELETE FROM core.quarantine WHERE id = q.id;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
      v_context = PG_EXCEPTION_CONTEXT;
      UPDATE core.quarantine
      SET attempts = attempts + 1, last_tried = clock_timestamp(), next_try = core.try_again(attempts + 1),
          sqlstate = v_state, reason = core.reason(v_state, v_message, v_context)
      WHERE id = q.id;
    END;
  END LOOP;
END"
    );
    function(&names.inbox_function("retry", inbox), "p_import int", &body)
}
