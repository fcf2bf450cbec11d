use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use site_config::exit_code;

use super::keeping::Keeping;
use super::watched::Watching;
use super::{Bars, config, describe, logs, report, zone};
use crate::progress::Progress;
use crate::run::{RunDirectory, Scope, connect_telling, outline};
use crate::{Error, ErrorKind, Result, Summary};

/// The daily retrieval by a configuration file.
#[derive(Debug, Args)]
pub(super) struct Retrieve {
    /// The configuration file
    #[arg(default_value = "cds2db_config.toml")]
    file: PathBuf,
    /// Set a key for this run: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Table description instead of that of the hub (workbook, CSV file or folder; the word default for the built-in one)
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Directory for summary.json and for the directories of runs (runs/DATE_TIME); a run that was interrupted goes on there
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Seconds to wait for server and database (30 where not given), and for the hub's lock (without end)
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Print the summary as one line of JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Show the requests without sending any; ids and moments that only answers tell are left open
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    keeping: Keeping,
}

impl Retrieve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut config = config::read(&self.file, &self.sets)?;
        config.settings.wait_seconds = self.wait;
        let bars = Bars::default();
        config
            .notes
            .iter()
            .for_each(|note| bars.note(&format!("note: {note}")));
        let description = describe::given(self.description.as_deref(), &config.settings)?;
        if self.dry_run || config.settings.request_test {
            let description = description.unwrap_or_else(table_description::default_description);
            let requests = outline(&config.settings, &description, &zone());
            // The key's name says: the first request only.
            let shown = if self.dry_run { requests.len() } else { 1 };
            let base = config.settings.server.endpoint.trim_end_matches('/');
            for request in requests.iter().take(shown) {
                match request.split_once(' ') {
                    Some((verb @ ("GET" | "POST"), rest)) => println!("{verb} {base}/{rest}"),
                    _ => println!("{request}"),
                }
            }
            return Ok(ExitCode::SUCCESS);
        }
        let options = self.keeping.options(config.settings.max_dir_count)?;
        let directory = RunDirectory::open(&self.dir, options)?;
        logs::start(directory.layout(), config.settings.verbose)?;
        directory.notes().iter().for_each(|note| bars.note(note));
        let mut watched = self.watching.of(bars, "run");
        watched.ready();
        let run = super::block_on(async {
            let run = async {
                let connected = connect_telling(&config.settings, description, &watched).await?;
                let run = connected.run(&config.settings, &Scope::Patients, &watched);
                let summary = run.execute_kept(directory.layout().base(), &directory).await?;
                Ok::<_, Error>((connected.description, summary))
            };
            tokio::select! {
                done = run => done,
                never = watched.signs_of_life() => match never {},
                () = super::interrupted() => Err(Error::new(ErrorKind::Stopped, "stopped; what was fetched is kept, the same command goes on with it")),
            }
        });
        let kept = run.and_then(|(description, summary)| {
            watched.closing();
            directory.finish(&description, &summary)?;
            Ok(summary)
        });
        watched.ended(kept.as_ref().ok().map(std::iter::once));
        let summary = match kept {
            Ok(summary) => summary,
            // The figures of the run before would say that all is well.
            Err(error) => {
                let summary = Summary::failed(&error);
                summary.write(&self.dir)?;
                if self.json {
                    println!("{}", summary.json_line());
                }
                return Err(error);
            }
        };
        summary.write(&self.dir)?;
        if self.json {
            println!("{}", summary.json_line());
        } else {
            print!("\n{}", report(&summary));
        }
        if !self.json && !config.settings.debug.active.is_empty() {
            println!(
                "WARNING: DEBUG_ keys were in use: {}",
                config.settings.debug.active.join(", ")
            );
        }
        Ok(if summary.complete {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(exit_code::INCOMPLETE)
        })
    }
}
