//! `benches`: the end-to-end measurement; see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    benches::run(std::env::args())
}
