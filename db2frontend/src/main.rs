//! Program `db2frontend`: the exchange between the hub and the frontend.

use std::process::ExitCode;

use clap::Parser as _;
use db2frontend::cli::{Arguments, exit_code_of, print_error};

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print_error(&error);
            ExitCode::from(exit_code_of(&error))
        }
    }
}
