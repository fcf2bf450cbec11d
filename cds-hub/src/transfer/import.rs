//! The functions every import goes through, whoever makes it: number, companion rows, statistics.

use super::header;
use crate::error::REASONS;
use crate::schema::Function;

/// `core.begin_import` and its fellows, which do not depend on the tables. Only functions call them.
pub(crate) fn functions() -> Vec<Function> {
    vec![
        function(
            "core.begin_import",
            "p_module text, p_part text, p_run int",
            "int",
            "plpgsql",
            BEGIN,
        ),
        function("core.finish_import", "p_import int", "int", "plpgsql", FINISH),
        function(
            "core.note_ranges",
            RANGE_ARGUMENTS,
            "void",
            "plpgsql",
            NOTE_RANGES,
        ),
        function("core.ranges", "p_ids int[]", "int4multirange", "sql", RANGES),
        function(
            "core.follow",
            "p_import int, p_raw_import int",
            "void",
            "plpgsql",
            FOLLOW,
        ),
        function("core.instant", "p_text text", "timestamp", "plpgsql", INSTANT),
        function(
            "core.reason",
            "p_state text, p_message text DEFAULT NULL, p_context text DEFAULT NULL",
            "text",
            "sql",
            &reason(),
        ),
        function(
            "core.try_again",
            "p_attempts int",
            "timestamptz",
            "sql",
            TRY_AGAIN,
        ),
    ]
}

fn function(name: &str, arguments: &str, returns: &str, language: &str, body: &str) -> Function {
    Function {
        signature: format!("{name}({})", super::types(arguments)),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {returns}\n{}\nAS $body$\n{body}\n$body$",
            header(language)
        ),
        roles: &[],
    }
}

/// The lock makes imports follow one another, so that their order is the order of their numbers and of their commits;
/// the loader's probe for known hashes relies on it too.
const BEGIN: &str = "DECLARE v_no int;
BEGIN
  PERFORM FROM core.turn FOR UPDATE;
  IF EXISTS (SELECT FROM core.loading) THEN
    PERFORM core.sweep_loads();
  END IF;
  v_no := nextval('core.import_no_seq');
  INSERT INTO core.import (no, run, checked, seen_status, module, part, started)
  VALUES (v_no, coalesce(p_run, v_no), now()::timestamp,
          'Last Time the same Dataset : ' || now(), p_module, p_part, clock_timestamp());
  RETURN v_no;
END";

/// The number is drawn last, so it is larger than the ids of all rows of the import. An import without rows leaves
/// nothing and gets none.
const FINISH: &str = "DECLARE v_number int; v_run int; v_part text; v_seconds double precision;
BEGIN
  DELETE FROM core.loading WHERE import_no = p_import;
  PERFORM core.build_indexes(p_import);
  IF NOT EXISTS (SELECT FROM core.import_rows WHERE import_no = p_import)
     AND NOT EXISTS (SELECT FROM core.quarantine WHERE import_no = p_import)
     AND NOT EXISTS (SELECT FROM core.overwritten WHERE import_no = p_import) THEN
    DELETE FROM core.import WHERE no = p_import;
    RETURN NULL;
  END IF;
  v_number := nextval('db.db_seq');
  UPDATE core.import SET input_nr = v_number, finished = clock_timestamp() WHERE no = p_import
  RETURNING run, part, extract(epoch FROM clock_timestamp() - started) INTO v_run, v_part, v_seconds;
  UPDATE core.import SET last_nr = v_number WHERE run = v_run;
  INSERT INTO db.data_import_hist (last_processing_nr, schema_name, table_name, function_name, variable_name,
                                   dataset_count, copy_time_in_sec, last_check_datetime, current_dataset_status)
  SELECT v_number, 'db_log', r.table_name, v_part, c.variable, c.count, v_seconds, now()::timestamp, NULL
  FROM core.import_rows r
  CROSS JOIN LATERAL (VALUES ('data_count_new', r.new_count), ('data_count_update', r.update_count),
                             ('data_count_all', r.new_count + r.update_count)) AS c(variable, count)
  WHERE r.import_no = p_import AND r.new_count + r.update_count > 0
  UNION ALL
  SELECT v_number, 'db_log', v_part, v_part, c.variable, c.count, v_seconds, now()::timestamp, NULL
  FROM (SELECT coalesce(sum(new_count), 0) AS new, coalesce(sum(update_count), 0) AS update
        FROM core.import_rows WHERE import_no = p_import) s
  CROSS JOIN LATERAL (VALUES ('data_count_pro_all', s.new + s.update), ('data_count_pro_new', s.new),
                             ('data_count_pro_upd', s.update)) AS c(variable, count);
  INSERT INTO db_config.db_error_log (err_schema, err_objekt, err_user, err_msg, err_line, last_processing_nr)
  SELECT q.inbox, 'db.' || v_part || '()', session_user, q.sqlstate || ' - ' || q.reason, q.table_name, v_number
  FROM core.quarantine q WHERE q.import_no = p_import;
  PERFORM core.refresh_statistics(p_import);
  RETURN v_number;
END";

const RANGE_ARGUMENTS: &str = "p_import int, p_table text, p_new int4multirange, p_seen int4multirange, p_new_count int, \
                               p_update_count int";

const NOTE_RANGES: &str = "BEGIN
  INSERT INTO core.import_rows AS r (import_no, table_name, new_ids, seen_ids, new_count, update_count)
  VALUES (p_import, p_table, p_new, p_seen, p_new_count, p_update_count)
  ON CONFLICT (import_no, table_name) DO UPDATE
  SET new_ids = r.new_ids + excluded.new_ids, seen_ids = r.seen_ids + excluded.seen_ids,
      new_count = r.new_count + excluded.new_count, update_count = r.update_count + excluded.update_count;
END";

/// Neighbouring ids become one range: an id minus its rank is the same along a gapless stretch.
const RANGES: &str = "SELECT coalesce(range_agg(int4range(g.low, g.high, '[]')), '{}')
FROM (SELECT min(r.id) AS low, max(r.id) AS high
      FROM (SELECT d.id, d.id - row_number() OVER (ORDER BY d.id) AS stretch
            FROM (SELECT DISTINCT unnest(p_ids) AS id) d) r
      GROUP BY r.stretch) g";

/// A typed import belongs to the run of the newest raw import whose rows it holds.
const FOLLOW: &str = "BEGIN
  UPDATE core.import i SET run = r.run
  FROM core.import r, core.import was
  WHERE i.no = p_import AND r.no = p_raw_import AND was.no = i.run AND (i.run = i.no OR r.no > was.no);
END";

/// A FHIR instant as wall time, or nothing: a `meta` value never stops a transfer.
const INSTANT: &str = r"BEGIN
  IF p_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?)?$' THEN
    RETURN p_text::timestamptz::timestamp;
  END IF;
  RETURN NULL;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END";

/// Why the server refused, in words of ours: its own may hold values of a row, and those of a site's triggers and
/// constraints anything. A message is the server's own, and names objects only, where no function raised it.
fn reason() -> String {
    let known: String = REASONS
        .iter()
        .map(|(state, reason)| format!("\n  WHEN p_state LIKE '{state}%' THEN '{reason}'"))
        .collect();
    format!(
        "SELECT CASE{known}\n  WHEN p_message IS NULL OR p_context LIKE '% at RAISE%' THEN 'refused'\n  ELSE p_message END"
    )
}

/// A minute after the first refusal, then twice as long each time, up to a day.
const TRY_AGAIN: &str =
    "SELECT now() + least(interval '1 minute' * 2 ^ least(p_attempts - 1, 20), interval '1 day')";
