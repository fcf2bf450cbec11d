use std::time::Instant;

use cds_hub::Hub;
use serde::Serialize;
use sqlx::{Postgres, Transaction};

use crate::Failure;
use crate::arguments::Workers;
use crate::client::{Told, Working};
use crate::meter::load;
use crate::record::Record;
use crate::site::Site;

/// Patients that a worker has taken from the queue. The row stays locked until the slice is done, so that another
/// worker takes it again where this one dies.
pub struct Slice {
    transaction: Transaction<'static, Postgres>,
    number: i32,
    patients: Vec<String>,
}

/// The next slice nobody works on; `None` where there is none left.
pub async fn take(queue: &Hub) -> Result<Option<Slice>, Failure> {
    let mut transaction = queue.pool().begin().await?;
    let row: Option<(i32, Vec<String>)> = sqlx::query_as(
        "SELECT number, patients FROM slice WHERE NOT done ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|(number, patients)| Slice {
        transaction,
        number,
        patients,
    }))
}

impl Slice {
    /// Whose resources are to be loaded.
    pub fn patients(&self) -> &[String] {
        &self.patients
    }

    /// Takes the slice off the queue.
    pub async fn done(mut self) -> Result<(), Failure> {
        sqlx::query("UPDATE slice SET done = true WHERE number = $1")
            .bind(self.number)
            .execute(&mut *self.transaction)
            .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

/// Where the workers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Layout {
    /// One hub: its lock lets one import in at a time.
    OneHub,
    /// A hub each, in databases of the same server.
    HubEach,
}

/// One measurement.
#[derive(Debug, Serialize)]
struct Crew {
    workers: u32,
    layout: Layout,
    resources: u64,
    typed_rows: u64,
    seconds: f64,
    resources_per_second: f64,
    /// Of all clients together.
    client_cpu_seconds: f64,
    database_cpu_seconds: f64,
    server_cpu_seconds: f64,
    /// The largest client's.
    peak_bytes: u64,
    /// Slices the busiest and the idlest worker did.
    most_slices: u64,
    fewest_slices: u64,
    load: f64,
}

/// Measures each number of workers, with one hub and with a hub each.
pub fn run(arguments: &Workers) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let input = &arguments.input;
        let mut record = Record::new(input.results.as_deref());
        let site = Site::open(input.seed, arguments.resources, input.format).await?;
        record.line(&format!(
            "{} patients, {} in a slice, {}; workers take slices from a queue in PostgreSQL (FOR UPDATE SKIP LOCKED)",
            site.patients(),
            arguments.slice,
            input.format.word()
        ));
        record.line(&format!(
            "{:>7} {:<9} {:>9} {:>10} {:>8} {:>11} {:>8} {:>10} {:>10} {:>10} {:>7}",
            "workers", "layout", "resources", "typed rows", "s", "resources/s", "speed-up", "client CPU", "database", "peak MB", "slices"
        ));
        let mut crews: Vec<Crew> = Vec::new();
        for layout in [Layout::OneHub, Layout::HubEach] {
            for &workers in &arguments.workers {
                if layout == Layout::HubEach && workers == 1 {
                    continue;
                }
                let crew = measure(&site, arguments, workers, layout).await?;
                let first = crews.first().map_or(crew.seconds, |c| c.seconds);
                record.line(&line(&crew, first));
                crews.push(crew);
            }
        }
        let command = format!(
            "benches workers --resources {} --slice {} --format {}",
            arguments.resources,
            arguments.slice,
            input.format.word()
        );
        record.file("workers", &command, &crews)
    })
}

async fn measure(site: &Site, arguments: &Workers, workers: u32, layout: Layout) -> Result<Crew, Failure> {
    let queue = site.hub("queue").await?;
    let database = |worker: u32| match layout {
        Layout::OneHub => "crew_0".to_owned(),
        Layout::HubEach => format!("crew_{worker}"),
    };
    let mut hubs = Vec::new();
    for worker in 0..workers {
        if worker == 0 || layout == Layout::HubEach {
            hubs.push(database(worker));
            site.hub(&database(worker)).await?.close().await;
        }
    }
    fill(&queue, site, arguments.slice).await?;
    // All written before the first worker reads: workers of one hub share them.
    let configurations: Result<Vec<_>, Failure> = (0..workers)
        .map(|worker| site.configuration(&database(worker), 0..1, 0))
        .collect();
    let configurations = configurations?;
    let cpu = (site.database().cpu_seconds(), site.server().cpu_seconds());
    let begun = Instant::now();
    let working: Result<Vec<Working>, Failure> = configurations
        .iter()
        .map(|config| Working::start(config, Some(&site.url_of("queue"))))
        .collect();
    let working = working?;
    let told: Result<Vec<Told>, Failure> = working.into_iter().map(Working::told).collect();
    let told = told?;
    let seconds = begun.elapsed().as_secs_f64();
    let crew = Crew {
        workers,
        layout,
        resources: told.iter().map(|t| t.resources).sum(),
        typed_rows: told.iter().map(|t| t.typed_rows).sum(),
        seconds,
        resources_per_second: told.iter().map(|t| t.resources).sum::<u64>() as f64 / seconds,
        client_cpu_seconds: told.iter().map(|t| t.cpu_seconds).sum(),
        database_cpu_seconds: site.database().cpu_seconds() - cpu.0,
        server_cpu_seconds: site.server().cpu_seconds() - cpu.1,
        peak_bytes: told.iter().map(|t| t.peak_bytes).max().unwrap_or_default(),
        most_slices: told.iter().map(|t| t.runs).max().unwrap_or_default(),
        fewest_slices: told.iter().map(|t| t.runs).min().unwrap_or_default(),
        load: load(),
    };
    queue.close().await;
    site.forget("queue").await?;
    for hub in hubs {
        site.forget(&hub).await?;
    }
    Ok(crew)
}

/// The queue: patients in slices.
async fn fill(queue: &Hub, site: &Site, slice: u32) -> Result<(), Failure> {
    sqlx::raw_sql("CREATE TABLE slice (number int PRIMARY KEY, patients text[] NOT NULL, done boolean NOT NULL DEFAULT false)")
        .execute(queue.pool())
        .await?;
    let patients: Vec<u32> = (0..site.patients()).collect();
    for (number, slice) in (1_i32..).zip(patients.chunks(slice.max(1) as usize)) {
        let ids: Vec<String> = slice.iter().map(|&n| site.patient(n)).collect();
        sqlx::query("INSERT INTO slice (number, patients) VALUES ($1, $2)")
            .bind(number)
            .bind(ids)
            .execute(queue.pool())
            .await?;
    }
    Ok(())
}

fn line(crew: &Crew, first: f64) -> String {
    let layout = match crew.layout {
        Layout::OneHub => "one hub",
        Layout::HubEach => "hub each",
    };
    format!(
        "{:>7} {layout:<9} {:>9} {:>10} {:>8.1} {:>11.0} {:>8.2} {:>10.1} {:>10.1} {:>10.0} {:>7}",
        crew.workers,
        crew.resources,
        crew.typed_rows,
        crew.seconds,
        crew.resources_per_second,
        first / crew.seconds,
        crew.client_cpu_seconds,
        crew.database_cpu_seconds,
        crew.peak_bytes as f64 / 1e6,
        format!("{}–{}", crew.fewest_slices, crew.most_slices),
    )
}
