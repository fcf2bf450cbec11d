use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;
use site_config::exit_code;

use super::watched::Watching;
use super::{Bars, config, describe, report};
use crate::backfill::{Backfill as Plan, Place, Slice};
use crate::config::Settings;
use crate::progress::Progress;
use crate::run::connect_telling;
use crate::{Error, ErrorKind, Result};

/// Load what the daily run never saw.
///
/// What is loaded stands in the configuration (DATA_IMPORT_…) or is given here. Finished slices are remembered in
/// --dir, so the same command goes on where it was interrupted.
#[derive(Debug, Args)]
pub(super) struct Backfill {
    /// The configuration file
    #[arg(default_value = "cds2db_config.toml")]
    file: PathBuf,
    /// Set a key for this run: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Date>,
    /// Last day, included; today where not given
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<Date>,
    /// Only these resource types, without touching the watermarks
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// Table description instead of that of the hub (workbook, CSV file or folder; the word default for the built-in one)
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Seconds to wait for server and database, and for the hub's lock
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Print the summaries as JSON, one a line, instead of tables
    #[arg(long)]
    json: bool,
    /// Directory that remembers finished slices
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    watching: Watching,
}

impl Backfill {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut config = config::read(&self.file, &self.sets)?;
        config.settings.wait_seconds = self.wait;
        let bars = Bars::default();
        let debug = std::mem::take(&mut config.settings.debug);
        if !debug.active.is_empty() {
            let keys = debug.active.join(", ");
            bars.note(&format!("note: a backfill takes no notice of {keys}"));
        }
        let plan = Plan {
            slices: self.slices(&config.settings)?,
            resources: match self.resource.is_empty() {
                true => config.settings.import.resources.clone(),
                false => self.resource.clone(),
            },
        };
        let description = describe::given(self.description.as_deref(), &config.settings)?;
        let mut watched = self.watching.of(bars, "backfill");
        watched.ready();
        let loaded = super::block_on(async {
            let connected = connect_telling(&config.settings, description, &watched).await?;
            let place = Place {
                settings: &config.settings,
                description: &connected.description,
                client: &connected.client,
                hub: &connected.hub,
                progress: &watched,
                directory: &self.dir,
            };
            tokio::select! {
                summaries = plan.run(place) => summaries,
                never = watched.signs_of_life() => match never {},
                () = super::interrupted() => Err(Error::new(ErrorKind::Stopped, "stopped; finished slices are kept, the same command goes on behind them")),
            }
        });
        let parts = loaded.as_ref().ok();
        watched.ended(parts.map(|parts| parts.iter().map(|(_, summary)| summary)));
        let summaries = loaded?;
        let mut complete = true;
        for (name, summary) in &summaries {
            complete &= summary.complete;
            if self.json {
                println!("{}", summary.json_line());
            } else {
                print!("\n{name}\n{}", report(summary));
            }
        }
        if !self.json {
            println!("{} slices loaded", summaries.len());
        }
        Ok(if complete {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(exit_code::INCOMPLETE)
        })
    }

    fn slices(&self, settings: &Settings) -> Result<Vec<Slice>> {
        let import = &settings.import;
        let day = |text: &str| text.get(..10).and_then(|d| d.parse::<Date>().ok());
        let from = self.from.or_else(|| import.range_start.as_deref().and_then(day));
        let to = self.to.or_else(|| import.range_end.as_deref().and_then(day));
        let lists = [
            (&import.patients, Slice::Patients as fn(Vec<String>) -> Slice),
            (&import.encounters, Slice::Encounters),
            (&import.identifiers, Slice::Identifiers),
        ];
        let mut given: Vec<Vec<Slice>> = lists
            .iter()
            .filter(|(ids, _)| !ids.is_empty())
            .map(|(ids, slice)| vec![slice((*ids).clone())])
            .collect();
        if let Some(from) = from {
            given.push(Slice::days(from, to.unwrap_or_else(|| jiff::Zoned::now().date())));
        }
        match given.as_mut_slice() {
            [one] => Ok(std::mem::take(one)),
            [] => Err(Error::new(
                ErrorKind::Config,
                "nothing to load: give --from, or one of the DATA_IMPORT_… keys",
            )),
            _ => Err(Error::new(
                ErrorKind::Config,
                "give one of: a range of days, patients, encounters, identifiers",
            )),
        }
    }
}
