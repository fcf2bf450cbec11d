//! What the hub costs against the plain database: loads of Observations as multiples of one COPY of the same rows into a
//! table with the same primary key and unique hash index, in the same run on the same server.
//!
//! `cargo bench -p benches --bench hub -- [--rows 100000] [--rounds 3] [--growth 1000000] [--views 1000000]`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first failure and prints its figures"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::load::{Hasher, Loaded, RawPart};
use cds_hub::{Hub, HubTables};
use clap::Parser;
use fhir_crack::{Batch, BatchBuilder};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use table_description::{Description, TableDescription, default_description};

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

/// Time by the clock, and CPU seconds of this process and of the server's.
struct Cost {
    time: Duration,
    client: f64,
    server: f64,
}

impl Cost {
    fn so_far(postmaster: u32) -> Self {
        let mut server = 0.0;
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = stat(&process.path());
            let of_server = process.file_name().to_str() == Some(postmaster.to_string().as_str());
            if of_server {
                // What ended children took is counted by their parent.
                server += (13..17).map(|n| field(&stat, n)).sum::<f64>();
            } else if field(&stat, 3) as u32 == postmaster {
                server += field(&stat, 13) + field(&stat, 14);
            }
        }
        let own = stat(std::path::Path::new("/proc/self"));
        // Hundredths of a second, everywhere but on exotic machines.
        Self {
            time: Duration::ZERO,
            client: (field(&own, 13) + field(&own, 14)) / 100.0,
            server: server / 100.0,
        }
    }

    fn least(&self, other: &Self) -> Self {
        Self {
            time: self.time.min(other.time),
            client: self.client.min(other.client),
            server: self.server.min(other.server),
        }
    }
}

fn stat(process: &std::path::Path) -> String {
    std::fs::read_to_string(process.join("stat")).unwrap_or_default()
}

/// A number of `/proc/PID/stat`, counted from 0; the name of the program must not hold a blank.
fn field(stat: &str, n: usize) -> f64 {
    stat.split(' ')
        .nth(n)
        .and_then(|v| v.parse().ok())
        .unwrap_or_default()
}

/// The server's first process, the parent of the others.
fn postmaster(cluster: &Cluster) -> u32 {
    let file = cluster.directory().join("data/postmaster.pid");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .next()
        .and_then(|l| l.trim().parse().ok())
        .unwrap_or_default()
}

/// Cost per row of a delivery of 10,000 rows as the core grows.
async fn growth(rows: usize, cluster: &Cluster) {
    let table = &observation();
    let cells = &Cells::new(table);
    let hub = fresh(cluster, "bench_growth", table).await;
    let mut at = 0;
    for target in [10_000, rows] {
        while at < target {
            let step = (target - at).min(50_000);
            let batches = cells.batches(table, at..at + step, 0);
            import(
                &hub,
                &batches,
                Loaded {
                    new: step as u64,
                    ..Loaded::default()
                },
            )
            .await;
            at += step;
        }
        hub.pool()
            .execute("VACUUM (ANALYZE) core.observation_raw")
            .await
            .unwrap();
        hub.pool().execute("CHECKPOINT").await.unwrap();
        let mut new = Duration::MAX;
        let mut seen = Duration::MAX;
        for _ in 0..3 {
            let batches = cells.batches(table, at..at + BATCH, 0);
            new = new.min(
                import(
                    &hub,
                    &batches,
                    Loaded {
                        new: BATCH as u64,
                        ..Loaded::default()
                    },
                )
                .await,
            );
            at += BATCH;
            seen = seen.min(
                import(
                    &hub,
                    &batches,
                    Loaded {
                        seen: BATCH as u64,
                        ..Loaded::default()
                    },
                )
                .await,
            );
        }
        let per_row = |time: Duration| time.as_secs_f64() * 1e6 / BATCH as f64;
        println!(
            "core of {target:>8} rows: new {:>6.2} µs/row, seen {:>6.2} µs/row",
            per_row(new),
            per_row(seen)
        );
    }
    hub.close().await;
}

/// Typed observations with 1.25 versions each, of 20 to a patient, a third of them confirmed later; raw rows are left out.
const VERSIONS: &str = "
INSERT INTO core.import (no, run, input_nr, last_nr, checked, seen_status, module, part, started, finished)
  SELECT n, n, 2000000000 + n, 2000000000 + n, timestamp '2026-01-01' + n * interval '1 day', 'x', 'bench', 'bench', now(), now()
  FROM generate_series(1, 10) n;
INSERT INTO core.observation (observation_id, observation_raw_id, import_no, input_datetime, obs_id, obs_meta_lastupdated,
    obs_status, obs_patient_ref, obs_code_code, obs_valuequantity_value, meta_digest, hash)
  SELECT n, n, n % 10 + 1, now(), 'o' || n % ($ROWS * 4 / 5), timestamp '2026-01-01' + n * interval '1 second', 'final',
    'Patient/p' || n % ($ROWS * 4 / 5) / 20, '3142-7', n, 0, md5(n::text)::uuid
  FROM generate_series(1, $ROWS) n;
INSERT INTO core.observation_seen (block, imports)
  SELECT b, ARRAY(SELECT CASE WHEN n % 3 = 0 AND n <= $ROWS THEN 10 ELSE 0 END
                  FROM generate_series(b * 64, b * 64 + 63) n ORDER BY n)
  FROM generate_series(0, $ROWS / 64) b;
INSERT INTO core.import_rows (import_no, table_name, new_ids, seen_ids, new_count, update_count)
  SELECT n, 'observation', '{}', '{}', 0, 0 FROM generate_series(1, 10) n";

/// How long readers wait for the views over many versions: the whole, one patient, one resource.
async fn views(rows: usize, cluster: &Cluster) {
    let hub = fresh(cluster, "bench_views", &observation()).await;
    let fill = VERSIONS.replace("$ROWS", &rows.to_string());
    sqlx::raw_sql(AssertSqlSafe(fill))
        .execute(hub.pool())
        .await
        .unwrap();
    for statistics in ["without statistics", "after ANALYZE"] {
        if statistics == "after ANALYZE" {
            hub.pool().execute("VACUUM (ANALYZE)").await.unwrap();
        }
        println!("views over {rows} typed rows, {statistics}");
        for (name, sql) in [
            (
                "last version, whole",
                "SELECT count(*), max(last_version_date) FROM v_observation_last_version",
            ),
            (
                "last version, one patient",
                "SELECT * FROM v_observation_last_version WHERE obs_patient_ref = 'Patient/p77'",
            ),
            (
                "last version, one id",
                "SELECT * FROM v_observation_last_version WHERE obs_id = 'o77'",
            ),
            (
                "last import, whole",
                "SELECT count(*), max(obs_id) FROM v_observation_last_import",
            ),
            (
                "all, whole",
                "SELECT count(*), max(last_processing_nr) FROM v_observation",
            ),
        ] {
            let sql = sql.replace("FROM v_", "FROM db2dataprocessor_out.v_");
            let mut best = Duration::MAX;
            for _ in 0..3 {
                let start = Instant::now();
                hub.pool().fetch_all(AssertSqlSafe(sql.clone())).await.unwrap();
                best = best.min(start.elapsed());
            }
            println!("{name:<28} {:>10.2} ms", best.as_secs_f64() * 1e3);
        }
    }
    hub.close().await;
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

/// Cells of made-up observations.
struct Cells {
    filled: Vec<usize>,
}

impl Cells {
    fn new(table: &TableDescription) -> Self {
        // The id and values spread over the table; `meta` among them.
        let step = table.columns.len() / FILLED;
        Self {
            filled: (0..FILLED).map(|n| n * step).collect(),
        }
    }

    /// Cell `k` of the filled ones of row `row`; `change` makes another content of it.
    fn cell(&self, k: usize, row: usize, change: bool) -> String {
        match k {
            0 => format!("[1]observation-{row:09}"),
            1 => format!(
                "[1.1]2024-01-{:02}T{:02}:{:02}:00+01:00{}",
                row % 28 + 1,
                row % 24,
                row % 60,
                if change { "x" } else { "" }
            ),
            _ => format!("[1.1.1]value {:04} of a column", (row * 31 + k * 17) % 10_000),
        }
    }

    fn batches(
        &self,
        table: &Arc<TableDescription>,
        rows: std::ops::Range<usize>,
        changed: usize,
    ) -> Vec<Batch> {
        let first = rows.start;
        rows.clone()
            .step_by(BATCH)
            .map(|from| {
                let mut builder = BatchBuilder::new(Arc::clone(table));
                for row in from..rows.end.min(from + BATCH) {
                    builder.begin_row();
                    for (k, &column) in self.filled.iter().enumerate() {
                        builder.push_cell(column, &self.cell(k, row, row - first < changed));
                    }
                }
                builder.finish()
            })
            .collect()
    }

    fn copy_text(&self, table: &TableDescription, rows: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        for row in rows {
            out.extend_from_slice(
                format!("{}\t2024-01-01 00:00:00\t\\N\tinput\t1\t1\t\\N", row + 1).as_bytes(),
            );
            let mut hasher = Hasher::default();
            let mut filled = self.filled.iter().enumerate().peekable();
            for column in 0..table.columns.len() {
                out.push(b'\t');
                match filled.next_if(|(_, c)| **c == column) {
                    Some((k, _)) => {
                        let cell = self.cell(k, row, false);
                        out.extend_from_slice(cell.as_bytes());
                        hasher.text(Some(cell.as_bytes()));
                    }
                    None => {
                        out.extend_from_slice(b"\\N");
                        hasher.text(None);
                    }
                }
            }
            hasher.end_row();
            out.extend_from_slice(format!("\t{}\n", hasher.finish().remove(0)).as_bytes());
        }
        out
    }
}
