//! The whole chain measured: a hospital's resources from a FHIR server to typed rows in the hub, beside every stage
//! alone and the limits of the machine, in the same run.
//!
//! `cargo run --release -p benches -- end-to-end --resources 100000`. The benches by shape are in `benches/`.

mod alone;
mod arguments;
mod bare_table;
mod client;
mod crew;
mod end_to_end;
mod meter;
mod pages;
mod peers;
mod record;
mod served;
mod site;
mod stage;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

pub use arguments::Arguments;

/// What stops a measurement: the first surprise.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Measures as the arguments say; the first is the program's name.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let first = arguments.get(1).map(std::ffi::OsStr::new);
    if let Some(code) = cds_hub::cluster::supervisor_main(first) {
        return code;
    }
    match Arguments::parse_from(arguments).run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            let mut source = error.source();
            while let Some(cause) = source {
                say(&format!("  because: {cause}"));
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Prints a line; a reader that has gone away needs no more lines.
fn say(line: &str) {
    let mut out = std::io::stdout();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}
