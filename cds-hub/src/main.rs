//! `cds-hub`: creates, inspects and repairs a hub.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if let Some(code) = cds_hub::cluster::supervisor_main(std::env::args_os().nth(1).as_deref()) {
        return code;
    }
    cli::run(&cli::Arguments::parse())
}
