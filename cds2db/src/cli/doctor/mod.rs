//! `doctor`: what a maintainer needs to know of a site, and nothing that a patient, a password or an address would say.

mod configuration;
mod finding;
mod hub;
mod machine;
mod runs;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use site_config::exit_code;

use crate::Result;
use finding::Findings;

/// Collect what a maintainer needs.
///
/// Versions, configuration, hub, server, disk, clocks and the last runs. Names of keys are shown and never what they are set
/// to; errors by their kind. The output holds no patient, no secret and no address, and can be sent as it is.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The configuration file
    #[arg(default_value = "cds2db_config.toml")]
    file: PathBuf,
    /// Directory of the runs
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one line of JSON instead
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut found = Findings::default();
        machine::look(&mut found, &self.dir);
        let settings = configuration::look(&mut found, &self.file);
        runs::look(&mut found, &self.dir);
        if let Some(settings) = settings {
            super::block_on(async {
                hub::look(&mut found, &settings).await;
                server::look(&mut found, &settings).await;
                Ok(())
            })?;
        }
        if self.json {
            println!(
                "{}",
                json!({"sound": !found.has_faults(), "findings": found.lines})
            );
        } else {
            print!("{found}");
        }
        Ok(ExitCode::from(match found.has_faults() {
            true => exit_code::FAILED,
            false => exit_code::DONE,
        }))
    }
}
