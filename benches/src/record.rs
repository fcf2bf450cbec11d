use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::meter::{load, machine};
use crate::{Failure, say};

/// Collects the lines of a report while printing them, and files them with the figures.
pub struct Record {
    text: String,
    directory: PathBuf,
}

/// What every file of results begins with.
#[derive(Serialize)]
struct Filed<'f, T> {
    date: String,
    machine: String,
    load_at_end: f64,
    command: &'f str,
    figures: &'f T,
}

impl Record {
    /// A record for this directory, or for the one of today and this kind of machine.
    pub fn new(directory: Option<&Path>) -> Self {
        let own = || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("results")
                .join(format!("{}-{}", today(), machine()))
        };
        Self {
            text: String::new(),
            directory: directory.map_or_else(own, Path::to_owned),
        }
    }

    /// Prints and keeps a line.
    pub fn line(&mut self, line: &str) {
        say(line);
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Writes `<name>.txt` and `<name>.json`.
    pub fn file<T: Serialize>(&self, name: &str, command: &str, figures: &T) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.directory)?;
        let filed = Filed {
            date: today(),
            machine: machine(),
            load_at_end: load(),
            command,
            figures,
        };
        let json = serde_json::to_string_pretty(&filed)?;
        std::fs::write(self.directory.join(format!("{name}.json")), json + "\n")?;
        std::fs::write(self.directory.join(format!("{name}.txt")), &self.text)?;
        Ok(())
    }
}

fn today() -> String {
    jiff::Zoned::now().date().to_string()
}
