//! What the program's commands do.

mod check;
mod command;
mod connection;
mod init;
mod local;
mod migrate;
mod output;
mod params;
mod passwords;
mod quarantine;
mod serve;
mod tables;
mod trace;

use std::process::ExitCode;

use cds_hub::{Error, ErrorKind, Result, schema};
use command::Command;
use connection::ConnectionArguments;
use site_config::exit_code;

/// Creates, inspects and repairs a hub.
#[derive(clap::Parser)]
#[command(version, after_help = exit_code::TABLE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Runs the command; prints the chain of an error.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Cluster { dir, port } => local::run(dir, *port),
        Command::Sql(tables) => tables
            .read()
            .map(|tables| output::text(&schema::script(&tables).text()))
            .map(|()| ExitCode::SUCCESS),
        _ => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorKind::Options, "starting the runtime").with_source(e))
            .and_then(|runtime| runtime.block_on(on_hub(arguments))),
    };
    done.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::from(match error.kind() {
            ErrorKind::Options => exit_code::USAGE,
            ErrorKind::Connect | ErrorKind::Locked => exit_code::BUSY,
            _ => exit_code::FAILED,
        })
    })
}

async fn on_hub(arguments: &Arguments) -> Result<ExitCode> {
    let hub = arguments.connection.hub().await?;
    match &arguments.command {
        Command::Cluster { .. } | Command::Sql(_) => {}
        Command::Init { tables, passwords } => {
            init::run(&hub, &tables.of(&hub).await?, passwords.as_deref()).await?;
        }
        Command::Status => output::text(&hub.status().await?.to_string()),
        Command::Params { name, value } => params::run(&hub, name.as_deref(), value.as_deref()).await?,
        Command::Check { tables, sample } => return check::run(&hub, &tables.of(&hub).await?, *sample).await,
        Command::Migrate {
            tables,
            look,
            sql,
            accept,
        } => {
            return migrate::run(&hub, &tables.of(&hub).await?, *look, *sql, *accept).await;
        }
        Command::Transfer { patience } => serve::transfer(&hub, *patience).await?,
        Command::Serve { pg_cron: true, .. } => {
            hub.serve_by_pg_cron().await?;
            output::line("pg_cron runs the transfers of this database every minute");
        }
        Command::Serve {
            leave_pg_cron: true, ..
        } => {
            hub.leave_pg_cron().await?;
            output::line("pg_cron no longer runs the transfers of this database");
        }
        Command::Serve { interval, .. } => serve::serve(&hub, *interval).await?,
        Command::Quarantine { what } => quarantine::run(&hub, what).await?,
        Command::Trace { table, id, tables } => {
            trace::trace(&hub, &tables.of(&hub).await?, table, *id).await?;
        }
        Command::AsOf {
            moment,
            table,
            tables,
        } => trace::as_of(&hub, &tables.of(&hub).await?, moment, table).await?,
        Command::Lock { reason } => {
            hub.interrupt(reason).await?;
            output::line(&format!(
                "modules and transfers are stopped (Interrupted_{reason}); `cds-hub unlock` lets them go on"
            ));
        }
        Command::Unlock { force } => {
            let holder = hub.lock_holder().await?;
            if *force && hub.break_lock().await? {
                output::line(&format!("the lock was taken away: {}", holder.state));
            }
            hub.resume().await?;
            output::line(&format!(
                "modules and transfers go on: {}",
                hub.lock_holder().await?.state
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}
