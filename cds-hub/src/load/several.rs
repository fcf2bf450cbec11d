//! The functions behind an import that several connections load.
//!
//! The import's own transaction holds the turn of imports and everything but the rows themselves; these are copied in by
//! further connections, each piece in a transaction of its own that notes the import in `core.loading` beforehand. So
//! they are there before the import is, and nobody sees them (`schema::visible`). The import's commit makes them visible
//! at once. If it never comes, whoever makes the next import takes them away first.

use super::functions::{function, internal};
use crate::schema::{Function, Kind, Model};
use crate::transfer::Names;

/// `core.spread_load`, `core.part_begins`, `core.set_indexes_aside`, `core.build_index`, `core.sweep` and what they call.
pub(super) fn functions(model: &Model) -> Vec<Function> {
    vec![
        function("core.spread_load", "p_import int", "void", SPREAD),
        function("core.part_begins", "p_import int", "void", PART_BEGINS),
        function(
            "core.set_indexes_aside",
            "p_import int, p_table text",
            "boolean",
            SET_ASIDE,
        ),
        function("core.missing_indexes", "p_import int", "text[]", MISSING),
        function(
            "core.build_index",
            "p_import int, p_index text",
            "boolean",
            BUILD_INDEX,
        ),
        internal("core.build_indexes", "p_import int", "void", BUILD_INDEXES),
        internal("core.sweep_loads", "", "void", &sweep_loads(model)),
        function("core.sweep", "", "void", SWEEP),
        function("core.cores", "", "int", CORES),
    ]
}

/// Called by another connection than the import's, which has the newest number and is not there yet for others.
const SPREAD: &str = "BEGIN
  IF p_import IS DISTINCT FROM (SELECT s.last_value::int FROM core.import_no_seq s)
     OR EXISTS (SELECT FROM core.import i WHERE i.no = p_import) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH01', MESSAGE = 'no such import is being made';
  END IF;
  INSERT INTO core.loading (import_no, first_key) VALUES (p_import, nextval('db.db_seq'));
END";

/// Whoever ends the import, in whichever way, waits for the piece that has begun; none begins after that.
const PART_BEGINS: &str = "BEGIN
  PERFORM FROM core.loading l WHERE l.import_no = p_import FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH01', MESSAGE = 'no such import is being made';
  END IF;
END";

/// An empty table goes without the indexes that keep no promise. Readers that have the table delay that for a moment only,
/// then the rows are loaded with the indexes.
const SET_ASIDE: &str = "DECLARE v_index record;
BEGIN
  PERFORM core.part_begins(p_import);
  PERFORM core.check_table(p_table);
  PERFORM set_config('lock_timeout', '500ms', true);
  EXECUTE format('LOCK TABLE core.%I IN ACCESS EXCLUSIVE MODE', p_table);
  EXECUTE format('SELECT 1 WHERE EXISTS (SELECT FROM core.%I)', p_table) INTO v_index;
  IF v_index IS NOT NULL THEN
    RETURN false;
  END IF;
  FOR v_index IN
    SELECT c.relname::text AS name, pg_get_indexdef(x.indexrelid) AS definition
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    WHERE x.indrelid = format('core.%I', p_table)::regclass AND NOT x.indisunique AND x.indisvalid
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indexrelid)
      AND NOT x.indisreplident AND NOT x.indisclustered AND c.reltablespace = 0
  LOOP
    INSERT INTO core.set_aside (index_name, table_name, import_no, definition)
    VALUES (v_index.name, p_table, p_import, v_index.definition);
    EXECUTE format('DROP INDEX core.%I', v_index.name);
  END LOOP;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END";

/// Those of wide tables last, since the last is built first.
const MISSING: &str = "BEGIN
  RETURN coalesce((SELECT array_agg(s.index_name ORDER BY pg_relation_size(format('core.%I', s.table_name)::regclass), s.index_name)
                   FROM core.set_aside s WHERE s.import_no = p_import), '{}');
END";

/// Where the import itself has changed rows of the table it has to build the index: then this says false.
const BUILD_INDEX: &str = "DECLARE v_definition text;
BEGIN
  PERFORM core.part_begins(p_import);
  SELECT s.definition INTO v_definition FROM core.set_aside s
  WHERE s.index_name = p_index AND s.import_no = p_import FOR UPDATE;
  IF NOT FOUND THEN
    RETURN true;
  END IF;
  PERFORM set_config('lock_timeout', '500ms', true);
  PERFORM set_config('maintenance_work_mem', greatest(131072,
    (SELECT s.setting::int FROM pg_settings s WHERE s.name = 'maintenance_work_mem'))::text, true);
  EXECUTE v_definition;
  DELETE FROM core.set_aside WHERE index_name = p_index;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END";

/// Those that are still missing.
const BUILD_INDEXES: &str = "DECLARE v_index record;
BEGIN
  FOR v_index IN SELECT s.* FROM core.set_aside s WHERE s.import_no = p_import ORDER BY s.index_name LOOP
    EXECUTE v_index.definition;
    DELETE FROM core.set_aside WHERE index_name = v_index.index_name;
  END LOOP;
END";

/// Takes away what imports that ended early left. Only under the lock of imports.
fn sweep_loads(model: &Model) -> String {
    let tables = model
        .tables()
        .iter()
        .filter(|t| matches!(t.kind, Kind::Raw | Kind::Typed));
    let tables: String = tables
        .map(|table| {
            let Names { core, key, table, .. } = Names::of(table);
            format!(
                "    IF EXISTS (SELECT FROM core.set_aside s WHERE s.import_no = v_load.import_no AND s.table_name = '{table}')
       AND NOT EXISTS (SELECT FROM {core} t WHERE t.{key} <= v_load.first_key) THEN
      TRUNCATE {core};
    ELSE
      DELETE FROM {core} t WHERE t.{key} > v_load.first_key AND t.import_no = v_load.import_no;
    END IF;\n"
            )
        })
        .collect();
    format!(
        "DECLARE v_load record;
BEGIN
  FOR v_load IN SELECT l.* FROM core.loading l ORDER BY l.import_no LOOP
    -- Waits for pieces that have begun.
    DELETE FROM core.loading WHERE import_no = v_load.import_no;
{tables}    PERFORM core.build_indexes(v_load.import_no);
  END LOOP;
END"
    )
}

const SWEEP: &str = "BEGIN
  PERFORM FROM core.turn FOR UPDATE;
  PERFORM core.sweep_loads();
END";

/// The cores of the server, where its system tells.
const CORES: &str = r"BEGIN
  RETURN (SELECT nullif(count(*), 0) FROM regexp_matches(pg_read_file('/proc/cpuinfo', 0, 1000000), '^processor\s*:', 'gn'));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END";
