use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use site_config::shown_json;
use table_description::{Description, default_description};
use work_dir::Layout;
use work_dir::checks::{CheckOptions, Checks, DEFAULT_RULES, Findings, Verdict, reference_of};
use work_dir::profile::{Source, TableProfile};

use super::work::Place;
use crate::{Error, ErrorKind, Result};

/// Test the data.
///
/// Fails when a test of severity `stop` does. Results are written to outputs/test.TABLE.log and outputs/tests.json.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Tables, in lower case; all where none is given
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    compared: Compared,
    /// Remark what would stop or wait
    #[arg(long)]
    warn_only: bool,
    /// Test by the rules of the final files, [final], instead of those before the hub
    #[arg(long)]
    strict: bool,
    /// Print the results as one line of JSON instead, as outputs/tests.json has them
    #[arg(long)]
    json: bool,
    /// Print the rules and limits that hold where a file says nothing else, and end
    #[arg(long)]
    defaults: bool,
    /// Write the quantiles of this run, known to be good, as a reference file
    #[arg(long, value_name = "FILE")]
    write_reference: Option<PathBuf>,
}

/// What a run is compared with, and how it is shown.
#[derive(Debug, Args)]
pub(super) struct Compared {
    /// Rules of the tests; checks.toml beside runs/ or in the directory of the run where not given
    #[arg(long, value_name = "FILE")]
    pub(super) rules: Option<PathBuf>,
    /// Run of the same kind to compare with: an increment is not like a first load
    #[arg(long, value_name = "DIR")]
    pub(super) before: Option<PathBuf>,
    /// Hide what belongs to fewer patients, at most 20; 0 hides nothing
    #[arg(long, value_name = "PATIENTS", default_value_t = 5)]
    pub(super) few: u32,
    /// Table description: workbook, CSV file or folder; the built-in one where not given
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
}

/// Numbers that a group must have to be taken into a reference file.
const REFERENCE_ROWS: u64 = 100;

impl Compared {
    pub(super) fn description(&self) -> Result<Description> {
        let Some(path) = &self.description else {
            return Ok(default_description());
        };
        Description::read(path).map_err(|e| {
            Error::new(
                ErrorKind::Description,
                format!("{} cannot be used", path.display()),
            )
            .because(e)
        })
    }
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.defaults {
            print!("{DEFAULT_RULES}");
            return Ok(ExitCode::SUCCESS);
        }
        let layout = self.place.layout()?;
        let description = self.compared.description()?;
        let options = CheckOptions {
            rules: self.compared.rules.clone(),
            before: self.compared.before.clone(),
            warn_only: self.warn_only,
            strict: self.strict,
            few: self.compared.few,
        };
        let checks = Checks::open(&layout, Some(&description), options).map_err(|e| failed(&layout, e))?;
        let findings = checks.whole(&self.tables).map_err(|e| failed(&layout, e))?;
        if let Some(path) = &self.write_reference {
            write_reference(&layout, path)?;
        }
        let refusal = findings.refusal(&layout);
        if self.json {
            let said = refusal.as_ref().map(ToString::to_string);
            let all = serde_json::json!({"tables": findings.tables, "refusal": said});
            println!("{}", shown_json(&all.to_string()));
        } else {
            tell(&findings, &layout);
        }
        match refusal {
            Some(refusal) => {
                eprintln!("error: {refusal}");
                Ok(ExitCode::FAILURE)
            }
            None => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Prints for people how the tests ended.
fn tell(findings: &Findings, layout: &Layout) {
    for (table, outcomes) in &findings.tables {
        let of = |verdict| outcomes.iter().filter(move |o| o.verdict == verdict);
        println!(
            "{table}: {} passed, {} failed, {} not made",
            of(Verdict::Passed).count(),
            of(Verdict::Failed).count(),
            of(Verdict::Skipped).count()
        );
        for outcome in of(Verdict::Failed) {
            println!("  {outcome}");
        }
    }
    if findings.tables.is_empty() {
        println!("no typed rows in {}", layout.final_signals().display());
    }
    println!("results: {}", layout.tests_json().display());
}

fn write_reference(layout: &Layout, path: &std::path::Path) -> Result<()> {
    let mut profiles = Vec::new();
    for table in Source::tables(layout).map_err(|e| failed(layout, e))? {
        profiles.extend(TableProfile::read(layout, &table).map_err(|e| failed(layout, e))?);
    }
    std::fs::write(path, reference_of(&profiles, REFERENCE_ROWS)).map_err(|e| {
        Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(e)
    })?;
    eprintln!("reference: {}", path.display());
    Ok(())
}

pub(super) fn failed(layout: &Layout, error: work_dir::Error) -> Error {
    Error::new(ErrorKind::File, format!("the run in {}", layout.root().display())).because(error)
}
