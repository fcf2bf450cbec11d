//! What an empty database becomes.

use std::path::Path;
use std::time::Instant;

use cds_hub::schema::Model;
use cds_hub::{ErrorKind, Hub, HubTables};
use table_description::Description;

use crate::server::{empty_database, hub};

#[tokio::test]
async fn init_makes_a_hub_and_does_nothing_the_second_time() {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    let start = Instant::now();
    hub.init(&HubTables::standard()).await.unwrap();
    println!(
        "init of an empty database: {:.2} s",
        start.elapsed().as_secs_f64()
    );
    hub.init(&HubTables::standard()).await.unwrap();
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM core.installation")
        .fetch_one(hub.pool())
        .await
        .unwrap();
    assert_eq!(count, 1);
    let (zone,): (String,) = sqlx::query_as("SELECT current_setting('TimeZone')")
        .fetch_one(hub.pool())
        .await
        .unwrap();
    assert_eq!(zone, "Europe/Berlin");
    let error = hub.init(&HubTables::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
}

/// A.2 of the specification, without what its G.3 drops (structure log) and with what we add: sources of rows,
/// resources that are gone, and open rows with all columns.
#[tokio::test]
async fn schemas_hold_the_contracts_relations() {
    let hub = hub().await;
    let found: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT n.nspname::text, count(*) FILTER (WHERE c.relkind = 'r'), count(*) FILTER (WHERE c.relkind = 'v') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname ~ '^(cds2db|db2|db_|db$)' AND c.relkind IN ('r', 'v') GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(hub.pool())
    .await
    .unwrap();
    let found: Vec<(&str, i64, i64)> = found.iter().map(|(n, t, v)| (n.as_str(), *t, *v)).collect();
    let wanted = [
        ("cds2db_in", 29, 0),
        ("cds2db_out", 0, 85),
        ("db", 1, 0),
        ("db2dataprocessor_in", 10, 0),
        ("db2dataprocessor_out", 0, 85),
        ("db2frontend_in", 7, 0),
        ("db2frontend_out", 0, 30),
        ("db_config", 4, 3),
        ("db_log", 0, 38),
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn every_described_column_has_its_name_type_and_comment() {
    let hub = hub().await;
    let columns: Vec<(String, String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
         col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND c.relkind IN ('r', 'v')",
    )
    .fetch_all(hub.pool())
    .await
    .unwrap();
    let found = |schema: &str, table: &str, column: &str| {
        columns
            .iter()
            .find(|(s, t, c, ..)| (s.as_str(), t.as_str(), c.as_str()) == (schema, table, column))
    };
    let model = Model::new(&HubTables::standard());
    for table in model.tables() {
        for schema in table.inboxes().iter().chain(&["db_log"]) {
            for column in &table.columns {
                let place = format!("{schema}.{}.{}", table.name, column.name);
                let (.., sql_type, comment) = found(schema, &table.name, &column.name).expect(&place);
                let wanted = match column.sql_type() {
                    "varchar" => "character varying",
                    "timestamp" => "timestamp without time zone",
                    "time" => "time without time zone",
                    other => other,
                };
                assert_eq!(sql_type, wanted, "{place}");
                assert_eq!(comment.as_deref(), Some(column.comment.as_str()), "{place}");
            }
            for technical in [
                "input_datetime",
                "last_check_datetime",
                "current_dataset_status",
                "input_processing_nr",
            ]
            .into_iter()
            .chain(["last_processing_nr", "hash_index_col", &table.id_column()])
            {
                assert!(
                    found(schema, &table.name, technical).is_some(),
                    "{schema}.{}.{technical}",
                    table.name
                );
            }
        }
    }
    for (view, column) in [
        ("v_patient_last_version", "last_version_date"),
        ("v_patient_last_version", "id"),
    ] {
        assert!(found("cds2db_out", view, column).is_some(), "{view}.{column}");
    }
}

#[tokio::test]
async fn generated_hash_of_an_inbox_row_is_that_of_the_original() {
    let hub = hub().await;
    // H.2 of the specification.
    for (table, columns, values, wanted) in [
        (
            "patient_raw",
            "pat_id, pat_name_family, pat_gender, pat_birthdate",
            "'[1]p1', '[1.1]Alpha', '[1]female', '[1]1950-05-05'",
            "a19d5b031eb7940bd1a3c504183bd542",
        ),
        (
            "patient",
            "patient_raw_id, pat_id, pat_name_family, pat_gender, pat_birthdate",
            "1, 'p1', 'Alpha', 'female', '1950-05-05'",
            "b6e25f8ed93dbbe88015292c0e9890b9",
        ),
        (
            "medicationrequest",
            "medicationrequest_raw_id, medreq_id, medreq_reportedboolean, medreq_doseinstruc_sequence, \
             medreq_doseinstruc_timing_repeat_count, medreq_doseinstruc_timing_repeat_duration, \
             medreq_doseinstruc_timing_repeat_timeofday, medreq_authoredon",
            "1, 'm1', true, 3, 7, 2.5, '08:30:00', '2024-02-03 04:05:06.7'",
            "e008998d422df3186046328ac776cedd",
        ),
        (
            "encounter",
            "encounter_raw_id, enc_id, enc_identifier_type_code",
            "1, 'Test_Pat_FHIR_Test_02', 'Code_Bla_System'",
            "407350e9f882d323614f81b0a8ebf838",
        ),
    ] {
        let sql =
            format!("INSERT INTO cds2db_in.{table} ({columns}) VALUES ({values}) RETURNING hash_index_col");
        let (hash,): (String,) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_one(hub.pool())
            .await
            .unwrap();
        assert_eq!(hash, wanted, "{table}");
    }
}

/// The tables of the original system; `None`, loudly, where its description is not at hand.
pub(crate) fn original() -> Option<HubTables> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/description/csv");
    if !folder.is_dir() {
        x_skipped::skip!("../shared is absent, so the original's tables are not compared");
        return None;
    }
    let read = |name: &str| Description::read(folder.join(name)).unwrap();
    Some(HubTables {
        fhir: read("Table_Description__table_description.csv"),
        forms: read("Frontend_Table_Description__frontend_table_description.csv"),
        core: read("Dataprocessor_Table_Description__table_description.csv"),
        submodules: read("Dataprocessor_Submodules_Table_Description__table_description.csv"),
    })
}

/// Whoever continues an original database must find its hashes again: our columns come behind, and count only where they
/// have a value.
#[test]
fn standard_tables_hash_what_the_original_hashes() {
    let Some(original) = original() else { return };
    let (standard, original) = (Model::new(&HubTables::standard()), Model::new(&original));
    for theirs in original.tables() {
        let ours = standard.table(&theirs.name).expect(&theirs.name);
        let always = |t: &cds_hub::schema::StoredTable| -> Vec<String> {
            t.columns
                .iter()
                .filter(|c| c.hashed && !c.added)
                .map(|c| c.name.clone())
                .collect()
        };
        assert_eq!(always(ours), always(theirs), "{}", theirs.name);
    }
}

#[tokio::test]
async fn raw_moments_are_read_where_they_are_moments_and_in_parallel_too() {
    let hub = hub().await;
    for (text, wanted) in [
        ("[1.1]2024-02-29T10:00:00Z", Some("2024-02-29 11:00:00")),
        (
            "[1.1]2024-02-29T10:00:00.123456789+02:00",
            Some("2024-02-29 09:00:00.123457"),
        ),
        ("2024-12-31", Some("2024-12-31 00:00:00")),
        ("[1.1]2023-02-29T10:00:00Z", None),
        ("[1.1]2024-13-01", None),
        ("[1.1]0000-01-01", None),
        ("[1.1]2024-01-01T24:00:00Z", None),
        ("[1.1", None),
        ("", None),
        ("[1.1]see [2.1] ~ [1]", None),
    ] {
        let (found,): (Option<String>,) = sqlx::query_as("SELECT core.raw_moment($1)::timestamp::text")
            .bind(text)
            .fetch_one(hub.pool())
            .await
            .unwrap();
        assert_eq!(found.as_deref(), wanted, "{text}");
    }
    let mut connection = hub.pool().acquire().await.unwrap();
    // Makes the planner take a worker for a handful of rows.
    let setup = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; \
         INSERT INTO core.import (run, checked, seen_status, module, part, started) VALUES (1, now(), '', '', '', now()); \
         INSERT INTO core.patient_raw (patient_raw_id, import_no, input_datetime, pat_id, pat_meta_lastupdated, meta_digest, hash) \
         SELECT n, 1, now(), '[1]p' || n % 5, '[1.1]2024-01-' || 10 + n % 7, 0, md5(n::text)::uuid \
         FROM generate_series(1, 1000) n; ANALYZE core.patient_raw";
    sqlx::raw_sql(setup).execute(&mut *connection).await.unwrap();
    let (rows, best): (i64, String) =
        sqlx::query_as("SELECT count(*), min(last_version_date) FROM cds2db_out.v_patient_raw_last_version")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    assert!(rows > 0 && best == "2024-01-16", "{rows} {best}");
}
