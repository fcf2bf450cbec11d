//! The standing whole, made anew.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cds_hub::Hub;
use cds_hub::cluster::{Cluster, ClusterOptions};
use clap::Args;
use table_description::Description;
use work_dir::whole::Whole;
use work_dir::{FinalSignals, Id2Nr, Layout, Runs};

use super::keeping::Numbering;
use super::work::failed;
use super::{config, describe};
use crate::error::hub_error;

use crate::Result;
use crate::run::{BroughtUp, connect, rebuild};

/// Make the standing whole anew.
///
/// Of every resource that the hub has and that is not marked as gone, current/ gets the last version; the final files of the
/// signals that pass the strict rules follow. Readers see the old state until the new one is done.
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// The configuration file, which names the hub; cds2db_config.toml where not given, or the database of a demo in DIR
    file: Option<PathBuf>,
    /// Set a key for this time: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// The directory given to `cds2db run`
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Table description instead of the built-in one (workbook, CSV file or folder)
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    #[command(flatten)]
    numbering: Numbering,
}

impl Rebuild {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let description = match &self.description {
            Some(file) => describe::read(file)?,
            None => table_description::default_description(),
        };
        let demo = self.dir.join("postgres");
        let made = if self.file.is_none() && demo.is_dir() {
            let cluster = Cluster::open(&demo, &ClusterOptions::supervised());
            let cluster = cluster.map_err(|e| hub_error("starting the demo's database", e))?;
            let url = cluster.url();
            super::block_on(async {
                let hub = Hub::connect(&url).await;
                let hub = hub.map_err(|e| hub_error("connecting to the hub", e))?;
                let before = Whole::at(&self.dir)
                    .standing()
                    .map_err(|e| failed(&self.dir, e))?;
                let with_precision = before.is_some_and(|standing| standing.with_precision);
                rebuild(&hub, &description, &self.dir, with_precision).await
            })?
        } else {
            let file = self.file.as_deref().unwrap_or(Path::new("cds2db_config.toml"));
            let config = config::read(file, &self.sets)?;
            super::block_on(async {
                let (_, hub) = connect(&config.settings).await?;
                rebuild(&hub, &description, &self.dir, config.settings.date_precision).await
            })?
        };
        self.finish(&description, &made)
    }

    fn finish(&self, description: &Description, made: &BroughtUp) -> Result<ExitCode> {
        let here = |e| failed(&self.dir, e);
        let whole = Whole::at(&self.dir);
        let newest = Runs::below(&self.dir).all().map_err(here)?.pop();
        let layout = newest.unwrap_or_else(|| Layout::new(&self.dir));
        let ids = Id2Nr::open(&layout, self.numbering.pseudonym()?).map_err(here)?;
        let state = FinalSignals::new(layout, None, ids)
            .write_final(&whole, made.run, description)
            .map_err(here)?;
        for (table, rows) in made.kept.rows.iter().filter(|(_, rows)| **rows > 0) {
            println!("{table:<28}{rows:>12} rows");
        }
        for (signal, why) in state.kept_back() {
            println!("final files of {signal} stay as they were: {why}");
        }
        println!(
            "{} holds what the hub holds up to run {}",
            whole.root().display(),
            made.run
        );
        Ok(ExitCode::SUCCESS)
    }
}
