use std::path::Path;
use std::process::{Child, Command, Stdio};

use cds_hub::Hub;
use cds2db::Summary;
use cds2db::config::{Config, Overrides};
use cds2db::progress::Silent;
use cds2db::run::{DirectoryOptions, Given, Run, RunDirectory, Scope, connect, connect_telling};
use serde::{Deserialize, Serialize};
use table_description::default_description;

use crate::arguments::Client;
use crate::meter::own_cpu_seconds;
use crate::{Failure, crew, say};

/// What a client tells of its run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// What cds2db counted; of several runs the last one's, with the sums below.
    pub summary: Summary,
    /// Resources downloaded.
    pub resources: u64,
    /// Typed rows stored.
    pub typed_rows: u64,
    /// Wall time of the run, or of all of them, in seconds.
    pub seconds: f64,
    /// User and system time of the process.
    pub cpu_seconds: f64,
    /// Largest resident memory of the process in bytes.
    pub peak_bytes: u64,
    /// Runs, one unless the patients came from a queue.
    pub runs: u64,
}

/// Runs cds2db as a configuration file says, once or until the queue is empty, and prints what it tells.
pub fn work(arguments: &Client) -> Result<(), Failure> {
    let config = Config::read(&arguments.config, &Overrides::default()).map_err(|faults| {
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        match &arguments.queue {
            None => once(&config, &arguments.config.with_extension("runs")).await,
            Some(url) => from_queue(&config, url).await,
        }
    })?;
    say(&serde_json::to_string(&told)?);
    Ok(())
}

/// What `cds2db run` does: files, tests of the data, hub, report.
async fn once(config: &Config, directory: &Path) -> Result<Told, Failure> {
    let settings = &config.settings;
    let begun = std::time::Instant::now();
    let directory = RunDirectory::open(directory, DirectoryOptions::default())?;
    let connected = connect_telling(settings, None, &Silent).await?;
    let run = connected.run(settings, &Scope::Patients, &Silent);
    let summary = run.execute_in(&directory).await?;
    directory.finish(&connected.description, &summary)?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Told::new(seconds).and(summary))
}

async fn from_queue(config: &Config, url: &str) -> Result<Told, Failure> {
    let description = default_description();
    let queue = Hub::connect(url).await?;
    let (client, hub) = connect(&config.settings).await?;
    let begun = std::time::Instant::now();
    let mut told = Told::new(0.0);
    while let Some(slice) = crew::take(&queue).await? {
        let scope = Scope::Given(Given {
            patients: slice.patients().to_vec(),
            move_watermarks: true,
            ..Given::default()
        });
        let run = Run {
            settings: &config.settings,
            description: &description,
            client: &client,
            hub: &hub,
            scope: &scope,
            progress: &Silent,
        };
        let summary = run.execute().await?;
        slice.done().await?;
        told = told.and(summary);
    }
    told.seconds = begun.elapsed().as_secs_f64();
    Ok(told)
}

impl Told {
    fn new(seconds: f64) -> Self {
        Self {
            summary: Summary::default(),
            resources: 0,
            typed_rows: 0,
            seconds,
            cpu_seconds: 0.0,
            peak_bytes: 0,
            runs: 0,
        }
    }

    fn and(mut self, summary: Summary) -> Self {
        self.resources += downloaded(&summary);
        self.typed_rows += summary.tables.values().map(|t| t.typed_new).sum::<u64>();
        self.cpu_seconds = own_cpu_seconds();
        self.peak_bytes = cds2db::peak_rss_bytes();
        self.runs += 1;
        self.summary = summary;
        self
    }
}

/// Resources from the server; the list of wards is none.
fn downloaded(summary: &Summary) -> u64 {
    let tables = summary.tables.iter().filter(|(name, _)| *name != "pids_per_ward");
    tables.map(|(_, table)| table.downloaded).sum()
}

/// A client process that is at work.
pub struct Working(Child);

impl Working {
    /// Starts one.
    pub fn start(config: &Path, queue: Option<&str>) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("client").arg(config);
        if let Some(queue) = queue {
            command.args(["--queue", queue]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        Ok(Self(child))
    }

    /// Waits for its end and reads what it tells.
    pub fn told(self) -> Result<Told, Failure> {
        let output = self.0.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("the client failed: {}", text.trim()).into());
        }
        let told: Told = serde_json::from_str(text.lines().last().unwrap_or_default())?;
        if told.runs > 0 && !told.summary.complete {
            return Err(format!(
                "the run is incomplete: {}",
                told.summary
                    .incomplete
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ")
            )
            .into());
        }
        Ok(told)
    }
}
