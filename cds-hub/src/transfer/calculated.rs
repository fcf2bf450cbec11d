//! Calculated references of rows that are stored already: modules queue them in `cds2db_in.temp_calculated_items`, a
//! transfer writes them into all typed rows of the resource.
//!
//! They are no content, so they are overwritten in place like `meta`, and what stood before is kept.

use super::names::Names;
use super::overwrite::{before, calculated};
use super::{MODULES, header};
use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, Model, StoredColumn, StoredTable, identifier};

/// The part of the semaphore's text and of the history this step has.
const NAME: &str = "set_old_calculated_items";

/// `db.set_old_calculated_items()`, which empties the queue but for entries of unknown tables and columns.
pub(super) fn function(model: &Model) -> Function {
    let updates: String = columns(model)
        .map(|(table, column)| update(table, column))
        .collect();
    let waiting = waiting(model);
    let body = format!(
        "DECLARE v_import int; v_number int; v_rows int; v_all int := 0; v_state text; v_message text; v_context text;
BEGIN
  -- Without a value there is nothing to set.
  DELETE FROM cds2db_in.temp_calculated_items i WHERE coalesce(i.cal_calculated_value, '') = '';
  IF NOT {waiting} THEN
    RETURN NULL;
  END IF;
  BEGIN
    v_import := core.begin_import('transfer', '{NAME}', NULL);
{updates}    v_number := nextval('db.db_seq');
    UPDATE core.import SET input_nr = v_number, last_nr = v_number, finished = clock_timestamp(), aligned = true
    WHERE no = v_import;
    INSERT INTO db.data_import_hist (last_processing_nr, schema_name, table_name, function_name, variable_name,
                                     dataset_count, last_check_datetime)
    VALUES (v_number, 'db_log', '{NAME}', '{NAME}', 'data_count_pro_upd', v_all, now()::timestamp);
    RETURN 'Done db.{NAME} - last_pro_nr:' || v_number;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
      v_context = PG_EXCEPTION_CONTEXT;
    PERFORM db.error_log('cds2db_in', 'db.{NAME}()', session_user::varchar,
                         (v_state || ' - ' || core.reason(v_state, v_message, v_context))::varchar);
    RETURN 'Fehler db.{NAME} - ' || v_state || ' - last_pro_nr:';
  END;
END"
    );
    Function {
        signature: format!("db.{NAME}()"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION db.{NAME}() RETURNS text\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: MODULES,
    }
}

/// SQL that tells whether the queue holds an entry that can be written.
pub(super) fn waiting(model: &Model) -> String {
    let known: Vec<String> = columns(model)
        .map(|(table, column)| format!("({}, {})", literal(table.base()), literal(&column.name)))
        .collect();
    if known.is_empty() {
        return "false".to_owned();
    }
    format!(
        "EXISTS (SELECT FROM cds2db_in.temp_calculated_items i
              WHERE (lower(i.cal_resource), i.cal_calculated_column_name) IN (VALUES
                {}))",
        known.join(",\n                ")
    )
}

/// The columns the queue can be for.
fn columns(model: &Model) -> impl Iterator<Item = (&StoredTable, &StoredColumn)> {
    model
        .of(Kind::Typed)
        .filter(|t| t.fhir_id_column().is_some())
        .flat_map(|t| calculated(t).map(move |c| (t, c)))
}

/// Writes the entries of one column; of several for a resource the newest counts.
fn update(table: &StoredTable, column: &StoredColumn) -> String {
    let Names { core, key, .. } = Names::of(table);
    let fhir_id = table.fhir_id_column().map(identifier).unwrap_or_default();
    let target = identifier(&column.name);
    let (base, name) = (literal(table.base()), literal(&column.name));
    format!(
        "    WITH taken AS (
        DELETE FROM cds2db_in.temp_calculated_items i
        WHERE lower(i.cal_resource) = {base} AND i.cal_calculated_column_name = {name} RETURNING i.*),
      newest AS (
        SELECT DISTINCT ON (n.cal_fhir_id) n.cal_fhir_id, n.cal_calculated_value FROM taken n
        ORDER BY n.cal_fhir_id, n.input_datetime DESC),
      changed AS MATERIALIZED (
        SELECT t.{key} AS id, n.cal_calculated_value AS value, {before} AS before
        FROM newest n CROSS JOIN LATERAL (SELECT * FROM {core} c WHERE c.{fhir_id} = n.cal_fhir_id OFFSET 0) t
        WHERE t.{target} IS DISTINCT FROM n.cal_calculated_value),
      kept AS (
        INSERT INTO core.overwritten (table_name, id, import_no, before)
        SELECT '{table}', c.id, v_import, c.before FROM changed c ON CONFLICT DO NOTHING),
      written AS (
        UPDATE {core} t SET {target} = c.value FROM changed c WHERE t.{key} = c.id)
    SELECT count(*) INTO v_rows FROM changed;
    v_all := v_all + v_rows;\n",
        before = before(table, "t."),
        table = table.name,
    )
}
