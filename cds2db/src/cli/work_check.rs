use std::process::ExitCode;

use clap::Args;

use super::work::Place;
use crate::Result;

/// Test the data.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    place: Place,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        println!("run in {}", layout.root().display());
        Ok(ExitCode::SUCCESS)
    }
}
