use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::private;
use crate::{Digest, Error, ErrorKind};

/// The digests of all batches that a run has begun: a batch whose input has changed since is not the same batch.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    tables: BTreeMap<String, Vec<Option<Digest>>>,
}

/// A batch of a run: a table, a number and a digest of what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The table, in lower case.
    pub table: String,
    /// Number of the batch within the table, counted from 0.
    pub number: u32,
    /// Digest of its input.
    pub input: Digest,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    tables: BTreeMap<String, Vec<Option<String>>>,
}

impl Ledger {
    pub(crate) fn read(path: PathBuf) -> Result<Self, Error> {
        let tables = match std::fs::read(&path) {
            Ok(bytes) => parse(&path, &bytes)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(e) => return Err(Error::file(&path, e)),
        };
        Ok(Self { path, tables })
    }

    /// Takes the batches in; returns the tables that had another input under the same number, or none under it.
    pub(crate) fn take(&mut self, batches: &[Batch]) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        for batch in batches {
            let known = self.tables.entry(batch.table.clone()).or_default();
            let at = batch.number as usize;
            if known.len() <= at {
                known.resize(at + 1, None);
            }
            if known[at].is_some_and(|old| old != batch.input) {
                changed.insert(batch.table.clone());
            }
            known[at] = Some(batch.input);
        }
        changed
    }

    /// The digest of a batch's input, where it has begun.
    #[cfg(feature = "polars")]
    pub(crate) fn digest(&self, table: &str, batch: u32) -> Option<Digest> {
        *self.tables.get(table)?.get(batch as usize)?
    }

    /// How many batches a table has; 0 for one that never began.
    pub(crate) fn batches(&self, table: &str) -> usize {
        self.tables.get(table).map_or(0, Vec::len)
    }

    /// Forgets batches from this number on; tells whether there were any.
    pub(crate) fn cut(&mut self, table: &str, from: usize) -> bool {
        let Some(known) = self.tables.get_mut(table) else {
            return false;
        };
        let longer = known.len() > from;
        known.truncate(from);
        if from == 0 {
            self.tables.remove(table);
        }
        longer
    }

    pub(crate) fn write(&self) -> Result<(), Error> {
        let text = |digest: &Option<Digest>| digest.map(|d| d.to_string());
        let tables = self.tables.iter();
        let lines = Lines {
            tables: tables
                .map(|(table, digests)| (table.clone(), digests.iter().map(text).collect()))
                .collect(),
        };
        let failed = |e| Error::file(&self.path, e);
        let mut bytes = serde_json::to_vec_pretty(&lines).map_err(|e| failed(e.into()))?;
        bytes.push(b'\n');
        private::replace(&self.path, &bytes).map_err(failed)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Vec<Option<Digest>>>, Error> {
    let fault = || Error::new(ErrorKind::Ledger, path);
    let lines: Lines = serde_json::from_slice(bytes).map_err(|_| fault())?;
    let digest = |text: Option<String>| text.map(|t| Digest::parse(&t).ok_or_else(fault)).transpose();
    let mut tables = BTreeMap::new();
    for (table, digests) in lines.tables {
        let digests: Result<Vec<_>, Error> = digests.into_iter().map(digest).collect();
        tables.insert(table, digests?);
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(table: &str, number: u32, input: &str) -> Batch {
        Batch {
            table: table.to_owned(),
            number,
            input: Digest::of([input]),
        }
    }

    #[test]
    fn a_changed_input_is_noticed_and_the_same_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("batches.json");
        let mut ledger = Ledger::read(path.clone()).unwrap();
        let batches = [batch("a", 0, "x"), batch("a", 1, "y"), batch("b", 0, "x")];
        assert!(ledger.take(&batches).is_empty());
        ledger.write().unwrap();
        let mut ledger = Ledger::read(path.clone()).unwrap();
        assert!(ledger.take(&batches).is_empty());
        assert_eq!(
            ledger.take(&[batch("a", 1, "z")]),
            BTreeSet::from(["a".to_owned()])
        );
        assert!(ledger.cut("a", 1) && !ledger.cut("a", 1));
        assert_eq!((ledger.batches("a"), ledger.batches("c")), (1, 0));
        std::fs::write(&path, "{\"tables\":{\"a\":[\"12\"]}}").unwrap();
        let error = Ledger::read(path).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Ledger && error.to_string().contains("remove"),
            "{error}"
        );
    }
}
