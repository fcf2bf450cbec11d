//! Program `db2frontend`: the exchange between the hub and the frontend.

use std::process::ExitCode;

use db2frontend::cli::{Arguments, exit_code_of};
use site_config::print_error;

fn main() -> ExitCode {
    // The demo's database ends with this program, even when it is killed.
    let first = std::env::args_os().nth(1);
    if let Some(code) = cds_hub::cluster::supervisor_main(first.as_deref()) {
        return code;
    }
    let arguments = match command_line::parse::<Arguments>(env!("CARGO_PKG_VERSION"), &[]) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match arguments.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print_error(&error);
            ExitCode::from(exit_code_of(&error))
        }
    }
}
