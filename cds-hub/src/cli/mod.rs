//! What the program's commands do.

mod check;
mod command;
mod connection;
mod defects;
mod init;
mod local;
mod metrics;
mod migrate;
mod output;
mod params;
mod passwords;
mod quarantine;
mod serve;
mod status;
mod tables;
mod trace;
mod web;

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
    /// Print the result as one line of JSON, for programs: status, check, migrate, transfer, params, quarantine, trace.
    #[arg(long, global = true)]
    json: bool,
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
        // Who looks at the pages logs in; the program itself does not.
        Command::Web(web) if !web.is_about_rights() => {
            in_runtime(web::serve(web, arguments.connection.options())).map(|()| ExitCode::SUCCESS)
        }
        _ => in_runtime(on_hub(arguments)),
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

fn in_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Options, "starting the runtime").with_source(e))?
        .block_on(work)
}

async fn on_hub(arguments: &Arguments) -> Result<ExitCode> {
    let (hub, json) = (arguments.connection.hub().await?, arguments.json);
    match &arguments.command {
        Command::Cluster { .. } | Command::Sql(_) => {}
        Command::Init { tables, passwords } => {
            init::run(&hub, &tables.of(&hub).await?, passwords.as_deref()).await?;
        }
        Command::Status => status::run(&hub, json).await?,
        Command::Params { name, value } => params::run(&hub, name.as_deref(), value.as_deref(), json).await?,
        Command::Check { tables, sample } => {
            return check::run(&hub, &tables.of(&hub).await?, *sample, json).await;
        }
        Command::Migrate {
            tables,
            look,
            sql,
            accept,
        } => {
            let how = migrate::How {
                look: *look,
                sql: *sql,
                accept: *accept,
                json,
            };
            return migrate::run(&hub, &tables.of(&hub).await?, how).await;
        }
        Command::Transfer { patience } => serve::transfer(&hub, *patience, json).await?,
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
        Command::Serve {
            interval, metrics, ..
        } => serve::serve(&hub, *interval, metrics.as_deref()).await?,
        Command::Web(rights) => web::change_rights(rights, &hub).await?,
        Command::Quarantine { what } => quarantine::run(&hub, what, json).await?,
        Command::Trace { what, tables } => trace::trace(&hub, &tables.of(&hub).await?, what, json).await?,
        Command::AsOf {
            moment,
            table,
            tables,
        } => trace::as_of(&hub, &tables.of(&hub).await?, moment, table).await?,
        Command::Defects { table, most, tables } => {
            defects::run(&hub, &tables.of(&hub).await?, table.as_deref(), *most, json).await?;
        }
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
