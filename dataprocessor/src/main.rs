//! Program `dataprocessor`: hub views to the tables that clinicians see.

use std::process::ExitCode;

use cds_hub::Condition;
use dataprocessor::{Error, ErrorKind, cli::Arguments};
use site_config::exit_code;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = match command_line::parse::<Arguments>(env!("CARGO_PKG_VERSION"), &[]) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let config = match arguments.configuration() {
        Ok(config) => config,
        Err(e) => return failed(&e),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(config.log_filter()));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => return failed(&Error::from(e)),
    };
    match runtime.block_on(arguments.execute(config)) {
        Ok(code) => ExitCode::from(code),
        Err(e) => failed(&e),
    }
}

/// Prints the chain of causes, the only place that does.
fn failed(error: &Error) -> ExitCode {
    site_config::print_error(error);
    ExitCode::from(match (error.kind(), error.condition()) {
        (ErrorKind::Configuration, _) => exit_code::USAGE,
        (_, Some(Condition::ConnectionLost | Condition::LockHeld { .. })) => exit_code::BUSY,
        _ => exit_code::FAILED,
    })
}
