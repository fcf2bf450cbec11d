//! Letting through what waits since a test holds it or keeps it back.

use std::process::ExitCode;

use clap::Args;
use work_dir::checks::Released;
use work_dir::whole::FinalState;

use super::work::{Place, failed};
use crate::{Error, ErrorKind, Result};

/// Let held resources or a signal's final files through.
#[derive(Debug, Args)]
pub(super) struct Release {
    /// The table in lower case, or the signal
    name: String,
    /// Resources by id; all of the table that wait where none is given
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    place: Place,
}

impl Release {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let here = |e| failed(layout.root(), e);
        let released = Released::add(&layout, &self.name, &self.ids).map_err(here)?;
        if released > 0 {
            println!(
                "{released} resources of {} are handed on by the next run",
                self.name
            );
            return Ok(ExitCode::SUCCESS);
        }
        let state = FinalState::read(layout.base()).map_err(here)?;
        if state.kept_back().any(|(signal, _)| signal == self.name) {
            FinalState::release(layout.base(), &self.name).map_err(here)?;
            println!("the final files of {} are replaced by the next run", self.name);
            return Ok(ExitCode::SUCCESS);
        }
        let text = format!(
            "nothing of {} waits; `cds2db work status` lists what does",
            self.name
        );
        Err(Error::new(ErrorKind::Data, text))
    }
}
