//! `cds-hub`: creates, inspects and repairs a hub.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = cds_hub::cluster::supervisor_main(std::env::args_os().nth(1).as_deref()) {
        return code;
    }
    match command_line::parse::<cli::Arguments>(env!("CARGO_PKG_VERSION"), &[]) {
        Ok(arguments) => cli::run(&arguments),
        Err(code) => code,
    }
}
