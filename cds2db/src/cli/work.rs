use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use work_dir::whole::Whole;
use work_dir::{Layout, Runs, WorkDir};

use super::{work_check, work_inspect, work_rebuild, work_register, work_release, work_report};
use crate::run::{DirectoryOptions, RunDirectory, by_table};
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
    /// Make the standing whole, current/, anew of what the hub has
    Rebuild(Box<work_rebuild::Rebuild>),
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

/// Show which tables are done.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    place: Place,
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

impl Status {
    fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let work = WorkDir::look(layout.root()).map_err(|e| failed(layout.root(), e))?;
        println!("run in {}", layout.root().display());
        println!(
            "{:<28}{:<21}{:<12}{:>9}{:>7}",
            "table", "since", "status", "fetched", "of"
        );
        let mut open = 0;
        for (name, at, status) in work.units() {
            open += usize::from(status != work_dir::Status::Completed);
            let at = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let fetched = work.last_batch(name).map_or(0, |last| last + 1);
            let (status, of) = (status.as_str(), work.batches(name));
            println!("{name:<28}{at:<21}{status:<12}{fetched:>9}{of:>7}");
        }
        let waiting = RunDirectory::waiting(&layout)?;
        for name in &waiting {
            println!("{name:<28}{:<21}{:<12}{:>9}{:>7}", "", "overridden", 0, "?");
        }
        open += waiting.len();
        let next = match (open, layout.is_finished()) {
            (0, true) => "finished; next: the same command begins a new run".to_owned(),
            (0, false) => "everything is loaded, the end is missing; next: the same command".to_owned(),
            (open, true) => format!(
                "finished, {open} not completed: see INCOMPLETE in {}; next: the same command asks for the rest",
                layout.summary().display()
            ),
            (open, false) => {
                format!("{open} not completed; next: the same command goes on, with --fresh a new run begins")
            }
        };
        println!("{next}");
        work_release::waiting(&layout)?;
        unread(&layout)
    }
}

/// Says what a run could not read and has kept.
fn unread(layout: &Layout) -> Result<ExitCode> {
    let parts = RunDirectory::unread_parts(layout)?;
    for (table, count) in by_table(&parts) {
        println!(
            "{table}: {count} resources or other parts of pages cannot be read, asked for again by the next run:"
        );
        for part in parts.iter().filter(|part| part.table == table).take(UNREAD_SHOWN) {
            println!(
                "  unread/{}: {} bytes, batch {} page {} line {}: {}",
                part.file, part.bytes, part.batch, part.page, part.line, part.reason
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Such parts of a table shown.
const UNREAD_SHOWN: usize = 5;

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
