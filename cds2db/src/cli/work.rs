use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use work_dir::{Layout, Runs, WorkDir};

use super::{work_check, work_inspect, work_report};
use crate::{Error, ErrorKind, Result};

/// What a run left in its directory: state, tests, report.
#[derive(Debug, Subcommand)]
pub(super) enum Work {
    /// Show which tables are done, and what to type next
    Status(Status),
    /// Write the report: outputs/index.html and a page a table
    Report(work_report::Report),
    /// Test the data
    Check(work_check::Check),
    /// Forget tables and remove what their load left, so that the next run loads them again
    Override(Override),
    /// A SQL prompt over the run's files
    Inspect(work_inspect::Inspect),
}

/// Which run is meant.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Directory of a run, or the directory given to `cds2db run`: then its last run is meant
    #[arg(long, default_value = ".")]
    pub(super) dir: PathBuf,
}

/// Show which tables are done.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    place: Place,
}

/// Forget tables.
#[derive(Debug, Args)]
pub(super) struct Override {
    /// Tables to load again, in lower case
    #[arg(required = true, value_name = "TABLE")]
    tables: Vec<String>,
    #[command(flatten)]
    place: Place,
}

impl Work {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Status(status) => status.run(),
            Self::Report(report) => report.run(),
            Self::Check(check) => check.run(),
            Self::Override(tables) => tables.run(),
            Self::Inspect(inspect) => inspect.run(),
        }
    }
}

impl Place {
    /// The run that is meant.
    pub(super) fn layout(&self) -> Result<Layout> {
        let found = Runs::locate(&self.dir).map_err(|e| failed(&self.dir, e))?;
        found.ok_or_else(|| {
            let text = format!(
                "{} is no run's directory and has no run below it; give --dir the directory of cds2db run or demo",
                self.dir.display()
            );
            Error::new(ErrorKind::File, text)
        })
    }
}

impl Status {
    fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let work = WorkDir::open(layout.root()).map_err(|e| failed(layout.root(), e))?;
        println!("run in {}", layout.root().display());
        for (name, at, status) in work.units() {
            println!("{name:<28}{}  {status}", at.strftime("%Y-%m-%d %H:%M:%S"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Override {
    fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let mut work = WorkDir::open(layout.root()).map_err(|e| failed(layout.root(), e))?;
        for table in &self.tables {
            work.forget(table).map_err(|e| failed(layout.root(), e))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn failed(directory: &Path, error: work_dir::Error) -> Error {
    Error::new(ErrorKind::File, format!("the run in {}", directory.display())).because(error)
}
