use std::process::ExitCode;

use clap::Args;
use work_dir::report::{ReportOptions, write};

use super::work::Place;
use super::work_check::{Compared, failed};
use crate::Result;

/// Write the report.
///
/// The pages need no network and no other file. What belongs to few patients is hidden in them, so that they may leave the
/// clinic; outputs/tests.json and the logs beside them are not masked.
#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    compared: Compared,
    /// Show numbers as they are; otherwise they are rounded to multiples of 5, so that nothing hidden can be worked out
    #[arg(long)]
    exact: bool,
}

impl Report {
    pub(super) fn run(self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let description = self.compared.description()?;
        let options = ReportOptions {
            few: self.compared.few,
            exact: self.exact,
            rules: self.compared.rules.clone(),
            before: self.compared.before.clone(),
        };
        let written = write(&layout, Some(&description), &options).map_err(|e| failed(&layout, e))?;
        println!(
            "{} and {} pages of tables",
            written.index.display(),
            written.tables
        );
        Ok(ExitCode::SUCCESS)
    }
}
