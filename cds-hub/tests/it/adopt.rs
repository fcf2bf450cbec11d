//! A database of the original system becomes a hub and goes on.

use cds_hub::migrate::{Change, Question};
use cds_hub::{ErrorKind, Hub, HubTables};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::original::{ROWS, create};
use crate::server::empty_database;

async fn original() -> Hub {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    create(&mut hub.pool().acquire().await.unwrap()).await;
    hub.pool().execute(ROWS).await.unwrap();
    hub
}

async fn text(hub: &Hub, sql: &str) -> Vec<String> {
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
        .fetch_all(hub.pool())
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.into_iter().map(|(text,)| text).collect()
}

/// Every row of a table of `db_log` as JSON, without columns that are not there before.
async fn rows(hub: &Hub, schema: &str, table: &str) -> Vec<String> {
    let sql = format!("SELECT jsonb_strip_nulls(to_jsonb(t))::text FROM {schema}.{table} t ORDER BY 1");
    text(hub, &sql).await
}

#[tokio::test]
async fn every_row_keeps_its_ids_numbers_times_status_and_hash() {
    let hub = original().await;
    assert_eq!(
        hub.init(&HubTables::standard()).await.unwrap_err().kind(),
        ErrorKind::Schema
    );
    let mut before = Vec::new();
    for table in ["patient_raw", "patient", "patient_fe", "fall_fe", "encounter"] {
        before.push((table, rows(&hub, "db_log", table).await));
    }
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(plan.is_applied() && plan.changes() == [Change::Adopt], "{plan}");
    for (table, before) in before {
        assert_eq!(rows(&hub, "db_log", table).await, before, "{table}");
        assert_eq!(
            rows(&hub, "original_db_log", table).await,
            before,
            "{table} as it was"
        );
    }
    // The one row with a hash of an older recipe has one of ours.
    let hashes = "SELECT (o.hash_index_col <> n.hash_index_col)::text || ' ' || n.location_id \
                  FROM original_db_log.location o JOIN db_log.location n USING (location_id)";
    assert_eq!(text(&hub, hashes).await, ["true 18"]);
    assert!(
        plan.remarks()
            .iter()
            .any(|r| r.contains("hashes of location ") && r.ends_with(": 1")),
        "{plan}"
    );
    // Settings, errors, history go on; what waited still waits.
    let settings = "SELECT parameter_name || '=' || parameter_value FROM db_config.db_parameter \
                    WHERE parameter_name IN ('pause_after_process_execution', 'site', 'release_version') ORDER BY 1";
    assert_eq!(
        text(&hub, settings).await,
        [
            "pause_after_process_execution=20",
            "release_version=1.7.1",
            "site=x"
        ]
    );
    let counts = "SELECT (SELECT count(*) FROM db_config.db_error_log) || ' ' || (SELECT count(*) FROM \
                  db.data_import_hist) || ' ' || (SELECT string_agg(patient_raw_id::text, ',') FROM cds2db_in.patient_raw)";
    assert_eq!(text(&hub, counts).await, ["1 1 30"]);
}

#[tokio::test]
async fn views_of_an_adopted_hub_show_what_the_original_meant() {
    let hub = original().await;
    hub.migrate(&HubTables::standard(), false).await.unwrap();
    let ids = |view: &str, column: &str| format!("SELECT {column}::text FROM {view} ORDER BY {column}");
    let diff = text(&hub, &ids("cds2db_out.v_patient_raw_diff", "patient_raw_id")).await;
    assert_eq!(
        diff,
        ["21"],
        "the raw row without typed ones; 20 is marked as processed"
    );
    let import = text(
        &hub,
        &ids("db2dataprocessor_out.v_patient_last_import", "patient_id"),
    )
    .await;
    assert_eq!(import, ["13", "14"], "the typed rows with number 24");
    let version = text(
        &hub,
        &ids("db2dataprocessor_out.v_patient_last_version", "patient_id"),
    )
    .await;
    assert_eq!(
        version,
        ["13", "14", "17"],
        "p1 was confirmed as Alpha, p2 has Beta only"
    );
    let form = text(
        &hub,
        &ids("db2frontend_out.v_patient_fe_last_version", "pat_name"),
    )
    .await;
    assert_eq!(form, ["Alpha2"]);
    let shared = "SELECT raw_id || '-' || typed_id FROM core.patient_link";
    assert_eq!(
        text(&hub, shared).await,
        ["20-14"],
        "Beta belongs to the raw row without Gamma too"
    );
}

#[tokio::test]
async fn known_content_is_recognised_and_numbers_go_on() {
    let hub = original().await;
    hub.migrate(&HubTables::standard(), false).await.unwrap();
    hub.pool()
        .execute(
            "INSERT INTO cds2db_in.patient_raw (pat_id, pat_name_family) VALUES ('[1]p3', '[1.1]Delta'), ('[1]p5', 'new'); \
             SELECT db.copy_raw_cds_in_to_db_log()",
        )
        .await
        .unwrap();
    let known = "SELECT (last_processing_nr > 40)::text || ' ' || input_processing_nr || left(current_dataset_status, 9) \
                 FROM db_log.patient_raw WHERE pat_id = '[1]p3'";
    assert_eq!(text(&hub, known).await, ["true 11Last Time"]);
    let new = "SELECT (patient_raw_id > 40)::text || current_dataset_status FROM db_log.patient_raw WHERE pat_id = '[1]p5'";
    assert_eq!(text(&hub, new).await, ["trueinput"]);
    assert!(
        hub.migrate(&HubTables::standard(), false)
            .await
            .unwrap()
            .changes()
            .is_empty()
    );
}

#[tokio::test]
async fn doubled_rows_and_columns_that_are_not_described_are_kept() {
    let hub = original().await;
    hub.pool()
        .execute(
            "ALTER TABLE db_log.patient ADD COLUMN pat_site varchar; UPDATE db_log.patient SET pat_site = 'x'; \
             INSERT INTO db_log.patient (patient_id, patient_raw_id, input_processing_nr, last_processing_nr, pat_id, \
             pat_name_family) VALUES (19, 9, 19, 19, 'p3', 'Delta')",
        )
        .await
        .unwrap();
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    let asked = Question::Undescribed {
        table: "patient".into(),
        column: "pat_site".into(),
    };
    assert!(!plan.is_applied() && plan.questions() == [asked], "{plan}");
    assert!(
        hub.migrate(&HubTables::standard(), true)
            .await
            .unwrap()
            .is_applied()
    );
    let doubled = "SELECT count(*)::text FROM db_log.patient WHERE pat_name_family = 'Delta'";
    assert_eq!(text(&hub, doubled).await, ["2"]);
    assert_eq!(
        text(
            &hub,
            "SELECT DISTINCT pat_site FROM original_db_log.patient WHERE pat_site > ''"
        )
        .await,
        ["x"]
    );
}

/// What nobody names is kept: the columns of the site's own description, how far it had loaded, and the order of rows.
#[tokio::test]
async fn an_adopted_hub_keeps_the_sites_columns_and_how_far_it_had_loaded() {
    let hub = original().await;
    hub.pool()
        .execute(
            "UPDATE db_log.patient SET pat_meta_lastupdated = '2026-01-02 10:00' WHERE pat_id = 'p1';
             INSERT INTO db_log.condition (condition_id, condition_raw_id, input_processing_nr, last_processing_nr, con_id,
               con_patient_ref, con_meta_lastupdated) VALUES
               (33, 31, 24, 24, 'c2', 'Patient/p1', '2026-01-03 10:00'), (32, 31, 24, 24, 'c1', 'Patient/p1', '2026-01-01 10:00')",
        )
        .await
        .unwrap();
    let tables = hub.tables_to_keep().await.unwrap();
    assert_eq!(tables.fhir.table("patient").unwrap().columns.len(), 22);
    let plan = hub.migrate(&tables, false).await.unwrap();
    assert!(plan.is_applied() && plan.questions().is_empty(), "{plan}");
    assert_eq!(hub.tables().await.unwrap(), tables);
    let marks = "SELECT resource || ' ' || patient_id || ' ' || to_char(loaded_until, 'MM-DD HH24:MI') FROM core.watermark ORDER BY 1";
    assert_eq!(
        text(&hub, marks).await,
        ["Condition p1 01-03 10:00", "Patient p1 01-02 10:00"]
    );
    let order = "SELECT condition_id::text FROM core.condition ORDER BY ctid";
    assert_eq!(text(&hub, order).await, ["32", "33"]);
}
