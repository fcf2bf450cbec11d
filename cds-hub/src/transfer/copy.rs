//! The transfer functions under the original's names: all tables of one part, in one transaction, under one number.

use super::names::Names;
use super::{MODULES, header};
use crate::schema::{Function, Kind, Model, StoredTable, identifier};

/// The functions in schema `db`, none of which takes an argument.
pub(crate) fn functions(model: &Model) -> Vec<Function> {
    let parts: [(&str, &str, &[Kind]); 6] = [
        ("copy_raw_cds_in_to_db_log", "cds2db_in", &[Kind::Raw]),
        ("copy_type_cds_in_to_db_log", "cds2db_in", &[Kind::Typed]),
        ("copy_fe_dp_in_to_db_log", "db2dataprocessor_in", &[Kind::Form]),
        ("copy_fe_fe_in_to_db_log", "db2frontend_in", &[Kind::Form]),
        (
            "copy_submodules_dp_in_to_db_log",
            "db2dataprocessor_in",
            &[Kind::Submodule],
        ),
        ("copy_core_dp_in_to_db_log", "db2dataprocessor_in", &[Kind::Core]),
    ];
    let mut functions: Vec<Function> = parts
        .into_iter()
        .map(|(name, inbox, kinds)| {
            let tables: Vec<&StoredTable> = model
                .tables()
                .iter()
                .filter(|t| kinds.contains(&t.kind))
                .collect();
            copy(name, inbox, &tables)
        })
        .collect();
    functions.push(text_function("take_over_last_check_date", TAKE_OVER));
    functions.push(last_typed_number(model));
    functions.extend(due(model));
    functions.push(text_function(
        "add_hist_raw_records",
        "BEGIN\n  RETURN NULL;\nEND",
    ));
    functions.push(cron_job());
    functions
}

fn text_function(name: &str, body: &str) -> Function {
    Function {
        signature: format!("db.{name}()"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION db.{name}() RETURNS text\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: MODULES,
    }
}

/// One of the six copy functions.
///
/// An error that is no row's fault undoes the whole call and is told in the result, as the original does, so that the
/// next step of a transfer still runs.
fn copy(name: &str, inbox: &str, tables: &[&StoredTable]) -> Function {
    let mut waiting = Vec::new();
    let mut moves = String::new();
    let mut typed = Vec::new();
    for table in tables {
        let names = Names::of(table);
        let source = format!("{inbox}.{}", identifier(&names.table));
        waiting.push(format!("EXISTS (SELECT FROM {source})"));
        moves.push_str(&format!(
            "    SELECT array_agg(i.ctid ORDER BY i.{id}) INTO v_rows FROM {source} i;
    IF v_rows IS NOT NULL THEN PERFORM {take}(v_import, v_rows); END IF;
    PERFORM {retry}(v_import);\n",
            id = names.id,
            take = names.inbox_function("take", inbox),
            retry = names.inbox_function("retry", inbox),
        ));
        if table.kind == Kind::Typed {
            typed.push((names.function("sources"), names.function("lift")));
        }
    }
    let variables: String = (0..typed.len()).map(|n| format!(" v_raw{n} int[];")).collect();
    // First all tables, then the rows to lift: only then it is known which run the import continues.
    for (n, (sources, _)) in typed.iter().enumerate() {
        moves.push_str(&format!("    v_raw{n} := {sources}(v_import);\n"));
    }
    for (n, (_, lift)) in typed.iter().enumerate() {
        moves.push_str(&format!("    PERFORM {lift}(v_import, v_raw{n});\n"));
    }
    let names: Vec<String> = tables.iter().map(|t| format!("'{}'", t.name)).collect();
    waiting.push(format!(
        "EXISTS (SELECT FROM core.quarantine q WHERE q.inbox = '{inbox}' AND q.next_try <= now()
               AND q.table_name = ANY (ARRAY[{}]::text[]))",
        names.join(", ")
    ));
    let body = format!(
        "DECLARE v_import int; v_number int; v_rows tid[]; v_state text; v_message text; v_context text;{variables}
BEGIN
  IF NOT ({waiting}) THEN
    RETURN NULL;
  END IF;
  BEGIN
    v_import := core.begin_import('transfer', '{name}', NULL);
{moves}    v_number := core.finish_import(v_import);
    RETURN 'Done db.{name} - last_pro_nr:' || v_number;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
      v_context = PG_EXCEPTION_CONTEXT;
    PERFORM db.error_log('{inbox}', 'db.{name}()', session_user::varchar,
                         (v_state || ' - ' || core.reason(v_state, v_message, v_context))::varchar);
    RETURN 'Fehler db.{name} - ' || v_state || ' - last_pro_nr:';
  END;
END",
        waiting = waiting.join("\n          OR "),
    );
    text_function(name, &body)
}

/// Raw and typed rows of a run are aligned when an import ends; what is left is to say so once.
const TAKE_OVER: &str = "DECLARE v_number int; v_imports int;
BEGIN
  WITH aligned AS (UPDATE core.import SET aligned = true WHERE NOT aligned AND finished IS NOT NULL RETURNING last_nr)
  SELECT max(last_nr), count(*) INTO v_number, v_imports FROM aligned;
  IF v_number IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO db.data_import_hist (last_processing_nr, schema_name, table_name, function_name, variable_name,
                                   dataset_count, last_check_datetime)
  VALUES (v_number, 'db_log', 'take_over_last_check_date', 'take_over_last_check_date', 'data_count_pro_all',
          v_imports, now()::timestamp);
  RETURN 'Done db.take_over_last_check_date - last_pro_nr:' || v_number;
END";

/// The newest number of any typed row.
fn last_typed_number(model: &Model) -> Function {
    let names: Vec<String> = model.of(Kind::Typed).map(|t| format!("'{}'", t.name)).collect();
    text_function(
        "get_last_processing_nr_typed",
        &format!(
            "BEGIN
  RETURN (SELECT coalesce(max(i.last_nr), 0)::text
          FROM core.import i JOIN core.import_rows r ON r.import_no = i.no
          WHERE r.table_name = ANY (ARRAY[{}]::text[]));
END",
            names.join(", ")
        ),
    )
}

/// `core.rows_wait()`, whether anything is left to transfer, and `core.transfer_due(pause)`, whether a transfer is to run.
///
/// The state may ask for one; and rows may wait although it does not. A scheduler leaves `ReadyToConnect` alone for as long
/// as the parameter says: whoever sets the state so has a pause from transfers. An operator does not wait for it.
fn due(model: &Model) -> [Function; 2] {
    let inboxes: Vec<String> = model
        .tables()
        .iter()
        .flat_map(|t| {
            t.inboxes()
                .iter()
                .map(|inbox| format!("EXISTS (SELECT FROM {inbox}.{})", identifier(&t.name)))
        })
        .collect();
    let rows_wait = format!(
        "BEGIN
  RETURN EXISTS (SELECT FROM core.quarantine q WHERE q.next_try <= now())
      OR {}
      OR {};
END",
        super::calculated::waiting(model),
        inboxes.join("\n      OR ")
    );
    let function = |name: &str, arguments: &str, roles, body: &str| Function {
        signature: format!("core.{name}({})", super::types(arguments)),
        sql: format!(
            "CREATE OR REPLACE FUNCTION core.{name}({arguments}) RETURNS boolean\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles,
    };
    [
        function("rows_wait", "", &[], &rows_wait),
        function("transfer_due", "p_pause boolean", MODULES, DUE),
    ]
}

const DUE: &str = "DECLARE v_state text; v_since timestamp; v_pause double precision;
BEGIN
  PERFORM core.expire_lock();
  SELECT c.pc_value, c.last_change_timestamp INTO v_state, v_since FROM db_config.db_process_control c
  WHERE c.pc_name = 'semaphor_cron_job_data_transfer';
  IF p_pause AND v_state = 'ReadyToConnect' THEN
    v_pause := coalesce((SELECT CASE WHEN p.parameter_value::numeric > 45 THEN 40
                                     ELSE greatest(p.parameter_value::numeric, 5) END
                         FROM db_config.db_parameter p
                         WHERE p.parameter_name = 'pause_after_process_execution'
                           AND p.parameter_value ~ '^[0-9]{1,6}$'), 10);
    IF v_since > clock_timestamp()::timestamp - v_pause * interval '1 second' THEN
      RETURN false;
    END IF;
  END IF;
  RETURN v_state = 'WaitForCronJob' OR core.rows_wait();
END";

/// The whole transfer in one call, for pg_cron where a site asks for it: `SELECT db.cron_job_data_transfer()` a minute.
///
/// It is one transaction, so the state it shows is the one it ends in, and a module that asks for the lock waits for it.
fn cron_job() -> Function {
    let calls: String = super::steps()
        .iter()
        .map(|step| {
            format!(
                "  v_failed := v_failed OR coalesce({}() LIKE 'Fehler%', false);\n",
                step.function
            )
        })
        .collect();
    let body = format!(
        "DECLARE v_failed boolean := false;
BEGIN
  IF NOT core.transfer_due(true) OR core.claim_state() NOT IN ('WaitForCronJob', 'ReadyToConnect') THEN
    RETURN;
  END IF;
{calls}  PERFORM core.set_state(CASE WHEN v_failed THEN 'WaitForCronJob' ELSE 'ReadyToConnect' END);
END"
    );
    Function {
        signature: "db.cron_job_data_transfer()".to_owned(),
        sql: format!(
            "CREATE OR REPLACE FUNCTION db.cron_job_data_transfer() RETURNS void\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &["db_user"],
    }
}
