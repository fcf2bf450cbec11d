//! A database laid out as the original system does it: real tables in `db_log`, numbers and status in every row, one
//! generated hash a row. Only what an adoption meets; written after the specification, not copied.

use cds_hub::HubTables;
use cds_hub::schema::{Kind, Model, StoredTable};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use table_description::FhirType;

const FOUNDATION: &str = "
CREATE SCHEMA cds2db_in; CREATE SCHEMA cds2db_out; CREATE SCHEMA db2dataprocessor_in; CREATE SCHEMA db2dataprocessor_out;
CREATE SCHEMA db2frontend_in; CREATE SCHEMA db2frontend_out; CREATE SCHEMA db_log; CREATE SCHEMA db; CREATE SCHEMA db_config;
CREATE SEQUENCE db.db_seq;
CREATE FUNCTION db.part(v varchar) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT coalesce(v, '#NULL#') $$;
CREATE FUNCTION db.part(v int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT coalesce(v::text, '#NULL#') $$;
CREATE FUNCTION db.part(v double precision) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT coalesce(v::text, '#NULL#') $$;
CREATE FUNCTION db.part(v boolean) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT coalesce(v::text, 'null') $$;
CREATE FUNCTION db.part(v timestamp) RETURNS text IMMUTABLE LANGUAGE plpgsql
  AS $$ BEGIN RETURN coalesce(to_char(v, 'YYYY-MM-DD HH24:MI:SS.US'), '#NULL#'); END $$;
CREATE FUNCTION db.part(v time) RETURNS text IMMUTABLE LANGUAGE plpgsql
  AS $$ BEGIN RETURN coalesce(to_char(v::interval, 'HH24:MI:SS.US'), '#NULL#'); END $$;
CREATE TABLE db_config.db_parameter (id serial PRIMARY KEY, parameter_name varchar UNIQUE, parameter_value varchar,
  parameter_description varchar, input_datetime timestamp DEFAULT now(), last_change_timestamp timestamp);
CREATE TABLE db_config.db_process_control (id serial PRIMARY KEY, pc_name varchar UNIQUE, pc_value varchar,
  pc_description varchar, input_datetime timestamp DEFAULT now(), last_change_timestamp timestamp);
CREATE TABLE db_config.db_error_log (id serial PRIMARY KEY, err_schema varchar, err_objekt varchar, err_user varchar,
  err_msg varchar, err_line varchar, err_variables varchar, last_processing_nr int, input_datetime timestamp DEFAULT now());
CREATE TABLE db.data_import_hist (id serial PRIMARY KEY, table_primary_key int, last_processing_nr int, schema_name varchar,
  table_name varchar, function_name varchar, variable_name varchar, dataset_count int, copy_time_in_sec double precision,
  last_check_datetime timestamp, current_dataset_status varchar, import_hist_cre_at timestamp DEFAULT now());
CREATE FUNCTION db.cron_job_data_transfer() RETURNS void LANGUAGE sql AS '';
";

/// Makes the empty original, with the columns it has of the standard tables.
pub(crate) async fn create(connection: &mut PgConnection) {
    let mut sql = FOUNDATION.to_owned();
    for table in Model::new(&HubTables::standard()).tables() {
        for schema in table.inboxes().iter().chain(&["db_log"]) {
            sql.push_str(&relation(schema, table));
        }
        if table.kind == Kind::Typed {
            let name = &table.name;
            sql.push_str(&format!(
                "CREATE VIEW cds2db_out.v_{name} AS SELECT * FROM db_log.{name};\n"
            ));
        }
    }
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

fn relation(schema: &str, table: &StoredTable) -> String {
    let plain = matches!(table.kind, Kind::Raw | Kind::Typed) || schema == "db2dataprocessor_in";
    let key = if plain {
        "PRIMARY KEY DEFAULT nextval('db.db_seq')"
    } else {
        ""
    };
    let mut lines = vec![format!("{} int {key}", table.id_column())];
    lines.extend(table.raw_id_column().map(|c| format!("{c} int NOT NULL")));
    lines.push("input_datetime timestamp NOT NULL DEFAULT now()".into());
    lines.push("last_check_datetime timestamp".into());
    lines.push("current_dataset_status varchar DEFAULT 'input'".into());
    lines.push("input_processing_nr int".into());
    lines.push("last_processing_nr int".into());
    if table.kind == Kind::Raw {
        lines.push("raw_already_processed int".into());
    }
    let columns = || table.columns.iter().filter(|c| !c.added);
    lines.extend(columns().map(|c| format!("{} {}", c.name, c.sql_type())));
    // In this site's database, locations were first described without their last column: the hash is frozen so.
    let frozen = if table.base() == "location" { 1 } else { 0 };
    let hashed: Vec<String> = columns()
        .filter(|c| c.hashed)
        .map(|c| match c.fhir_type {
            FhirType::Date => format!("db.part({}::timestamp)", c.name),
            _ => format!("db.part({})", c.name),
        })
        .collect();
    let parts = hashed[..hashed.len() - frozen].join(" || '|||' || ");
    lines.push(format!(
        "hash_index_col text GENERATED ALWAYS AS (md5({parts} || '|||#')) STORED"
    ));
    format!(
        "CREATE TABLE {schema}.{} (\n{});\n",
        table.name,
        lines.join(",\n")
    )
}

/// Rows as the original leaves them after three deliveries (H.4 of the specification and its continuation).
pub(crate) const ROWS: &str = "
INSERT INTO db_log.patient_raw (patient_raw_id, input_datetime, last_check_datetime, current_dataset_status,
    input_processing_nr, last_processing_nr, raw_already_processed, pat_id, pat_meta_versionid, pat_name_family) VALUES
  (1, '2026-01-01 08:00', '2026-01-03 08:00:01.5', 'Last Time the same Dataset : 2026-01-03 08:00:01.5+01', 5, 24, NULL, '[1]p1', '[1.1]1', '[1.1]Alpha'),
  (2, '2026-01-01 08:00', '2026-01-03 08:00:01.5', 'Last Time the same Dataset : 2026-01-03 08:00:01.5+01', 5, 24, NULL, '[1]p2', '[1.1]2', '[1.1]Beta ~ [2.1]Gamma'),
  (8, '2026-01-02 08:00', '2026-01-02 08:00:01', 'input', 11, 19, NULL, '[1]p1', NULL, '[1.1]Alpha2'),
  (9, '2026-01-02 08:00', '2026-01-02 08:00:01', 'Last Time the same Dataset : 2026-01-02 08:00:01+01', 11, 19, NULL, '[1]p3', NULL, '[1.1]Delta'),
  (20, '2026-01-03 08:00', '2026-01-03 08:00:01.5', 'input', 24, 24, 2, '[1]p2', '[1.1]3', '[1.1]Beta'),
  (21, '2026-01-03 08:00', '2026-01-03 08:00:01.5', 'input', 24, 24, NULL, '[1]p4', NULL, '[1.1]Waits');
INSERT INTO db_log.patient (patient_id, patient_raw_id, input_datetime, last_check_datetime, current_dataset_status,
    input_processing_nr, last_processing_nr, pat_id, pat_name_family, pat_birthdate) VALUES
  (13, 1, '2026-01-02 08:01', '2026-01-03 08:00:01.5', 'Last Time the same Dataset : 2026-01-03 08:00:01.5+01', 19, 24, 'p1', 'Alpha', '1950-05-05'),
  (14, 2, '2026-01-02 08:01', '2026-01-03 08:00:01.5', 'Last Time the same Dataset : 2026-01-03 08:00:01.5+01', 19, 24, 'p2', 'Beta', NULL),
  (15, 2, '2026-01-02 08:01', '2026-01-02 08:01:01', 'input', 19, 19, 'p2', 'Gamma', NULL),
  (16, 8, '2026-01-02 08:01', '2026-01-02 08:01:01', 'input', 19, 19, 'p1', 'Alpha2', NULL),
  (17, 9, '2026-01-02 08:01', '2026-01-02 08:01:01', 'input', 19, 19, 'p3', 'Delta', NULL);
INSERT INTO db_log.location (location_id, location_raw_id, last_check_datetime, input_processing_nr, last_processing_nr, loc_id)
  VALUES (18, 7, '2026-01-02 08:01:01', 19, 19, 'l1');
INSERT INTO db_log.patient_fe (patient_fe_id, last_check_datetime, current_dataset_status, input_processing_nr,
    last_processing_nr, record_id, pat_id, pat_name) VALUES
  (13, '2026-01-02 09:00', 'input', 22, 22, '13', 'p1', 'Alpha'),
  (13, '2026-01-03 09:00', 'Last Time the same Dataset : 2026-01-03 09:00:00+01', 23, 26, '13', 'p1', 'Alpha2');
INSERT INTO cds2db_in.patient_raw (patient_raw_id, last_check_datetime, current_dataset_status, last_processing_nr, pat_id)
  VALUES (30, '2026-01-03 08:00', 'ERROR func: copy_raw_cds_in_to_db_log', 27, '[1]p9');
INSERT INTO db_config.db_parameter (parameter_name, parameter_value) VALUES ('pause_after_process_execution', '20'), ('site', 'x');
INSERT INTO db_config.db_process_control (pc_name, pc_value) VALUES ('semaphor_cron_job_data_transfer', 'ReadyToConnect');
INSERT INTO db_config.db_error_log (err_schema, err_msg) VALUES ('cds2db_in', '23505 - duplicate key');
INSERT INTO db.data_import_hist (table_name, variable_name, dataset_count) VALUES ('patient_raw', 'data_count_new', 2);
SELECT setval('db.db_seq', 40);
";
