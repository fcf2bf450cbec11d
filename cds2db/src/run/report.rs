//! What a run leaves behind it for its readers: figures and pages.

use table_description::Description;
use work_dir::report::{ReportOptions, write};
use work_dir::{Layout, Status, write_rep_configs};

use super::RunDirectory;
use super::kept::fault::lock;
use crate::{Error, ErrorKind, Result, Summary};

impl RunDirectory {
    /// Writes what whoever loads the rows elsewhere needs, removes the pages and writes the figures; the run is finished
    /// with that, and the report is written.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(&self, description: &Description, summary: &Summary) -> Result<()> {
        write_rep_configs(self.layout(), description).map_err(|e| self.failed(e))?;
        self.keep_signals(description)?;
        lock(&self.work).remove_spools().map_err(|e| self.failed(e))?;
        summary.write(self.layout().root())?;
        report(self.layout(), description)
    }
}

impl RunDirectory {
    /// Draws the run's signals, adds its rows to the standing whole and replaces the final files that pass the strict rules.
    fn keep_signals(&self, description: &Description) -> Result<()> {
        let signals = self.final_signals()?;
        signals.write_signals(description).map_err(|e| self.failed(e))?;
        let run = self.record().and_then(|record| record.import).unwrap_or_default();
        let is_out = |table: &str| {
            lock(&self.work)
                .status(table)
                .is_some_and(|status| status != Status::Completed)
        };
        let state = signals
            .keep_whole(run, description, &is_out)
            .map_err(|e| self.failed(e))?;
        for (signal, why) in state.kept_back() {
            tracing::warn!(signal, "final files stay at their last good state: {why}");
        }
        Ok(())
    }
}

/// Writes the pages that show a run.
fn report(layout: &Layout, description: &Description) -> Result<()> {
    write(layout, Some(description), &ReportOptions::default())
        .map(drop)
        .map_err(|e| {
            let text = format!("the report of the run in {}", layout.root().display());
            Error::new(ErrorKind::File, text).because(e)
        })
}
