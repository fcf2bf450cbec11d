//! The command line: arguments, and one module a command.

mod check;
mod disclosure;
mod live;
mod plan;
mod record;
mod release;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{Checked, Error, ErrorKind, Result, project};

/// What runs, in what order, and who may see what.
#[derive(Parser)]
#[command(name = "pipeline", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find everything that is wrong with project files
    Check(check::Check),
    /// Say which jobs a request would make, and why
    Plan(plan::Plan),
    /// Run actions and what they need
    Run(run::Run),
    /// Show the jobs of the last request
    Status(record::Look),
    /// List the files in the stores
    Outputs(record::Look),
    /// Name actions whose outputs no longer fit their code, command or inputs; exits with 1 if there are some
    Stale(record::Look),
    /// End jobs that wait or run
    Cancel(record::Cancel),
    /// Copy reviewed level-4 files to `released`, with an entry in the log of releases
    Release(release::Release),
    /// Look whether the log of releases is whole and the released files are those that it names
    Verify(release::Verify),
}

/// Where the project is.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// Folder with project.yaml and the code
    #[arg(short = 'C', long, default_value = ".", value_name = "DIR")]
    pub(crate) project_dir: PathBuf,
    /// Folder with level3, level4, released and metadata; the project's own unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
}

impl Place {
    pub(crate) fn workspace(&self) -> PathBuf {
        self.workspace.clone().unwrap_or_else(|| self.project_dir.clone())
    }

    /// The project, which must be without faults.
    pub(crate) fn project(&self) -> Result<Checked> {
        let path = self.project_dir.join("project.yaml");
        let text = std::fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
        let checked = project::check(&text);
        if checked.is_good() {
            Ok(checked)
        } else {
            let count = checked.faults.len();
            Err(ErrorKind::Faulty { path, count }.into())
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people
    Text,
    /// JSON for programs
    Json,
    /// A Mermaid flow chart
    Mermaid,
    /// An SVG image
    Svg,
}

/// Runs the command line. Exit codes: 0 done, 1 refused or failed, 2 wrong arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match command_line::parse::<Arguments>(env!("CARGO_PKG_VERSION"), &[]) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = match arguments.command {
        Command::Check(check) => check.run(),
        Command::Plan(plan) => plan.run(),
        Command::Run(run) => run.run(),
        Command::Status(look) => look.status(),
        Command::Outputs(look) => look.outputs(),
        Command::Stale(look) => look.stale(),
        Command::Cancel(cancel) => cancel.run(),
        Command::Release(release) => release.run(),
        Command::Verify(verify) => verify.run(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn option_fault(what: String) -> Error {
    ErrorKind::Option { what }.into()
}

/// Writes to standard output; a reader that went away is no error.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes an error and its causes to standard error.
fn complain(error: &dyn std::error::Error) {
    use std::io::Write;
    let mut text = format!("pipeline: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text.push('\n');
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
