//! The modules of others at work: as their roles, with their search path, in plain SQL by names of tables and columns.

use cds_hub::Hub;
use cds_hub::schema::{HubTables, Kind, Model};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::time::Duration;

use crate::server;
use crate::sql::{one, rows, run};

/// A connection as a module has it.
async fn module(hub: &Hub, role: &str, search_path: &str) -> PgConnection {
    let mut connection = PgConnection::connect_with(&hub.pool().connect_options())
        .await
        .unwrap();
    let session = format!(
        "SET ROLE {role}; SET search_path = {search_path}; SET timezone = 'Europe/Berlin'; SET work_mem = '32MB'"
    );
    connection.execute(AssertSqlSafe(session)).await.unwrap();
    connection
}

async fn call<T>(connection: &mut PgConnection, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
{
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(connection)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// One column that every table has, with a value for raw and for typed rows.
fn a_column(table: &cds_hub::schema::StoredTable) -> &str {
    table.fhir_id_column().unwrap_or("patient_id")
}

/// cds2db: waits for the state, locks, copies into every raw table, unlocks; reads the differences, writes typed rows.
#[tokio::test(flavor = "multi_thread")]
async fn cds2db_writes_and_reads_every_table() {
    let hub = server::hub().await;
    let model = Model::new(&HubTables::standard());
    assert!(hub.transfer(Duration::ZERO).await.unwrap().is_empty());

    let mut inbox = module(&hub, "cds2db_user", "cds2db_in").await;
    let status: String = call(&mut inbox, "SELECT db.data_transfer_status()").await;
    assert!(status.starts_with("ReadyToConnect since "), "{status}");
    let locked = "SELECT db.data_transfer_stop('cds2db', 'cds2db:write raw')";
    assert!(call::<bool>(&mut inbox, locked).await);
    for table in model.of(Kind::Raw) {
        let (name, column) = (&table.name, a_column(table));
        let sql = format!("COPY \"{name}\" (\"{column}\") FROM STDIN");
        let mut copy = inbox.copy_in_raw(&sql).await.unwrap();
        copy.send(b"[1]a1\n[1]a2\n".as_slice()).await.unwrap();
        copy.finish().await.unwrap();
        let written: i64 = call(
            &mut inbox,
            &format!(
                "SELECT count(*) FROM {name} WHERE {name}_id IS NOT NULL AND current_dataset_status = 'input'"
            ),
        )
        .await;
        assert_eq!(written, 2, "{name}");
    }
    let unlocked = "SELECT db.data_transfer_start(module => 'cds2db', msg => 'cds2db:write raw')";
    assert!(call::<bool>(&mut inbox, unlocked).await);
    // The release has transferred them.
    assert!(hub.transfer(Duration::ZERO).await.unwrap().is_empty());

    let mut outbox = module(&hub, "cds2db_user", "cds2db_out").await;
    for table in model.of(Kind::Typed) {
        let (name, column) = (&table.name, a_column(table));
        let offered = format!("SELECT {name}_raw_id FROM v_{name}_raw_diff WHERE {column} = '[1]a1'");
        let raw_id: i32 = call(&mut outbox, &offered).await;
        let insert = format!(
            "INSERT INTO \"{name}\" (\"{name}_raw_id\", \"{column}\") VALUES ($1, $2), ($1 + 1, 'a2')"
        );
        sqlx::query(AssertSqlSafe(insert))
            .bind(raw_id)
            .bind("a1")
            .execute(&mut inbox)
            .await
            .unwrap();
    }
    assert!(!hub.transfer(Duration::ZERO).await.unwrap().done.is_empty());
    for table in model.of(Kind::Typed) {
        let name = &table.name;
        for (schema, view, expected) in [
            ("cds2db_out", format!("v_{name}_raw_diff"), 0),
            ("cds2db_out", format!("v_{name}_raw_last_import"), 2),
            ("cds2db_out", format!("v_{name}"), 2),
            ("db2dataprocessor_out", format!("v_{name}"), 2),
            ("db2dataprocessor_out", format!("v_{name}_last_import"), 2),
        ] {
            let count = one(&hub, &format!("SELECT count(*) FROM {schema}.{view}")).await;
            assert_eq!(count, expected.to_string(), "{schema}.{view}");
        }
        if table.fhir_id_column().is_some() {
            for schema in ["cds2db_out", "db2dataprocessor_out"] {
                for (view, id) in [
                    (format!("v_{name}_last_version"), "a1"),
                    (format!("v_{name}_raw_last_version"), "[1]a1"),
                ] {
                    let ids = format!(
                        "SELECT id FROM {schema}.{view} WHERE last_version_date IS NOT NULL ORDER BY id LIMIT 1"
                    );
                    assert_eq!(one(&hub, &ids).await, id, "{schema}.{view}");
                }
            }
        }
    }
    // Numbers of raw and typed rows agree over all tables.
    let newest = one(&hub, "SELECT db.get_last_processing_nr_typed()").await;
    for table in model.of(Kind::Raw).chain(model.of(Kind::Typed)) {
        let numbers = format!("SELECT DISTINCT last_processing_nr FROM db_log.{}", table.name);
        assert_eq!(rows(&hub, &numbers).await, [newest.as_str()], "{}", table.name);
    }
    let version: String = call(
        &mut outbox,
        "SELECT parameter_value FROM v_db_parameter WHERE parameter_name = 'release_version'",
    )
    .await;
    assert_eq!(version, "1.7.1");
}

/// The frontend exports forms without ids; the dataprocessor writes them again; who came last wins.
#[tokio::test(flavor = "multi_thread")]
async fn forms_of_frontend_and_dataprocessor_meet() {
    let hub = server::hub().await;
    let mut dataprocessor = module(&hub, "db2dataprocessor_user", "db2dataprocessor_in").await;
    let mut frontend = module(&hub, "db2frontend_user", "db2frontend_in").await;
    let calculated =
        "INSERT INTO patient_fe (patient_fe_id, record_id, pat_id, pat_name) VALUES (7, '7', 'p1', 'Alpha')";
    dataprocessor.execute(calculated).await.unwrap();
    hub.transfer(Duration::ZERO).await.unwrap();
    let newest = "SELECT pat_name, patient_fe_id FROM db2frontend_out.v_patient_fe_last_version";
    assert_eq!(rows(&hub, newest).await, ["Alpha|7"]);

    // An edit in the frontend: rows come without an id, with NULL, or with one of their own.
    let edits = "INSERT INTO patient_fe (record_id, pat_id, pat_name) VALUES ('7', 'p1', 'Beta');
                 INSERT INTO patient_fe (patient_fe_id, record_id, pat_id, pat_name) VALUES (NULL, '8', 'p2', 'Gamma');
                 INSERT INTO patient_fe (patient_fe_id, record_id, pat_id, pat_name) VALUES (9, '9', 'p3', 'Delta')";
    frontend.execute(edits).await.unwrap();
    hub.transfer(Duration::ZERO).await.unwrap();
    let names = "SELECT pat_name FROM db2frontend_out.v_patient_fe_last_version ORDER BY record_id";
    assert_eq!(rows(&hub, names).await, ["Beta", "Gamma", "Delta"]);
    assert_eq!(
        rows(
            &hub,
            "SELECT count(*), count(patient_fe_id), count(DISTINCT patient_fe_id) FROM db_log.patient_fe"
        )
        .await,
        ["4|4|4"]
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM db2frontend_out.v_patient").await,
        "3",
        "the last import"
    );

    // The dataprocessor confirms what the server says: that returns, with its first id.
    dataprocessor.execute(calculated).await.unwrap();
    hub.transfer(Duration::ZERO).await.unwrap();
    assert_eq!(
        rows(&hub, &format!("{newest} WHERE record_id = '7'")).await,
        ["Alpha|7"]
    );
    // Two contents with the same number both appear.
    let twice = "INSERT INTO fall_fe (record_id, fall_fhir_enc_id, fall_station) VALUES ('7', 'e1', 'W1'), ('7', 'e1', 'W2')";
    dataprocessor.execute(twice).await.unwrap();
    hub.transfer(Duration::ZERO).await.unwrap();
    let wards = "SELECT fall_station FROM db2dataprocessor_out.v_fall_fe_last_version ORDER BY 1";
    assert_eq!(rows(&hub, wards).await, ["W1", "W2"]);
}

/// The dataprocessor's shared tables and those of its submodules.
#[tokio::test(flavor = "multi_thread")]
async fn submodules_store_files_and_results() {
    let hub = server::hub().await;
    let mut inbox = module(&hub, "db2dataprocessor_user", "db2dataprocessor_in").await;
    inbox
        .execute(
            "INSERT INTO input_data_files (file_name, content_hash, content, processed_content_hash) VALUES ('a.xlsx', 'h', 'Yg==', 'p');
             INSERT INTO input_data_files_processed_content (processed_content_hash, processed_content) VALUES ('p', 'Yg==');
             INSERT INTO dp_mrp_calculations (enc_id, mrp_calculation_type) VALUES ('e1', 'Drug_Drug')",
        )
        .await
        .unwrap();
    assert_eq!(hub.transfer(Duration::ZERO).await.unwrap().done.len(), 2);
    for view in [
        "input_data_files",
        "input_data_files_processed_content",
        "dp_mrp_calculations",
    ] {
        for suffix in ["", "_last_import"] {
            let count = one(
                &hub,
                &format!("SELECT count(*) FROM db2dataprocessor_out.v_{view}{suffix}"),
            )
            .await;
            assert_eq!(count, "1", "v_{view}{suffix}");
        }
    }
}

/// The functions of the contract, with arguments by position and by name, as every module may call them.
#[tokio::test(flavor = "multi_thread")]
async fn functions_are_called_by_position_and_by_name() {
    let hub = server::hub().await;
    for role in ["cds2db_user", "db2dataprocessor_user", "db2frontend_user"] {
        let mut connection = module(&hub, role, "public").await;
        for (sql, expected) in [
            ("SELECT db.data_transfer_stop(msg => 'm:x', module => 'm')", true),
            ("SELECT db.data_transfer_get_lock_module() = 'm'", true),
            ("SELECT db.data_transfer_start('m', 'm:x', read_only => true)", true),
            ("SELECT db.data_transfer_stop('m', 'm:y')", true),
            ("SELECT db.data_transfer_start('m', 'm:y', false)", true),
            ("SELECT db.data_transfer_stop('m', 'm:z')", true),
            ("SELECT db.data_transfer_reset_lock(module => 'm')", true),
            ("SELECT db.data_transfer_reset_lock('m')", false),
            ("SELECT db.data_transfer_status() LIKE 'ReadyToConnect since %'", true),
            ("SELECT db.get_last_processing_nr_typed() = '0'", true),
            (
                "SELECT db.error_log(err_schema => 's', err_objekt => 'o', err_user => current_user::varchar, err_msg => 'e',
                                     err_line => 'l', err_variables => 'v', last_processing_nr => 7)::text = ''",
                true,
            ),
            ("SELECT db.to_char_immutable(timestamp '2024-02-03 04:05:06.7') = '2024-02-03 04:05:06.700000'", true),
        ] {
            assert_eq!(call::<bool>(&mut connection, sql).await, expected, "{role}: {sql}");
        }
        // Nothing that is kept can be changed past the functions.
        for forbidden in [
            "UPDATE db_config.db_process_control SET pc_value = 'ReadyToConnect'",
            "DELETE FROM db_log.patient",
            "SELECT core.interrupt('x')",
            "SELECT db.cron_job_data_transfer()",
            "CREATE TABLE cds2db_in.mine (x int)",
        ] {
            let error = connection.execute(forbidden).await.unwrap_err();
            let code = error
                .as_database_error()
                .and_then(|e| e.code().map(|c| c.into_owned()));
            assert!(
                matches!(code.as_deref(), Some("42501" | "55000")),
                "{role}: {forbidden}: {error}"
            );
        }
    }
    assert_eq!(
        rows(&hub, "SELECT err_user, err_msg, last_processing_nr FROM db_config.v_db_error_log WHERE err_schema = 's' LIMIT 1")
            .await,
        ["db2frontend_user|e|7"]
    );
}

/// References that were calculated for rows already stored: queued, written into all typed rows, kept for the past.
#[tokio::test(flavor = "multi_thread")]
async fn calculated_references_are_filled_in_later() {
    let hub = server::hub().await;
    let mut inbox = module(&hub, "cds2db_user", "cds2db_in").await;
    inbox
        .execute(
            "INSERT INTO observation (observation_raw_id, obs_id, obs_status, obs_encounter_calculated_ref) VALUES
               (1, 'o1', 'final', NULL), (2, 'o1', 'amended', 'invalid'), (3, 'o2', 'final', NULL)",
        )
        .await
        .unwrap();
    hub.transfer(Duration::ZERO).await.unwrap();
    let before = one(&hub, "SELECT clock_timestamp()").await;
    let hashes = "SELECT hash_index_col, last_processing_nr FROM db_log.observation ORDER BY 1";
    let unchanged = rows(&hub, hashes).await;
    inbox
        .execute(
            "INSERT INTO temp_calculated_items (cal_schema, cal_resource, cal_fhir_column, cal_fhir_id,
               cal_calculated_column_name, cal_calculated_value, cal_theme) VALUES
               ('db_log', 'observation', 'obs_id', 'o1', 'obs_encounter_calculated_ref', 'Encounter/e1', 't'),
               ('db_log', 'observation', 'obs_id', 'o2', 'obs_encounter_calculated_ref', NULL, 't'),
               ('db_log', 'observation', 'obs_id', 'o9', 'obs_encounter_calculated_ref', 'Encounter/e9', 't'),
               ('db_log', 'observation', 'obs_id', 'o2', 'obs_status', 'stolen', 't')",
        )
        .await
        .unwrap();
    let transfer = hub.transfer(Duration::ZERO).await.unwrap();
    assert!(
        matches!(transfer.done.as_slice(), [done] if done.starts_with("Done db.set_old_calculated_items - last_pro_nr:")),
        "{transfer:?}"
    );
    let filled =
        "SELECT obs_id, obs_status, obs_encounter_calculated_ref FROM db_log.observation ORDER BY 1, 2";
    assert_eq!(
        rows(&hub, filled).await,
        ["o1|amended|Encounter/e1", "o1|final|Encounter/e1", "o2|final|-"]
    );
    assert_eq!(rows(&hub, hashes).await, unchanged, "neither content nor number");
    // What is no calculated column stays in the queue and untouched.
    assert_eq!(
        rows(
            &hub,
            "SELECT cal_calculated_column_name FROM cds2db_out.v_temp_calculated_items"
        )
        .await,
        ["obs_status"]
    );
    let then = format!(
        "SELECT obs_id, obs_status, obs_encounter_calculated_ref FROM db.observation_as_of('{before}') ORDER BY 1, 2"
    );
    assert_eq!(
        rows(&hub, &then).await,
        ["o1|amended|invalid", "o1|final|-", "o2|final|-"]
    );
    run(&hub, "DELETE FROM cds2db_in.temp_calculated_items").await;
    assert!(hub.transfer(Duration::ZERO).await.unwrap().is_empty());
}
