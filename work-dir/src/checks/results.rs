use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Outcome, Verdict};
use crate::state::private;
use crate::{Error, ErrorKind, Layout};

/// What the tests of a run said, as `outputs/tests.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// By table.
    pub tables: BTreeMap<String, TableResults>,
}

/// What the tests of a table said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableResults {
    /// Of all rows; empty until they were tested as one.
    #[serde(default)]
    pub whole: Vec<Outcome>,
    /// By batch, counted from 0: how many passed, and those that did not.
    #[serde(default)]
    pub batches: BTreeMap<u32, BatchResults>,
}

/// What the tests of a batch said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchResults {
    /// Tests that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: Vec<Outcome>,
}

impl Results {
    /// Reads the results of a run; none where it was not tested.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the file cannot be read.
    pub fn read(layout: &Layout) -> Result<Self, Error> {
        let path = layout.tests_json();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::caused(ErrorKind::File, &path, e)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::file(&path, e)),
        }
    }

    /// Writes the results.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), Error> {
        let path = layout.tests_json();
        let write = || {
            private::make_dirs(&layout.outputs())?;
            private::replace(&path, &serde_json::to_vec_pretty(self)?)
        };
        write().map_err(|e| Error::file(&path, e))
    }

    /// The outcomes of a table: of all rows, or of its batches where they were not tested as one.
    #[must_use]
    pub fn of(&self, table: &str) -> Vec<&Outcome> {
        let Some(results) = self.tables.get(table) else {
            return Vec::new();
        };
        if results.whole.is_empty() {
            results.batches.values().flat_map(|batch| &batch.failed).collect()
        } else {
            results.whole.iter().collect()
        }
    }

    /// Notes the outcomes of a table or of one of its batches; the first batch begins anew.
    pub(crate) fn note(&mut self, table: &str, batch: Option<u32>, outcomes: &[Outcome]) {
        let results = self.tables.entry(table.to_owned()).or_default();
        match batch {
            Some(batch) => {
                if batch == 0 {
                    *results = TableResults::default();
                }
                let of = |verdict| outcomes.iter().filter(move |o| o.verdict == verdict);
                let noted = BatchResults {
                    passed: of(Verdict::Passed).count(),
                    failed: of(Verdict::Failed).cloned().collect(),
                };
                results.batches.insert(batch, noted);
            }
            None => results.whole = outcomes.to_vec(),
        }
    }
}
