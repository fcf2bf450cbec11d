//! What waits since a test holds it or keeps it back, and letting it through.

use std::process::ExitCode;

use clap::Args;
use work_dir::Layout;
use work_dir::checks::{Clearance, Released, Results, Severity, Verdict};
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

/// Prints what is remarked, what waits and what is kept back.
pub(super) fn waiting(layout: &Layout) -> Result<()> {
    let here = |e| failed(layout.root(), e);
    for (table, results) in Results::read(layout).map_err(here)?.tables {
        let failures = results.whole.iter().filter(|o| o.verdict == Verdict::Failed);
        for outcome in failures {
            let word = match outcome.severity {
                Severity::Stop => "stopped",
                Severity::Hold => "held",
                _ => "remark",
            };
            println!(
                "{word}: {table}: {} {}: {}",
                outcome.test, outcome.place, outcome.found
            );
        }
    }
    for (table, held) in Clearance::read_held(layout).map_err(here)? {
        println!(
            "{} resources of {table} wait, listed in {}",
            held.len(),
            layout.held().display()
        );
    }
    let state = FinalState::read(layout.base()).map_err(here)?;
    for (signal, why) in state.kept_back() {
        println!("final files of {signal} stay as they were: {why}");
    }
    for (signal, standing) in &state.signals {
        for found in &standing.drift {
            println!("drift: {signal}: {found}");
        }
    }
    Ok(())
}
