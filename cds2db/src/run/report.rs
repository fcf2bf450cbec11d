//! What a run leaves behind it for its readers: figures and pages.

use std::path::Path;

use table_description::Description;
use work_dir::Layout;
use work_dir::report::{ReportOptions, write};
use work_dir::whole::{FinalState, Whole};

use super::RunDirectory;
use super::kept::fault::lock;
use crate::{Error, ErrorKind, Result, Summary};

impl RunDirectory {
    /// Draws the run's own signals, removes the pages and writes the figures; the run is finished
    /// with that, and the report is written.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(&self, description: &Description, summary: &Summary) -> Result<()> {
        self.keep_signals(description)?;
        lock(&self.work).remove_spools().map_err(|e| self.failed(e))?;
        summary.write(self.layout().root())?;
        report(self.layout(), description)
    }
}

impl RunDirectory {
    /// Draws the run's own signals.
    fn keep_signals(&self, description: &Description) -> Result<()> {
        let signals = self.final_signals()?;
        signals.write_signals(description).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Replaces the final files below `base` that pass the strict rules, drawn from the standing whole there.
    pub(super) fn write_final(&self, base: &Path, run: i32, description: &Description) -> Result<FinalState> {
        self.final_signals()?
            .write_final(&Whole::at(base), run, description)
            .map_err(|e| self.failed(e))
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
