//! What the hub costs against the plain database: loads of Observations as multiples of one COPY of the same rows into a
//! table with the same primary key and unique hash index, in the same run on the same server.
//!
//! `cargo bench -p benches --bench hub -- [--rows 100000] [--rounds 3] [--growth 1000000] [--views 1000000]`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first failure and prints its figures"
)]

mod cells;
mod cost;
mod growth;
mod views;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::load::{Loaded, RawPart};
use cds_hub::{Hub, HubTables};
use clap::Parser;
use fhir_crack::Batch;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use table_description::{Description, TableDescription, default_description};

use cells::Cells;
use cost::{Cost, postmaster};
use growth::growth;
use views::views;

#[derive(Parser)]
struct Arguments {
    /// Rows of one delivery.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Repetitions, each in a database of its own; the smallest time counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Rows the core grows to for the cost per row; 0 leaves that out.
    #[arg(long, default_value_t = 0)]
    growth: usize,
    /// Typed rows the views are read over; 0 leaves that out.
    #[arg(long, default_value_t = 0)]
    views: usize,
    /// Given by cargo.
    #[arg(long)]
    bench: bool,
}

/// Columns of the original's table, of which 32 have a value; a row has about 860 bytes.
const COLUMNS: usize = 143;
const FILLED: usize = 32;
const BATCH: usize = 10_000;

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = std::env::temp_dir().join(format!("cds-hub-bench-{}", std::process::id()));
    let cluster = Cluster::open(&directory, &ClusterOptions::default()).unwrap();
    if arguments.rounds > 0 {
        runtime.block_on(run(&arguments, &cluster));
    }
    if arguments.growth > 0 {
        runtime.block_on(growth(arguments.growth, &cluster));
    }
    if arguments.views > 0 {
        runtime.block_on(views(arguments.views, &cluster));
    }
    drop(cluster);
    let _ = std::fs::remove_dir_all(directory);
}

async fn run(arguments: &Arguments, cluster: &Cluster) {
    let table = observation();
    let cells = Cells::new(&table);
    let mut best: Vec<(&str, Cost)> = Vec::new();
    let postmaster = postmaster(cluster);
    for round in 0..arguments.rounds {
        let database = format!("bench_{round}");
        let hub = fresh(cluster, &database, &table).await;
        let n = arguments.rows;
        let first = cells.batches(&table, 0..n, 0);
        let changed = cells.batches(&table, 0..n, n / 100);
        let text = cells.copy_text(&table, 0..n);
        let mut before = Cost::so_far(postmaster);
        let mut note = |name: &'static str, time: Duration| {
            let now = Cost::so_far(postmaster);
            let cost = Cost {
                time,
                client: now.client - before.client,
                server: now.server - before.server,
            };
            before = now;
            match best.iter_mut().find(|(k, _)| *k == name) {
                Some((_, old)) => *old = old.least(&cost),
                None => best.push((name, cost)),
            }
        };
        note("plain COPY", plain_copy(&hub, &table, &text).await);
        drop(text);
        let all = |new: usize| Loaded {
            new: new as u64,
            seen: (n - new) as u64,
            ..Loaded::default()
        };
        note("all new", import(&hub, &first, all(n)).await);
        note("all seen", import(&hub, &first, all(0)).await);
        note("all seen again", import(&hub, &first, all(0)).await);
        note("1 % changed", import(&hub, &changed, all(n / 100)).await);
        hub.close().await;
    }
    let c = best.first().map(|(_, cost)| cost.time).unwrap_or_default();
    println!(
        "{} rows, best of {} rounds; CPU with the checkpoint before, where the machine tells it",
        arguments.rows, arguments.rounds
    );
    for (name, cost) in &best {
        let time = cost.time.as_secs_f64();
        let per_row = time * 1e6 / arguments.rows as f64;
        println!(
            "{name:<16} {time:>8.3} s {per_row:>7.2} µs/row {:>6.2} c   CPU client {:.2} s, server {:.2} s",
            time / c.as_secs_f64(),
            cost.client,
            cost.server
        );
    }
}

/// The first columns of our table, as many as the original's has.
fn observation() -> Arc<TableDescription> {
    let mut table = default_description()
        .table("observation")
        .unwrap()
        .as_ref()
        .clone();
    table.columns.truncate(COLUMNS);
    Arc::new(table)
}

async fn fresh(cluster: &Cluster, database: &str, table: &Arc<TableDescription>) -> Hub {
    let mut admin = PgConnection::connect(&cluster.url_of("postgres")).await.unwrap();
    admin
        .execute(AssertSqlSafe(format!("CREATE DATABASE {database}")))
        .await
        .unwrap();
    let hub = Hub::connect(&cluster.url_of(database)).await.unwrap();
    let fhir = Description {
        tables: vec![Arc::clone(table)],
    };
    hub.init(&HubTables {
        fhir,
        ..HubTables::standard()
    })
    .await
    .unwrap();
    hub
}

async fn import(hub: &Hub, batches: &[Batch], expected: Loaded) -> Duration {
    hub.pool().execute("CHECKPOINT").await.unwrap();
    let lock = hub.lock("cds2db", "cds2db:bench").await.unwrap();
    let start = Instant::now();
    let mut import = hub.begin_import(&lock).await.unwrap();
    let part = RawPart::new(batches).unwrap().unwrap();
    let stored = import.raw(&part).await.unwrap();
    import.leave(&stored).await.unwrap();
    import.commit().await.unwrap();
    let time = start.elapsed();
    assert_eq!(stored.loaded, expected);
    lock.release(true).await.unwrap();
    time
}

async fn plain_copy(hub: &Hub, table: &TableDescription, text: &[u8]) -> Duration {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{} varchar", c.name))
        .collect();
    let create = format!(
        "CREATE TABLE public.plain (observation_raw_id int PRIMARY KEY, input_datetime timestamp NOT NULL,
           last_check_datetime timestamp, current_dataset_status varchar, input_processing_nr int,
           last_processing_nr int, raw_already_processed int, {}, hash_index_col text);
         CREATE UNIQUE INDEX ON public.plain (hash_index_col)",
        columns.join(", ")
    );
    let mut connection = hub.pool().acquire().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut *connection)
        .await
        .unwrap();
    connection.execute("CHECKPOINT").await.unwrap();
    let start = Instant::now();
    let mut copy = connection
        .copy_in_raw("COPY public.plain FROM STDIN")
        .await
        .unwrap();
    for piece in text.chunks(256 * 1024) {
        copy.send(piece).await.unwrap();
    }
    copy.finish().await.unwrap();
    let time = start.elapsed();
    connection.execute("DROP TABLE public.plain").await.unwrap();
    time
}
