use std::process::ExitCode;

use clap::Args;

use super::work::Place;
use crate::Result;

/// Write the report.
#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(flatten)]
    place: Place,
}

impl Report {
    pub(super) fn run(self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        println!("run in {}", layout.root().display());
        Ok(ExitCode::SUCCESS)
    }
}
