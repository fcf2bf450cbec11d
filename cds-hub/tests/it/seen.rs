//! Which rows a delivery confirmed: exactly those it held, whatever part of a table that is.

use cds_hub::Hub;
use cds_hub::load::Loaded;
use fhir_crack::Batch;

use crate::load::{batch, patients, table};
use crate::parts::{store_raw, store_typed};
use crate::server;
use crate::sql::{one, rows, transfer};

type Row = Vec<(&'static str, String)>;

fn patient(n: usize) -> Row {
    vec![
        ("pat_id", format!("[1]p{n:03}")),
        ("pat_name_family", format!("[1.1]Name{n}")),
    ]
}

async fn ids(hub: &Hub, table: &str, condition: &str) -> Vec<String> {
    let sql = format!("SELECT right(pat_id, 3) FROM db_log.{table} WHERE {condition} ORDER BY 1");
    rows(hub, &sql).await
}

/// Keys lie in blocks of 64: whole blocks, parts of them and single rows are told apart, in raw and typed tables.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_delivered_rows_are_confirmed() {
    const ROWS: usize = 300;
    let hub = server::hub().await;
    let all: Vec<Row> = (0..ROWS).map(patient).collect();
    patients(&hub, &all).await;
    let mut confirmed = [false; ROWS];
    let mut remembered = Vec::new();
    let deliveries: [fn(usize) -> bool; 6] = [
        |n| n == 77,
        |n| n % 3 == 0,
        |n| (50..200).contains(&n),
        |n| n % 2 == 1 || (60..70).contains(&n),
        |_| true,
        |n| [0, 63, 64, 127, 128, 299].contains(&n),
    ];
    for delivered in deliveries {
        let part: Vec<Row> = (0..ROWS).filter(|n| delivered(*n)).map(patient).collect();
        let loaded = patients(&hub, &part).await;
        assert_eq!(
            loaded,
            Loaded {
                seen: part.len() as u64,
                ..Loaded::default()
            }
        );
        let name = |n: usize| format!("{n:03}");
        let newest: Vec<String> = (0..ROWS).filter(|n| delivered(*n)).map(name).collect();
        for (n, flag) in confirmed.iter_mut().enumerate() {
            *flag |= delivered(n);
        }
        let again: Vec<String> = (0..ROWS).filter(|n| confirmed[*n]).map(name).collect();
        for table in ["patient_raw", "patient"] {
            let last = format!("last_processing_nr = (SELECT max(last_processing_nr) FROM db_log.{table})");
            assert_eq!(ids(&hub, table, &last).await, newest, "{table}");
            let seen = "current_dataset_status LIKE 'Last Time the same Dataset : %'";
            assert_eq!(ids(&hub, table, seen).await, again, "{table}");
            let shown = rows(&hub, &format!("SELECT * FROM db_log.{table} ORDER BY 1")).await;
            let moment = one(&hub, "SELECT clock_timestamp()").await;
            remembered.push((table, moment, shown));
        }
    }
    // The past can still be told from what each import noted.
    for (table, moment, shown) in remembered {
        let then = format!("SELECT * FROM db.{table}_as_of('{moment}') ORDER BY 1");
        assert_eq!(rows(&hub, &then).await, shown, "{table} at {moment}");
    }
}

/// Raw rows confirmed and typed rows stored by one import: a confirmed one keeps that it was seen again, one of an older
/// run only takes the number.
#[tokio::test(flavor = "multi_thread")]
async fn raw_and_typed_rows_of_one_import_agree() {
    let hub = server::hub().await;
    let both: Batch = batch(&table("patient"), &[patient(1), patient(2)]);
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(&mut import, std::slice::from_ref(&both)).await.unwrap();
    import.commit().await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(&mut import, &[batch(&table("patient"), &[patient(1)])])
        .await
        .unwrap();
    let mut open = hub.open_raw(both.table(), 10).await.unwrap();
    let (raw_ids, waiting) = open.next().await.unwrap().unwrap();
    assert_eq!(raw_ids.len(), 2);
    store_typed(&mut import, &waiting, &raw_ids).await.unwrap();
    let summary = import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    let number = summary.number.unwrap();
    for (table, states) in [
        ("patient_raw", ["Last Time", "input"]),
        ("patient", ["input", "input"]),
    ] {
        let found = format!(
            "SELECT left(current_dataset_status, 9), last_processing_nr FROM db_log.{table} ORDER BY pat_id"
        );
        let wanted = states.map(|state| format!("{state}|{number}"));
        assert_eq!(rows(&hub, &found).await, wanted, "{table}");
    }
}

/// A foreign writer's rows are confirmed by the same rule, and forms by their own keys.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_inbox_are_confirmed_in_part() {
    let hub = server::hub().await;
    for (condition, again) in [("true", 0), ("n % 7 = 0", 28), ("n BETWEEN 60 AND 130", 89)] {
        for (inbox, column, function) in [
            ("cds2db_in.patient_raw", "pat_id", "copy_raw_cds_in_to_db_log"),
            ("db2frontend_in.patient_fe", "pat_id", "copy_fe_fe_in_to_db_log"),
        ] {
            crate::sql::run(
                &hub,
                &format!(
                    "INSERT INTO {inbox} ({column}) SELECT 'p' || n FROM generate_series(1, 200) n WHERE {condition}"
                ),
            )
            .await;
            transfer(&hub, function).await.unwrap();
            let (_, name) = inbox.split_once('.').unwrap();
            let seen = format!("SELECT count(*) FROM db_log.{name} WHERE current_dataset_status <> 'input'");
            assert_eq!(
                one(&hub, &seen).await,
                again.to_string(),
                "{name} where {condition}"
            );
            let all = format!("SELECT count(*) FROM db_log.{name}");
            assert_eq!(one(&hub, &all).await, "200");
        }
    }
}
