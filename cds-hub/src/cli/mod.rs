//! What the program's commands do.

mod local;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;

use cds_hub::Result;

/// Creates, inspects and repairs a hub.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run a private PostgreSQL until Ctrl-C or the end of standard input's owner; its data stay in the directory.
    Cluster {
        /// Where the data are.
        #[arg(long, default_value = "./hub")]
        dir: PathBuf,
        /// Port on loopback; a free one by default.
        #[arg(long)]
        port: Option<u16>,
    },
}

/// Runs the command; prints the chain of an error.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Cluster { dir, port } => local::run(dir, *port),
    }
}
