use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use site_config::ShownLines;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};
use work_dir::Layout;

use crate::{Error, ErrorKind, Result};

/// Writes the events of the run to its directory, as text and as JSON, one a line; a run that is gone on with adds to
/// them. `verbose` is the configuration's 0 to 9; `RUST_LOG` overrides it.
pub(super) fn start(layout: &Layout, verbose: u8) -> Result<()> {
    let directory = layout.logs();
    std::fs::create_dir_all(&directory).map_err(|e| failed(&directory, e))?;
    let open = |path: &Path| {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map(ShownLines).map(Mutex::new).map_err(|e| failed(path, e))
    };
    let (text, json) = (open(&layout.run_log())?, open(&layout.run_log_json())?);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(verbose)));
    let text = fmt::layer().with_ansi(false).with_writer(text);
    let json = fmt::layer().json().with_writer(json);
    // A program that embeds this one has its own subscriber, which stays.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(text)
        .with(json)
        .try_init();
    Ok(())
}

/// Our own crates at the level that was asked for; of others only errors, since their texts are not ours.
fn directives(verbose: u8) -> String {
    let level = match verbose {
        0 => "error",
        1..=3 => "warn",
        4..=6 => "info",
        7 | 8 => "debug",
        _ => "trace",
    };
    let ours = [
        "cds2db",
        "cds_hub",
        "dataprocessor",
        "fhir_crack",
        "fhir_melt",
        "work_dir",
    ];
    ours.iter()
        .fold("error".to_owned(), |all, name| format!("{all},{name}={level}"))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be used", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_understood() {
        for verbose in 0..=9 {
            assert!(EnvFilter::try_new(directives(verbose)).is_ok(), "{verbose}");
        }
    }
}
