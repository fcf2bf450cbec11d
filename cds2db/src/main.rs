//! The program `cds2db`.

use std::process::ExitCode;

use cds2db::cli::{Arguments, exit_code_of, features, print_error, switch_off_core_dumps};

/// The C library keeps what a thread has freed for that thread, so that memory grew with the number of resources.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    if let Some(code) = cds_hub::cluster::supervisor_main(first.as_deref()) {
        return code;
    }
    switch_off_core_dumps();
    let arguments = match command_line::parse::<Arguments>(env!("CARGO_PKG_VERSION"), &features()) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match arguments.run() {
        Ok(code) => code,
        Err(error) => {
            print_error(&error);
            exit_code_of(&error)
        }
    }
}
