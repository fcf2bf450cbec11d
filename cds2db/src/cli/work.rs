use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use work_dir::whole::Whole;
use work_dir::{Layout, Runs};

use super::{
    work_check, work_export, work_inspect, work_rebuild, work_register, work_release, work_report,
    work_status,
};
use crate::run::{DirectoryOptions, RunDirectory};
use crate::{Error, ErrorKind, Result};

/// What a run left in its directory: state, tests, report.
#[derive(Debug, Subcommand)]
pub(super) enum Work {
    /// Show which tables are done, and what to type next
    Status(work_status::Status),
    /// Write the report: outputs/index.html and a page a table
    Report(work_report::Report),
    /// Test the data
    Check(work_check::Check),
    /// Make the standing whole, current/, anew of what the hub has
    Rebuild(Box<work_rebuild::Rebuild>),
    /// Write what the hub has, or had at a moment, as Parquet files divided by patient
    Export(Box<work_export::Export>),
    /// Forget tables and remove what their load left, so that the next run loads them again
    Override(Override),
    /// Let held resources of a table through, or a signal's final files, the next time
    Release(work_release::Release),
    /// Print a table's typed rows as comma-separated text with a header
    Rows(Rows),
    /// Register a finished run's files, or the standing whole, in the journal of what a site submits
    Register(work_register::Register),
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

/// Print typed rows.
#[derive(Debug, Args)]
pub(super) struct Rows {
    /// The table, in lower case
    table: String,
    /// Those of the standing whole, with the run that brought each, instead of those that the run brought
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    place: Place,
}

/// Forget tables.
#[derive(Debug, Args)]
pub(super) struct Override {
    /// Tables to load again, in lower case; `all` for every table
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
            Self::Rebuild(rebuild) => rebuild.run(),
            Self::Export(export) => export.run(),
            Self::Override(tables) => tables.run(),
            Self::Release(release) => release.run(),
            Self::Rows(rows) => rows.run(),
            Self::Register(register) => register.run(),
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

impl Rows {
    fn run(&self) -> Result<ExitCode> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        if self.whole {
            let whole = Whole::at(&self.place.dir);
            return work_dir::write_whole_rows(&whole, &self.table, &mut out)
                .map(|()| ExitCode::SUCCESS)
                .map_err(|e| failed(&self.place.dir, e));
        }
        let layout = self.place.layout()?;
        work_dir::write_rows(&layout, &self.table, &mut out).map_err(|e| failed(layout.root(), e))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Override {
    fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let directory = RunDirectory::at(layout, DirectoryOptions::default())?;
        directory.override_tables(&self.tables)?;
        println!(
            "{} removed from the run in {}; next: the command of that run loads them again",
            self.tables.join(", "),
            directory.layout().root().display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn failed(directory: &Path, error: work_dir::Error) -> Error {
    Error::new(ErrorKind::File, format!("the run in {}", directory.display())).because(error)
}
