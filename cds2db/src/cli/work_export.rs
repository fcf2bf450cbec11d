//! What the hub has, for an engine that reads Parquet.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use work_dir::whole::Whole;

use super::{config, describe};
use crate::error::hub_error;
use crate::run::{ExportOptions, connect, export};
use crate::{Error, ErrorKind, Result};

/// Write what the hub has, or had at a moment, as Parquet files divided by patient.
///
/// Of every resource that is not marked as gone the last version: as in the standing whole, a folder a table below
/// DIR/current, its files divided by a hash of the patient. Readers of DIR see the old files until the new ones are done.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Where to write
    target: PathBuf,
    /// The configuration file, which names the hub
    #[arg(default_value = "cds2db_config.toml")]
    file: PathBuf,
    /// Set a key for this time: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// A moment of the past such as "2026-01-31 07:00"
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<String>,
    /// Connections that read side by side; as many as LOAD_CONNECTIONS says or the hub's server has cores where not given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: Option<u16>,
    /// Table description instead of the hub's (workbook, CSV file or folder)
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
}

/// Connections where nobody said how many, at most.
const MOST: usize = 8;

impl Export {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let config = config::read(&self.file, &self.sets)?;
        let made = super::block_on(async {
            let (_, hub) = connect(&config.settings).await?;
            let description = match &self.description {
                Some(file) => describe::read(file)?,
                None => {
                    let kept = hub.tables_to_keep().await;
                    kept.map_err(|e| hub_error("reading what the hub was made for", e))?
                        .fhir
                }
            };
            let cores = hub.load_connections().await;
            let cores = cores.map_err(|e| hub_error("asking for the server's cores", e))?;
            let set = self
                .connections
                .map(usize::from)
                .or(config.settings.load_connections);
            let options = ExportOptions {
                connections: set.unwrap_or_else(|| cores.unwrap_or(1).min(MOST)),
                as_of: self.as_of.as_deref(),
                with_precision: config.settings.date_precision,
            };
            export(&hub, &description, &self.target, &options).await
        })?;
        let rows = made.kept.rows.iter().filter(|(_, rows)| **rows > 0);
        for (table, rows) in rows {
            println!("{table:<28}{rows:>12} rows");
        }
        let root = Whole::at(&self.target).root();
        if made.kept.rows.values().all(|rows| *rows == 0) {
            let text = format!("{}: the hub has no rows to export", root.display());
            return Err(Error::new(ErrorKind::Hub, text));
        }
        println!(
            "{} holds what the hub held up to run {}",
            root.display(),
            made.run
        );
        Ok(ExitCode::SUCCESS)
    }
}
