use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::listing::paths_in;

/// Where everything lies in a run's directory: the one place that knows the names.
///
/// It reads names only, opens nothing and locks nothing, so a report may be made of a directory that another process
/// works in. Batches are counted from 0, as in the state files.
///
/// ```text
/// work.lock                                 held while a run works
/// loading_status.state                      name, date and time, status
/// loading_batch_status.state                name, date and time, last finished batch
/// run.json                                  what the run set out to load
/// batches.json                              digest of the input of every batch
/// spool/TABLE.N/                            pages of a batch, until the hub has them
/// FinalSignals/TABLE.N.parquet              typed rows of a batch; TABLE.N as text, where asked for
/// FinalSignals/ID2NR                        patient id, number
/// rep_configs/                              load scripts and definitions
/// profiles/TABLE.json                       what the rows of a table look like, not masked
/// outputs/index.html, outputs/TABLE/        report
/// outputs/tests.json, outputs/test.TABLE.log
/// signal_processings_log/process_TABLE.log  what was done, batch by batch; TABLE.log: what was tried by hand
/// summary.json                              figures of the run
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

/// A file or directory that belongs to one batch: its typed rows, or its pages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchFile {
    /// The table, in lower case.
    pub table: String,
    /// Number of the batch, counted from 0.
    pub batch: u32,
    /// The file.
    pub path: PathBuf,
}

/// Extension of the typed rows of a batch.
const PARQUET: &str = "parquet";

impl Layout {
    /// The layout of this directory, whether it exists or not.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Held, with a lock of the system, while a run works here.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("work.lock")
    }

    /// State of the tables.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.root.join("loading_status.state")
    }

    /// Last finished batch of each table.
    #[must_use]
    pub fn batch_status(&self) -> PathBuf {
        self.root.join("loading_batch_status.state")
    }

    /// What the run set out to load; holds patient ids, so only its owner can read it.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.root.join("run.json")
    }

    /// Digests of the input of every batch.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.root.join("batches.json")
    }

    /// Directory of all fetched pages.
    #[must_use]
    pub fn spools(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Directory of the fetched pages of a batch.
    #[must_use]
    pub fn spool(&self, table: &str, batch: u32) -> PathBuf {
        self.spools().join(format!("{table}.{batch}"))
    }

    /// Directory of the typed rows.
    #[must_use]
    pub fn final_signals(&self) -> PathBuf {
        self.root.join("FinalSignals")
    }

    /// Typed rows of a batch as Parquet.
    #[must_use]
    pub fn parquet(&self, table: &str, batch: u32) -> PathBuf {
        self.final_signals().join(format!("{table}.{batch}.{PARQUET}"))
    }

    /// Rows of a batch as tab-separated text, in the form of the original system: no header, no extension.
    #[must_use]
    pub fn text(&self, table: &str, batch: u32) -> PathBuf {
        self.final_signals().join(format!("{table}.{batch}"))
    }

    /// The same as comma-separated text with a header.
    #[must_use]
    pub fn csv(&self, table: &str, batch: u32) -> PathBuf {
        self.final_signals().join(format!("{table}.{batch}.csv"))
    }

    /// Patient ids and their numbers.
    #[must_use]
    pub fn id2nr(&self) -> PathBuf {
        self.final_signals().join("ID2NR")
    }

    /// Directory of load scripts and definitions.
    #[must_use]
    pub fn rep_configs(&self) -> PathBuf {
        self.root.join("rep_configs")
    }

    /// Directory of test results and report.
    #[must_use]
    pub fn outputs(&self) -> PathBuf {
        self.root.join("outputs")
    }

    /// First page of the report.
    #[must_use]
    pub fn index_page(&self) -> PathBuf {
        self.outputs().join("index.html")
    }

    /// Directory of what belongs to one table: its page, its profile, its tests.
    #[must_use]
    pub fn table_outputs(&self, table: &str) -> PathBuf {
        self.outputs().join(table)
    }

    /// Profile of a table's rows; it is not masked, so it lies beside the outputs and not among them.
    #[must_use]
    pub fn profile(&self, table: &str) -> PathBuf {
        self.root.join("profiles").join(format!("{table}.json"))
    }

    /// The table's page of the report.
    #[must_use]
    pub fn table_page(&self, table: &str) -> PathBuf {
        self.table_outputs(table).join("index.html")
    }

    /// Results of all tests, for programs.
    #[must_use]
    pub fn tests_json(&self) -> PathBuf {
        self.outputs().join("tests.json")
    }

    /// Results of a table's tests, for people: a batch adds lines, an override begins anew.
    #[must_use]
    pub fn test_log(&self, table: &str) -> PathBuf {
        self.outputs().join(format!("test.{table}.log"))
    }

    /// Resources that wait since a test holds them, with their reasons.
    #[must_use]
    pub fn held(&self) -> PathBuf {
        self.outputs().join("held.json")
    }

    /// Resources that somebody let through, beside the directories of all runs.
    #[must_use]
    pub fn released(&self) -> PathBuf {
        self.base().join("released.json")
    }

    /// Where the directories of all runs lie, where this is one of those; else the directory itself.
    #[must_use]
    pub fn base(&self) -> &Path {
        let runs = self.root.parent().filter(|parent| parent.ends_with("runs"));
        runs.and_then(Path::parent).unwrap_or(&self.root)
    }

    /// Severities and limits of the tests, where the site sets its own.
    #[must_use]
    pub fn checks(&self) -> PathBuf {
        self.root.join("checks.toml")
    }

    /// Directory of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("signal_processings_log")
    }

    /// What was done for a table, batch by batch.
    #[must_use]
    pub fn process_log(&self, table: &str) -> PathBuf {
        self.logs().join(format!("process_{table}.log"))
    }

    /// Commands and outputs of somebody who looked into a table.
    #[must_use]
    pub fn session_log(&self, table: &str) -> PathBuf {
        self.logs().join(format!("{table}.log"))
    }

    /// Events of the run as text.
    #[must_use]
    pub fn run_log(&self) -> PathBuf {
        self.logs().join("run.log")
    }

    /// Events of the run, one JSON object a line.
    #[must_use]
    pub fn run_log_json(&self) -> PathBuf {
        self.logs().join("run.jsonl")
    }

    /// Figures of the run.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.json")
    }

    /// Whether the run came to its end: its figures are written last.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.summary().exists()
    }

    /// The batches of which pages lie in the directory, by table and number; whether all do, their journals tell.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn spooled(&self) -> std::io::Result<Vec<BatchFile>> {
        batches_in(&self.spools(), "")
    }

    /// The typed rows that lie in the directory, by table and batch; none where the directory is not there.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn batch_files(&self) -> std::io::Result<Vec<BatchFile>> {
        batches_in(&self.final_signals(), ".parquet")
    }
}

/// What lies in a directory under the name of a batch with this ending; nothing where the directory is not there.
fn batches_in(directory: &Path, ending: &str) -> std::io::Result<Vec<BatchFile>> {
    let mut files = Vec::new();
    for path in paths_in(directory)? {
        let name = path.file_name().and_then(OsStr::to_str);
        if let Some((table, batch)) = name.and_then(|name| batch_name(name.strip_suffix(ending)?)) {
            let table = table.to_owned();
            files.push(BatchFile { table, batch, path });
        }
    }
    files.sort();
    Ok(files)
}

/// Table and batch of a name such as `observation.3`.
pub(crate) fn batch_name(name: &str) -> Option<(&str, u32)> {
    let (table, batch) = name.rsplit_once('.')?;
    Some((table, batch.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_number_and_not_by_text() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        assert!(layout.batch_files().unwrap().is_empty());
        std::fs::create_dir(layout.final_signals()).unwrap();
        for batch in [10, 9, 0] {
            std::fs::write(layout.parquet("observation", batch), "").unwrap();
        }
        for other in [
            "ID2NR",
            "observation.1.parquet.part",
            "observation.2",
            "x.parquet",
        ] {
            std::fs::write(layout.final_signals().join(other), "").unwrap();
        }
        let files = layout.batch_files().unwrap();
        let found: Vec<_> = files.iter().map(|f| (f.table.as_str(), f.batch)).collect();
        assert_eq!(
            found,
            [("observation", 0), ("observation", 9), ("observation", 10)]
        );
    }
}
