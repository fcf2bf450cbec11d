use std::process::ExitCode;

use clap::Args;

use super::work::Place;
use crate::Result;

/// A SQL prompt over the files of a run.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The table to begin with, in lower case
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        println!("run in {}", layout.root().display());
        Ok(ExitCode::SUCCESS)
    }
}
