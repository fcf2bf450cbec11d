use super::contract_view::shown;
use super::identifier::literal;
use super::recipe::wrapped;
use super::version_order::{in_order, newer, rows, version_date};
use super::{Kind, Script, StoredColumn, StoredTable, identifier};

/// Schema `cds2db` reads from.
const CDS2DB: &str = "cds2db_out";
/// Schema the dataprocessor and third parties read from.
const DATAPROCESSOR: &str = "db2dataprocessor_out";
/// Schema the frontend reads from.
const FRONTEND: &str = "db2frontend_out";

/// Adds the views of a table in the reading schemas. `db_log.<name>` is there already.
pub(super) fn reading_views(script: &mut Script, table: &StoredTable) {
    let name = &table.name;
    match table.kind {
        Kind::Raw => {
            diff(script, table);
            last_import(script, table, CDS2DB, &format!("v_{name}_last_import"));
            if table.fhir_id_column().is_some() {
                for schema in [CDS2DB, DATAPROCESSOR] {
                    last_version(script, table, schema);
                }
            }
        }
        Kind::Typed => {
            for schema in [CDS2DB, DATAPROCESSOR] {
                all(script, table, schema);
                if table.fhir_id_column().is_some() {
                    last_version(script, table, schema);
                }
            }
            last_import(script, table, DATAPROCESSOR, &format!("v_{name}_last_import"));
        }
        Kind::Form => {
            for schema in [DATAPROCESSOR, FRONTEND] {
                all(script, table, schema);
                last_import(script, table, schema, &format!("v_{name}_last_import"));
                form_last_version(script, table, schema);
            }
            let form = name.strip_suffix("_fe").unwrap_or(name);
            last_import(script, table, FRONTEND, &format!("v_{form}"));
        }
        Kind::Core | Kind::Submodule => {
            all(script, table, DATAPROCESSOR);
            last_import(script, table, DATAPROCESSOR, &format!("v_{name}_last_import"));
        }
    }
}

fn all(script: &mut Script, table: &StoredTable, schema: &str) {
    let view = format!("v_{}", table.name);
    script.push(format!(
        "CREATE VIEW {schema}.{} AS\nSELECT * FROM db_log.{}",
        identifier(&view),
        identifier(&table.name)
    ));
}

/// Raw rows that wait for typing. Whoever types them reads all columns, so there are only those that every reader knows; a
/// view of its own has ours too.
fn diff(script: &mut Script, table: &StoredTable) {
    let view = format!("v_{}_diff", table.name);
    waiting(script, table, &view, table.contract_columns());
    if table.columns.iter().any(|c| c.added) {
        waiting(script, table, &format!("{view}_all"), table.columns.iter());
    }
}

fn waiting<'a>(
    script: &mut Script,
    table: &StoredTable,
    view: &str,
    columns: impl Iterator<Item = &'a StoredColumn>,
) {
    let open = format!("{}_open", table.name);
    script.push(format!(
        "CREATE VIEW {CDS2DB}.{} AS\nSELECT\n{}\nFROM {} t\nWHERE t.{} IN (SELECT id FROM core.{})\n{}",
        identifier(view),
        wrapped(&shown(table, columns), "  "),
        rows(table),
        identifier(&table.id_column()),
        identifier(&open),
        in_order(table, "t"),
    ));
}

/// The columns of a table's views, in the contract's order.
fn contract(table: &StoredTable) -> String {
    wrapped(&shown(table, table.columns.iter()), "  ")
}

/// Rows the newest run brought or confirmed: all of them, whichever import of the run did it.
fn last_import(script: &mut Script, table: &StoredTable, schema: &str, view: &str) {
    script.push(format!(
        "CREATE VIEW {schema}.{} AS\nSELECT\n{}\nFROM {} t\nWHERE t.last_processing_nr = (\n  SELECT max(i.last_nr)\n  \
         FROM core.import_rows r\n  JOIN core.import i ON i.no = r.import_no\n  WHERE r.table_name = {})\n{}",
        identifier(view),
        contract(table),
        rows(table),
        literal(&table.name),
        in_order(table, "t"),
    ));
}

/// Rows of the newest version of each resource, see [`super::version_order`].
///
/// A raw row that is confirmed takes its typed rows along, so content that returns to an earlier state is the newest
/// again. Each row asks for a newer one of the same resource by index, so any filter reaches the rows first.
fn last_version(script: &mut Script, table: &StoredTable, schema: &str) {
    let (Some(fhir_id), view) = (table.fhir_id_column(), format!("v_{}_last_version", table.name)) else {
        return;
    };
    let fhir_id = identifier(fhir_id);
    let date = version_date(table, "t");
    let rows = rows(table);
    script.push(format!(
        "CREATE VIEW {schema}.{} AS\nSELECT\n{},\n  {date} AS last_version_date, t.{fhir_id} AS id\nFROM {rows} t\nWHERE \
         t.{fhir_id} IS NOT NULL AND NOT EXISTS (\n  SELECT FROM {rows} o\n  WHERE o.{fhir_id} = t.{fhir_id}\n  AND \
         {})\n{}",
        identifier(&view),
        contract(table),
        newer(table),
        in_order(table, "t"),
    ));
}

/// Rows of a form with the highest number per key; rows without a complete key do not appear.
fn form_last_version(script: &mut Script, table: &StoredTable, schema: &str) {
    let view = format!("v_{}_last_version", table.name);
    let (view, rows, columns) = (identifier(&view), rows(table), contract(table));
    let newest = table.form_key().map(|second| {
        let second = identifier(second);
        format!(
            "WHERE t.record_id IS NOT NULL AND t.{second} IS NOT NULL AND NOT EXISTS (\n  SELECT FROM {rows} o\n  WHERE \
             o.record_id = t.record_id AND o.{second} = t.{second}\n    AND o.last_processing_nr > \
             t.last_processing_nr)\n"
        )
    });
    script.push(format!(
        "CREATE VIEW {schema}.{view} AS\nSELECT\n{columns}\nFROM {rows} t\n{}{}",
        newest.unwrap_or_default(),
        in_order(table, "t")
    ));
}

/// Adds the views that do not belong to one table.
pub(super) fn fixed_views(script: &mut Script) {
    for schema in [CDS2DB, DATAPROCESSOR, FRONTEND] {
        script.push(format!(
            "CREATE VIEW {schema}.v_db_parameter AS\nSELECT * FROM db_config.db_parameter ORDER BY parameter_name"
        ));
    }
    script.push(format!(
        "CREATE VIEW {CDS2DB}.v_temp_calculated_items AS\nSELECT * FROM cds2db_in.temp_calculated_items"
    ));
    script.push(format!(
        "CREATE VIEW {DATAPROCESSOR}.v_lineage AS\nSELECT * FROM core.lineage"
    ));
    for schema in [CDS2DB, DATAPROCESSOR] {
        script.push(format!(
            "CREATE VIEW {schema}.v_deleted_resource AS\nSELECT resource, fhir_id, noticed, found_by FROM core.deleted WHERE \
             returned IS NULL"
        ));
    }
    for view in [CRON_JOBS, DATA_COUNT, ERRORS] {
        script.push(view);
    }
}

/// Transfers as the original's job would list them, whoever called them: the scheduler, pg_cron, a module or a release.
const CRON_JOBS: &str = "CREATE VIEW db_config.v_cron_jobs AS
SELECT 'SELECT db.cron_job_data_transfer();'::text AS command, count(*) AS anzahl,
  to_char(max(i.finished), 'YYYY-MM-DD HH24:MI:SS') AS last_succeeded_run,
  to_char(min(i.finished), 'YYYY-MM-DD HH24:MI:SS') AS first_succeeded_run,
  (SELECT to_char(max(e.input_datetime), 'YYYY-MM-DD HH24:MI:SS') FROM db_config.db_error_log e
   WHERE e.err_objekt LIKE 'db.copy\\_%()' AND e.err_line = '') AS last_faild_run
FROM core.import i
WHERE i.module = 'transfer'";

/// Rows a day and function.
const DATA_COUNT: &str = "CREATE VIEW db_config.v_data_count_report AS
SELECT to_char(h.import_hist_cre_at, 'YYYY-MM-DD') AS day_sum, h.function_name,
  string_agg(DISTINCT h.schema_name || '.' || h.table_name, ', ') AS dataflow,
  sum(h.dataset_count) FILTER (WHERE h.variable_name = 'data_count_all') AS dataset_count_all_ds,
  sum(h.copy_time_in_sec) FILTER (WHERE h.variable_name = 'data_count_pro_all') AS copy_time_in_sec,
  sum(h.dataset_count) FILTER (WHERE h.variable_name = 'data_count_all')
    / nullif(sum(h.copy_time_in_sec) FILTER (WHERE h.variable_name = 'data_count_pro_all'), 0) AS all_ds_per_sec,
  sum(h.dataset_count) FILTER (WHERE h.variable_name = 'data_count_new') AS dataset_count_new_ds,
  sum(h.dataset_count) FILTER (WHERE h.variable_name = 'data_count_new')
    / nullif(sum(h.copy_time_in_sec) FILTER (WHERE h.variable_name = 'data_count_pro_all'), 0) AS new_ds_per_sec
FROM db.data_import_hist h
WHERE h.variable_name IN ('data_count_new', 'data_count_all', 'data_count_pro_all')
GROUP BY 1, 2
ORDER BY 1 DESC, 2";

/// The newest errors first.
const ERRORS: &str = "CREATE VIEW db_config.v_db_error_log AS
SELECT input_datetime, id, err_schema, err_objekt, err_line, err_msg, err_variables, err_user, last_processing_nr
FROM db_config.db_error_log ORDER BY id DESC";
