//! R reads the contract's views whole and without ORDER BY, and takes the first row of each patient, case or resource: it is
//! the same row whatever plan the server chooses, on a hub that was made and on one that was taken over. The latter is read by
//! fewer plans unless `CDS_HUB_PLANS=all`, which takes minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cds_hub::Hub;
use cds_hub::schema::{HubTables, Kind, Model, StoredTable};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use crate::original::create;
use crate::server::{self, empty_database};
use crate::sql::run;

/// Rows of each table in one import; there are two.
const ROWS: i32 = 120;
/// Keys they share.
const KEYS: i32 = 20;

/// What makes the server choose another plan, and what such plans have.
const PLANS: [(&str, &str, &str); 6] = [
    ("as it comes", "", ""),
    (
        "nested loops",
        "SET enable_hashjoin = off; SET enable_mergejoin = off",
        "Nested Loop",
    ),
    (
        "hash joins",
        "SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off; \
         SET enable_indexonlyscan = off",
        "Hash",
    ),
    (
        "merge joins",
        "SET enable_nestloop = off; SET enable_hashjoin = off",
        "",
    ),
    (
        "in parallel",
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; \
         SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 1",
        "Gather",
    ),
    (
        "little memory, no sorting",
        "SET work_mem = '64kB'; SET enable_sort = off; SET enable_material = off",
        "",
    ),
];

/// Views without a row's id, whose rows belong to no patient, case or resource.
const WITHOUT_ID: [&str; 4] = [
    "cds2db_out.v_db_parameter",
    "cds2db_out.v_temp_calculated_items",
    "db2dataprocessor_out.v_db_parameter",
    "db2frontend_out.v_db_parameter",
];

const MADE: &str = "made";

/// Plans, from the first on, by which a hub that was taken over is read every time.
const FEW: usize = 3;

/// A view, the column of its rows' ids, and that of the key whose first row is taken.
#[derive(Debug)]
struct View {
    name: String,
    id: String,
    key: String,
}

/// The column whose first row R takes.
fn key(table: &StoredTable) -> &str {
    match (table.kind, table.fhir_id_column()) {
        (Kind::Form, _) => "record_id",
        (_, Some(id)) => id,
        _ => a_text(table, None),
    }
}

/// A column that makes rows differ.
fn a_text<'t>(table: &'t StoredTable, but: Option<&str>) -> &'t str {
    let texts = table
        .contract_columns()
        .filter(|c| c.hashed && c.sql_type() == "varchar");
    let mut texts = texts.filter(|c| Some(c.name.as_str()) != but && c.name != "record_id");
    &texts.next().unwrap().name
}

/// Rows of which several share a key, and several of those a raw row; numbered from `from`, written in no order.
fn filling(table: &StoredTable, into: &str, technical: [&str; 2], from: i32) -> String {
    let (key, text) = (key(table), a_text(table, Some(key(table))));
    let raw = table.raw_id_column();
    let raw = raw.map_or([String::new(), String::new()], |raw| {
        [format!("{raw}, "), format!("1 + n % {KEYS}, ")]
    });
    format!(
        "INSERT INTO {into}.{} ({}{}{key}, {text}) SELECT {}{}'k' || n % {KEYS}, 't' || n
         FROM generate_series({from}, {from} + {ROWS} - 1) n ORDER BY md5(n::text || '{into}');\n",
        table.name, technical[0], raw[0], technical[1], raw[1]
    )
}

/// A hub that was made, its rows moved about in their files.
async fn made() -> Hub {
    let hub = server::hub().await;
    let model = Model::new(&HubTables::standard());
    for from in [1, 1 + ROWS] {
        let sql: String = model
            .tables()
            .iter()
            .map(|table| filling(table, table.inboxes()[0], ["", ""], from))
            .collect();
        run(&hub, &sql).await;
        hub.transfer(std::time::Duration::ZERO).await.unwrap();
    }
    for table in model.tables() {
        for rest in [1, 0] {
            let sql = format!(
                "UPDATE core.{} SET input_datetime = input_datetime WHERE {} % 3 = {rest}",
                table.name,
                table.key_column()
            );
            run(&hub, &sql).await;
        }
    }
    hub
}

/// A database of the original's whose rows lie in no order, taken over.
async fn taken_over() -> Hub {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    create(&mut hub.pool().acquire().await.unwrap()).await;
    let tables = hub.tables_to_keep().await.unwrap();
    let mut sql = String::new();
    let mut id = 0;
    for table in Model::new(&tables).tables() {
        let numbers = format!(
            "{}, last_check_datetime, input_processing_nr, last_processing_nr, ",
            table.id_column()
        );
        for (number, from) in [(5, 1), (6, 1 + ROWS)] {
            let values = format!("{id} + n, now(), {number}, {number}, ");
            sql.push_str(&filling(table, "db_log", [&numbers, &values], from));
        }
        id += 2 * ROWS;
    }
    sql.push_str(&format!("SELECT setval('db.db_seq', {id})"));
    run(&hub, &sql).await;
    assert!(hub.migrate(&tables, true).await.unwrap().is_applied());
    hub
}

/// The views of the contract with the ids of rows, all of them.
async fn views(hub: &Hub) -> Vec<View> {
    let found = sqlx::query(
        "SELECT format('%s.%s', n.nspname, c.relname), array_agg(a.attname::text ORDER BY a.attnum)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relkind = 'v' AND n.nspname IN ('db_log', 'cds2db_out', 'db2dataprocessor_out', 'db2frontend_out')
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(hub.pool())
    .await
    .unwrap();
    let model = Model::new(&HubTables::standard());
    let view = |row: &sqlx::postgres::PgRow| {
        let (name, columns): (String, Vec<String>) = (row.get(0), row.get(1));
        let table = model.tables().iter().find(|t| t.id_column() == columns[0])?;
        Some(View {
            name,
            id: columns[0].clone(),
            key: key(table).to_owned(),
        })
    };
    found.iter().filter_map(view).collect()
}

/// The ids of a view's rows in the order they come, and of each key the first.
async fn read(connection: &mut PgConnection, view: &View) -> (Vec<i32>, BTreeMap<String, i32>) {
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {}", view.name)))
        .fetch_all(connection)
        .await
        .unwrap_or_else(|e| panic!("{}: {e}", view.name));
    let (mut ids, mut first) = (Vec::new(), BTreeMap::new());
    for row in rows {
        let id: i32 = row.get(view.id.as_str());
        ids.push(id);
        if let Some(key) = row.get::<Option<String>, _>(view.key.as_str()) {
            first.entry(key).or_insert(id);
        }
    }
    (ids, first)
}

async fn same_first_rows(hub: &Hub, whose: &str) {
    let views = views(hub).await;
    every_view_of_the_contract_is_among(&views);
    let mut before: BTreeMap<&str, (Vec<i32>, BTreeMap<String, i32>)> = BTreeMap::new();
    let all = std::env::var("CDS_HUB_PLANS").is_ok_and(|plans| plans == "all");
    let (mut several, mut compared) = (0, 0);
    for analysed in [false, true] {
        if analysed {
            run(hub, "ANALYZE").await;
        }
        for (number, (plan, settings, has)) in PLANS.into_iter().enumerate() {
            // Workers take long to start, so they read one hub; the other is read in parallel by `versions`.
            let is_left_out = match whose {
                MADE => plan == "in parallel",
                _ => number >= FEW && !all,
            };
            if !analysed && !settings.is_empty() || is_left_out {
                continue;
            }
            // What is switched off counts as very dear, and dear plans are compiled first, which takes longer than they.
            let mut connection = hub.pool().acquire().await.unwrap().detach();
            connection
                .execute(AssertSqlSafe(format!("SET jit = off; {settings}")))
                .await
                .unwrap();
            let mut forced = 0;
            for view in &views {
                let found = read(&mut connection, view).await;
                let explained = format!("EXPLAIN SELECT * FROM {}", view.name);
                let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explained))
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                forced += usize::from(lines.iter().any(|line| line.contains(has)));
                let when = format!("{whose}, {}, {plan}, analysed: {analysed}", view.name);
                assert!(found.0.is_sorted(), "{when}: {:?}", found.0);
                match before.get(view.name.as_str()) {
                    None => {
                        several += usize::from(found.0.len() > found.1.len());
                        before.insert(&view.name, found);
                    }
                    Some(before) => {
                        assert_eq!(&found.1, &before.1, "{when}: first rows");
                        assert_eq!(&found.0, &before.0, "{when}");
                        compared += 1;
                    }
                }
            }
            assert!(forced > 0, "{whose}, {plan}: no plan has {has}");
        }
    }
    assert!(
        compared >= FEW * views.len(),
        "{whose}: {compared} readings are compared"
    );
    assert!(several > 150, "{whose}: {several} views have several rows a key");
}

/// Against the original's own list, where it lies beside the project.
fn every_view_of_the_contract_is_among(views: &[View]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/hub-inventory/relations.txt");
    let Ok(text) = std::fs::read_to_string(&file) else {
        x_skipped::skip!("../shared is absent, so the views are not counted against the original's");
        return;
    };
    let names: BTreeSet<&str> = views.iter().map(|v| v.name.as_str()).collect();
    let mut counted = 0;
    for line in text.lines() {
        let parts: Vec<&str> = line.split('|').collect();
        let [schema, name, kind] = parts[..] else {
            panic!("{line}")
        };
        let is_read = schema.ends_with("_out") && kind == "view" || schema == "db_log" && kind == "table";
        let name = format!("{schema}.{name}");
        if is_read && !WITHOUT_ID.contains(&name.as_str()) {
            assert!(names.contains(name.as_str()), "{name} is not read");
            counted += 1;
        }
    }
    assert!(counted > 200, "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_gives_the_same_first_row_a_key_whatever_the_plan() {
    same_first_rows(&made().await, MADE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_of_an_adopted_hub_gives_the_same_first_row_a_key_whatever_the_plan() {
    same_first_rows(&taken_over().await, "taken over").await;
}
