use std::fmt::Display;
use std::io::Write;

use jiff::Zoned;

use super::private;
use crate::{Error, Layout};

/// What is done for the tables, batch by batch: one file a table, one line a step, `time :: batch_N :: text`.
///
/// The texts are counts and names, never a patient's value.
#[derive(Clone, Debug)]
pub struct ProcessLog {
    layout: Layout,
}

impl ProcessLog {
    /// The logs of a run.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Adds a line about a batch, or about the whole table.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, table: &str, batch: Option<u32>, text: impl Display) -> Result<(), Error> {
        let path = self.layout.process_log(table);
        let now = Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
        let line = match batch {
            Some(batch) => format!("{now} :: batch_{batch} :: {text}\n"),
            None => format!("{now} :: all :: {text}\n"),
        };
        private::make_dirs(&self.layout.logs())
            .and_then(|()| private::options().append(true).create(true).open(&path))
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|e| Error::file(&path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let log = ProcessLog::new(layout.clone());
        log.add("observation", Some(3), "fetched: 2 pages").unwrap();
        log.add("observation", None, "completed").unwrap();
        let text = std::fs::read_to_string(layout.process_log("observation")).unwrap();
        let tails: Vec<_> = text
            .lines()
            .filter_map(|l| l.split_once(" :: "))
            .map(|(_, t)| t)
            .collect();
        assert_eq!(tails, ["batch_3 :: fetched: 2 pages", "all :: completed"]);
    }
}
