//! `journal`: the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    file_journal::cli::main()
}
