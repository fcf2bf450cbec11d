use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::keeping::Keeping;
use super::{Bars, report};
use crate::demo::{Demo as Options, Outcome, Source};
use crate::{Error, ErrorKind, Result};

/// Run the whole chain on this machine.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Directory of the database, the logs and summary.json; the next demo goes on with it
    #[arg(long, default_value = "demo")]
    dir: PathBuf,
    /// Patients of the synthetic hospital
    #[arg(long, default_value_t = 200)]
    patients: u32,
    /// Seed of the synthetic hospital
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Alter so many patients first
    #[arg(long, value_name = "PATIENTS", num_args = 0..=1, default_missing_value = "5")]
    change: Option<u32>,
    /// Use this FHIR server instead of the test server
    #[arg(long, value_name = "URL", conflicts_with_all = ["change", "input"])]
    fhir: Option<String>,
    /// Serve a folder of FHIR files (bundles, resources, NDJSON; XML and JSON) instead of the synthetic hospital
    #[arg(long, value_name = "DIR", conflicts_with = "change")]
    input: Option<PathBuf>,
    /// Use this database instead of a private one
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Ask the server for XML instead of JSON
    #[arg(long)]
    xml: bool,
    #[command(flatten)]
    keeping: Keeping,
}

/// Directories of runs a demo keeps.
const RUNS_KEPT: usize = 10;

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode> {
        let source = match (self.fhir, self.input) {
            (Some(url), _) => Source::Url(url),
            (None, Some(folder)) => Source::Folder(folder),
            (None, None) => Source::Hospital {
                seed: self.seed,
                patients: self.patients,
                change: self.change,
            },
        };
        let is_hospital = matches!(source, Source::Hospital { .. });
        let demo = Options {
            directory: self.dir,
            source,
            database_url: self.database_url,
            xml: self.xml,
            keeping: self.keeping.options(RUNS_KEPT)?,
        };
        let bars = Bars::default();
        let outcome = super::block_on(async {
            tokio::select! {
                outcome = demo.run(&bars) => outcome,
                () = super::interrupted() => Err(Error::new(ErrorKind::Stopped, "stopped; the database is kept, the next demo goes on with it")),
            }
        })?;
        print!("{}", shown(&outcome, is_hospital));
        Ok(if outcome.summary.complete {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(site_config::exit_code::INCOMPLETE)
        })
    }
}

fn shown(outcome: &Outcome, is_hospital: bool) -> String {
    let directory = outcome.directory.display();
    let mut text = format!("\n{}\n{}\n", report(&outcome.summary), outcome.case_list);
    text.push_str(&format!("figures as JSON   {directory}/summary.json\n"));
    text.push_str(&format!(
        "typed rows, state {}\n",
        outcome.run_directory.display()
    ));
    if outcome.psql.is_some() {
        text.push_str(&format!(
            "look inside       cds-hub cluster --dir {directory}/postgres starts the database and says how to connect with psql\n"
        ));
    }
    if outcome.case_list.lines().count() < 2 {
        text.push_str(
            "no case           the list above has cases of class IMP and SS that run today, of patients on a ward; these data have none\n",
        );
    }
    text.push_str(match is_hospital {
        true => "run next          the same command: every row is seen again; with --change: some patients have new versions\n",
        false => "run next          the same command: every row is seen again\n",
    });
    text
}
