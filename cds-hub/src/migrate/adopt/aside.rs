use super::source::SCHEMAS;
use crate::migrate::Plan;
use crate::migrate::catalogue::Catalogue;
use crate::schema::Script;
use crate::{Error, ErrorKind, Result};

/// Renames the original's schemas, so that theirs are free.
pub(super) fn schemas(plan: &mut Plan, catalogue: &Catalogue) -> Result<()> {
    plan.script.heading("The original's schemas");
    for schema in SCHEMAS {
        if catalogue.has_schema(&format!("original_{schema}")) {
            let place = format!("schema original_{schema} is there already, from an adoption before");
            return Err(Error::new(ErrorKind::Schema, place));
        }
        if catalogue.has_schema(schema) {
            plan.script
                .push(format!("ALTER SCHEMA {schema} RENAME TO original_{schema}"));
        }
    }
    Ok(())
}

/// Goes on with the sequence, parameters, errors and history of the original.
pub(super) fn settings(script: &mut Script, catalogue: &Catalogue) {
    script.heading("Sequence, parameters, errors, history");
    script.push(
        "DO $$\nDECLARE\n  next bigint;\nBEGIN\n  IF to_regclass('original_db.db_seq') IS NOT NULL THEN\n    \
         EXECUTE 'SELECT last_value FROM original_db.db_seq' INTO next;\n    \
         PERFORM setval('db.db_seq', next);\n  END IF;\nEND\n$$",
    );
    if catalogue
        .column("db_config", "db_parameter", "parameter_name")
        .is_some()
    {
        script.push(
            "INSERT INTO db_config.db_parameter (parameter_name, parameter_value)\n\
             SELECT parameter_name, parameter_value FROM original_db_config.db_parameter\n\
             WHERE parameter_name NOT LIKE 'number_of_data_records%'\n\
             ON CONFLICT (parameter_name) DO UPDATE SET parameter_value = excluded.parameter_value",
        );
    }
    if catalogue
        .column("db_config", "db_process_control", "pc_name")
        .is_some()
    {
        // Who stopped the original wants the hub stopped too; a migration of the original's own is over.
        script.push(
            "UPDATE db_config.db_process_control c SET pc_value = o.pc_value\n\
             FROM original_db_config.db_process_control o\n\
             WHERE o.pc_name = c.pc_name AND c.pc_name = 'semaphor_cron_job_data_transfer'\n  \
             AND o.pc_value LIKE 'Interrupted%' AND o.pc_value <> 'Interrupted_migration'",
        );
    }
    for (schema, table, columns) in [
        ("db_config", "db_error_log", ERROR_LOG.as_slice()),
        ("db", "data_import_hist", HISTORY.as_slice()),
        ("cds2db_in", "temp_calculated_items", CALCULATED.as_slice()),
    ] {
        let common: Vec<&str> = columns
            .iter()
            .copied()
            .filter(|c| catalogue.column(schema, table, c).is_some())
            .collect();
        if !common.is_empty() {
            let list = common.join(", ");
            script.push(format!(
                "INSERT INTO {schema}.{table} ({list})\nSELECT {list} FROM original_{schema}.{table}"
            ));
        }
    }
}

const ERROR_LOG: [&str; 8] = [
    "err_schema",
    "err_objekt",
    "err_user",
    "err_msg",
    "err_line",
    "err_variables",
    "last_processing_nr",
    "input_datetime",
];

const HISTORY: [&str; 11] = [
    "table_primary_key",
    "last_processing_nr",
    "schema_name",
    "table_name",
    "function_name",
    "variable_name",
    "dataset_count",
    "copy_time_in_sec",
    "last_check_datetime",
    "current_dataset_status",
    "import_hist_cre_at",
];

const CALCULATED: [&str; 8] = [
    "cal_schema",
    "cal_resource",
    "cal_fhir_column",
    "cal_fhir_id",
    "cal_calculated_column_name",
    "cal_calculated_value",
    "cal_theme",
    "input_datetime",
];
