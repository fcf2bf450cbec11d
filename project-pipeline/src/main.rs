//! The command `pipeline`.

use std::process::ExitCode;

fn main() -> ExitCode {
    project_pipeline::cli::main()
}
