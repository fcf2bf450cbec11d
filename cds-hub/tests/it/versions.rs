//! Which version of a resource the views show, and in which order rows come.

use std::collections::BTreeMap;

use cds_hub::schema::{Kind, Model};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::server;
use crate::sql::{one, rows, run, transfer_fhir};

/// One version of a patient: when the server says it changed, its version id, and a name that no other has.
#[derive(Clone, Debug)]
struct Version {
    id: String,
    updated: Option<&'static str>,
    version: Option<String>,
    name: String,
}

fn version(id: &str, updated: Option<&'static str>, version: &str, name: &str) -> Version {
    Version {
        id: id.to_owned(),
        updated,
        version: (!version.is_empty()).then(|| version.to_owned()),
        name: name.to_owned(),
    }
}

/// Delivers versions in one import, raw and then typed, in this order.
async fn deliver(hub: &Hub, versions: &[Version]) {
    if versions.is_empty() {
        return;
    }
    let cell =
        |index: &str, text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), |t| format!("'{index}{t}'"));
    let values: Vec<String> = versions
        .iter()
        .map(|v| {
            format!(
                "('[1]{}', {}, {}, '[1.1]{}')",
                v.id,
                cell("[1.1]", v.updated),
                cell("[1.1]", v.version.as_deref()),
                v.name
            )
        })
        .collect();
    run(
        hub,
        &format!(
            "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_lastupdated, pat_meta_versionid, pat_name_family) VALUES {}",
            values.join(", ")
        ),
    )
    .await;
    transfer_fhir(hub).await;
    run(
        hub,
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_lastupdated, pat_meta_versionid, pat_name_family)
         SELECT patient_raw_id, substr(pat_id, 4),
                substr(pat_meta_lastupdated, 6)::timestamptz AT TIME ZONE 'Europe/Berlin',
                substr(pat_meta_versionid, 6), substr(pat_name_family, 6)
         FROM cds2db_out.v_patient_raw_diff",
    )
    .await;
    transfer_fhir(hub).await;
}

/// The names shown of a patient, raw and typed.
async fn shown(hub: &Hub, id: &str) -> (Vec<String>, Vec<String>) {
    let typed =
        format!("SELECT pat_name_family FROM cds2db_out.v_patient_last_version WHERE pat_id = '{id}'");
    let raw = format!(
        "SELECT substr(pat_name_family, 6) AS name FROM cds2db_out.v_patient_raw_last_version WHERE pat_id = '[1]{id}'"
    );
    (rows(hub, &raw).await, rows(hub, &typed).await)
}

/// Each case: the versions in the order of their arrival, and the name that is shown.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_is_that_of_the_newest_instant() {
    let hub = server::hub().await;
    type Case = (
        &'static str,
        Vec<(Option<&'static str>, &'static str, &'static str)>,
        &'static str,
    );
    let cases: Vec<Case> = vec![
        (
            "the hour that October has twice",
            vec![
                (Some("2024-10-27T00:30:00Z"), "1", "old"),
                (Some("2024-10-27T01:15:00Z"), "2", "new"),
            ],
            "new",
        ),
        (
            "the same, written with offsets, the newer first",
            vec![
                (Some("2024-10-27T02:15:00+01:00"), "2", "new"),
                (Some("2024-10-27T02:30:00+02:00"), "1", "old"),
            ],
            "new",
        ),
        (
            "within a microsecond",
            vec![
                (Some("2024-05-01T10:00:00.1234561Z"), "1", "old"),
                (Some("2024-05-01T10:00:00.1234564Z"), "2", "new"),
            ],
            "new",
        ),
        (
            "the same instant: versions are numbers",
            vec![
                (Some("2024-05-01T10:00:00Z"), "10", "new"),
                (Some("2024-05-01T10:00:00Z"), "9", "old"),
            ],
            "new",
        ),
        (
            "the same instant, versions that are no numbers: arrival",
            vec![
                (Some("2024-05-01T10:00:00Z"), "b", "old"),
                (Some("2024-05-01T10:00:00Z"), "a", "new"),
            ],
            "new",
        ),
        (
            "a version without an instant comes later",
            vec![(Some("2099-01-01T00:00:00Z"), "", "old"), (None, "", "new")],
            "new",
        ),
        (
            "a version without an instant came before",
            vec![(None, "", "old"), (Some("2001-01-01T00:00:00Z"), "", "new")],
            "new",
        ),
        (
            "no instants, but numbers",
            vec![(None, "2", "new"), (None, "1", "old")],
            "new",
        ),
        (
            "an older instant arrives later",
            vec![
                (Some("2024-05-02T10:00:00Z"), "2", "new"),
                (Some("2024-05-01T10:00:00Z"), "1", "old"),
            ],
            "new",
        ),
    ];
    for together in [true, false] {
        for (number, (case, versions, expected)) in cases.iter().enumerate() {
            let id = format!("p{number}{together}");
            let versions: Vec<Version> = versions
                .iter()
                .map(|(updated, v, name)| version(&id, *updated, v, &format!("{name}{id}")))
                .collect();
            if together {
                deliver(&hub, &versions).await;
            } else {
                for version in &versions {
                    deliver(&hub, std::slice::from_ref(version)).await;
                }
            }
            let expected = vec![format!("{expected}{id}")];
            assert_eq!(
                shown(&hub, &id).await,
                (expected.clone(), expected),
                "{case}, together: {together}"
            );
        }
    }
}

/// Several rows of one version are all shown, whether or not the server gives instants and versions.
#[tokio::test(flavor = "multi_thread")]
async fn all_rows_of_the_newest_version_are_shown() {
    let hub = server::hub().await;
    for (number, meta) in [
        "'[1.1]2024-01-01T10:00:00Z', '[1.1]1'",
        "'[1.1]2024-01-01T10:00:00Z', NULL",
        "NULL, NULL",
    ]
    .into_iter()
    .enumerate()
    {
        run(
            &hub,
            &format!(
                "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_lastupdated, pat_meta_versionid) VALUES ('[1]s{number}', {meta})"
            ),
        )
        .await;
        transfer_fhir(&hub).await;
        run(
            &hub,
            "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_lastupdated, pat_meta_versionid, pat_name_family)
             SELECT patient_raw_id, substr(pat_id, 4), substr(pat_meta_lastupdated, 6)::timestamptz AT TIME ZONE 'Europe/Berlin',
                    substr(pat_meta_versionid, 6), n FROM cds2db_out.v_patient_raw_diff, unnest(ARRAY['x', 'y', 'z']) n",
        )
        .await;
        transfer_fhir(&hub).await;
        let names = format!(
            "SELECT string_agg(pat_name_family, '' ORDER BY 1) FROM cds2db_out.v_patient_last_version WHERE pat_id = 's{number}'"
        );
        assert_eq!(one(&hub, &names).await, "xyz", "{meta}");
    }
}

/// Resources with versions drawn at random, against a slow model of the rule.
#[tokio::test(flavor = "multi_thread")]
async fn drawn_versions_are_ordered_as_the_model_says() {
    const MOMENTS: [Option<&str>; 8] = [
        Some("2024-10-27T00:30:00Z"),
        Some("2024-10-27T01:15:00Z"),
        Some("2024-10-27T02:30:00+01:00"),
        Some("2024-10-26T23:59:59Z"),
        Some("2024-10-27T03:00:00+01:00"),
        Some("2024-10-27T00:30:00.000001Z"),
        Some("2023-10-29T00:45:00Z"),
        None,
    ];
    // The same as microseconds since the first of them.
    const MICROS: [i64; 8] = [
        0,
        2_700_000_000,
        3_600_000_000,
        -1_801_000_000,
        5_400_000_000,
        1,
        -31_448_700_000_000,
        0,
    ];
    let hub = server::hub().await;
    let mut state = 0x5eed_u64;
    let mut draw = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    // The key of each version that arrived: instant, version, import, arrival.
    type Key = (Option<i64>, Option<u32>, usize, usize);
    let mut model: BTreeMap<String, Vec<(Key, String)>> = BTreeMap::new();
    let mut arrival = 0;
    for import in 0..4 {
        let mut delivery = Vec::new();
        for _ in 0..60 {
            // Every second resource always has instants, every third always numbers.
            let resource = draw(40);
            let moment = if resource % 2 == 0 { draw(7) } else { draw(8) };
            let number = draw(3);
            let text = if resource % 3 == 0 || draw(3) > 0 {
                number.to_string()
            } else {
                ["", "a", "b"][number].to_owned()
            };
            let id = format!("r{resource}");
            arrival += 1;
            let name = format!("{id}n{arrival}");
            delivery.push(version(&id, MOMENTS[moment], &text, &name));
            let key = (
                MOMENTS[moment].map(|_| MICROS[moment]),
                text.parse().ok(),
                import,
                arrival,
            );
            model.entry(id).or_default().push((key, name));
        }
        deliver(&hub, &delivery).await;
    }
    for (id, versions) in model {
        let dated = versions.iter().all(|(key, _)| key.0.is_some());
        let numbered = versions.iter().all(|(key, _)| key.1.is_some());
        let newest = versions
            .iter()
            .max_by_key(|((moment, version, import, arrival), _)| {
                (
                    moment.filter(|_| dated),
                    version.filter(|_| numbered),
                    *import,
                    *arrival,
                )
            })
            .map(|(_, name)| vec![name.clone()])
            .unwrap();
        assert_eq!(
            shown(&hub, &id).await,
            (newest.clone(), newest),
            "{id}: {versions:?}"
        );
    }
}

/// Rows of every table, in several imports, and then moved about within their files.
async fn scattered(hub: &Hub) {
    let model = Model::new(&HubTables::standard());
    for _ in 0..2 {
        for table in model.tables() {
            let column = &table
                .columns
                .iter()
                .find(|c| c.hashed && c.sql_type() == "varchar")
                .unwrap()
                .name;
            let name = &table.name;
            let keys = match table.kind {
                Kind::Form => "record_id, redcap_repeat_instance,",
                _ => "",
            };
            let values = if keys.is_empty() { "" } else { "n::text, n::text," };
            let (raw, raw_value) = match table.raw_id_column() {
                Some(raw) => (format!("{raw},"), "n,"),
                None => (String::new(), ""),
            };
            let columns: Vec<&str> = [keys, raw.as_str()]
                .into_iter()
                .filter(|c| !c.is_empty())
                .collect();
            let column = if keys.contains(column.as_str()) {
                "redcap_repeat_instrument"
            } else {
                column
            };
            run(
                hub,
                &format!(
                    "INSERT INTO {}.{name} ({} {column}) SELECT {values} {raw_value} md5(random()::text) FROM generate_series(1, 40) n",
                    table.inboxes()[0],
                    columns.join(" ")
                ),
            )
            .await;
        }
        hub.transfer(std::time::Duration::ZERO).await.unwrap();
    }
    for table in model.tables() {
        let key = table.key_column();
        run(
            hub,
            &format!(
                "UPDATE core.{0} SET input_datetime = input_datetime WHERE {key} % 3 = 1",
                table.name
            ),
        )
        .await;
        run(
            hub,
            &format!(
                "UPDATE core.{0} SET input_datetime = input_datetime WHERE {key} % 3 = 0",
                table.name
            ),
        )
        .await;
    }
}

/// R takes the first row of a view it reads without ORDER BY: rows come in the order of ids, whatever the plan is.
#[tokio::test(flavor = "multi_thread")]
async fn views_give_rows_in_the_order_of_their_ids_whatever_the_plan() {
    let hub = server::hub().await;
    scattered(&hub).await;
    let views: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I.%I', n.nspname, c.relname), min(a.attname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 AND a.attname ~ '_id$'
         WHERE c.relkind = 'v' AND n.nspname IN ('db_log', 'cds2db_out', 'db2dataprocessor_out', 'db2frontend_out')
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(hub.pool())
    .await
    .unwrap();
    assert!(views.len() > 200, "{}", views.len());
    let plans = [
        "",
        "ANALYZE",
        "SET enable_hashjoin = off; SET enable_mergejoin = off",
        "SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off",
        "SET enable_nestloop = off; SET enable_hashjoin = off",
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; \
         SET max_parallel_workers_per_gather = 4",
    ];
    let mut read = 0;
    for plan in plans {
        let mut connection = hub.pool().acquire().await.unwrap().detach();
        connection.execute(AssertSqlSafe(plan.to_owned())).await.unwrap();
        for (view, id) in &views {
            let ids: Vec<Option<i32>> =
                sqlx::query_scalar(AssertSqlSafe(format!("SELECT {id} FROM {view} LIMIT 60")))
                    .fetch_all(&mut connection)
                    .await
                    .unwrap_or_else(|e| panic!("{view}: {e}"));
            assert!(ids.is_sorted(), "{view} with {plan:?}: {ids:?}");
            read += usize::from(ids.len() > 1);
        }
    }
    assert!(read > 500, "views hold rows: {read}");
}

/// R types what it finds in the view of open rows, all columns of it: there are none that it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn open_rows_are_offered_with_the_columns_every_reader_knows() {
    let hub = server::hub().await;
    let columns = |view: &str| {
        format!(
            "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'cds2db_out.{view}'::regclass AND a.attnum > 0 \
             AND a.attname ~ '^pat_' ORDER BY a.attnum"
        )
    };
    let model = Model::new(&HubTables::standard());
    let table = model.table("patient_raw").unwrap();
    let known: Vec<&str> = table.contract_columns().map(|c| c.name.as_str()).collect();
    assert!(
        known.len() < table.columns.len(),
        "the standard description adds columns"
    );
    assert_eq!(rows(&hub, &columns("v_patient_raw_diff")).await, known);
    let all: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(rows(&hub, &columns("v_patient_raw_diff_all")).await, all);
}
