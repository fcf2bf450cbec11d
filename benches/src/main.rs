//! `benches`: the end-to-end measurement; see `--help`.

use std::process::ExitCode;

/// As in the program `cds2db`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    benches::run(std::env::args())
}
