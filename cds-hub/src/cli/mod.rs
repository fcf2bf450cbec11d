//! What the program's commands do.

mod connection;
mod local;
mod output;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;

use cds_hub::{Error, ErrorKind, Result, schema};
use connection::ConnectionArguments;
use tables::TableArguments;

/// Creates, inspects and repairs a hub.
#[derive(clap::Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make the hub in an empty database.
    Init(TableArguments),
    /// Print the SQL `init` runs.
    Sql(TableArguments),
    /// Run a private PostgreSQL until Ctrl-C; its data stay in the directory.
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
        Command::Sql(tables) => {
            output::text(&schema::script(&tables.read()?).text());
            Ok(())
        }
        Command::Init(tables) => {
            let tables = tables.read()?;
            wait(async { arguments.connection.hub().await?.init(&tables).await })
        }
    }
}

fn wait(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Options, "starting the runtime").with_source(e))?
        .block_on(work)
}
