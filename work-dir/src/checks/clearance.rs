//! What the tests let through: which tables are handed on, which resources wait, and what is remarked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::concerned::Ids;
use super::{Outcome, Verdict};
use crate::state::private;
use crate::{Error, ErrorKind, Layout};

/// What becomes of the tables of a run after its tests. A table that is not named is handed on whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clearance {
    /// By table.
    pub tables: BTreeMap<String, TableClearance>,
    /// What is handed on as the source wrote it although it is implausible.
    pub remarks: Vec<Remark>,
}

/// What becomes of one table.
#[derive(Clone, Default, PartialEq)]
pub struct TableClearance {
    /// Why nothing of it is handed on.
    pub stopped: Option<String>,
    /// Resources that wait, by id.
    pub held: BTreeMap<String, Held>,
}

/// A resource that waits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its version, where the table has it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The tests it failed, and where; no value.
    pub reasons: BTreeSet<String>,
}

/// What is implausible and handed on all the same, or why something is not: table, column, place and count, no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The table.
    pub table: String,
    /// The test.
    pub test: String,
    /// Column, and code and unit where it is about them; empty for the table.
    pub place: String,
    /// Rows concerned; 0 where it is about the table.
    pub rows: u64,
    /// What was found.
    pub found: String,
}

impl Clearance {
    /// Whether everything is handed on.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tables
            .values()
            .all(|table| table.stopped.is_none() && table.held.is_empty())
    }

    /// Why nothing of a table is handed on; `None` where it is.
    #[must_use]
    pub fn stopped(&self, table: &str) -> Option<&str> {
        self.tables.get(table)?.stopped.as_deref()
    }

    /// Whether a resource waits.
    #[must_use]
    pub fn holds(&self, table: &str, id: &str) -> bool {
        self.tables
            .get(table)
            .is_some_and(|table| table.held.contains_key(id))
    }

    /// The resources of a table that wait.
    pub fn held<'c>(&'c self, table: &str) -> impl Iterator<Item = (&'c str, &'c Held)> {
        let held = self.tables.get(table).into_iter().flat_map(|table| &table.held);
        held.map(|(id, held)| (id.as_str(), held))
    }

    pub(crate) fn stop(&mut self, table: &str, why: &str) {
        let stopped = &mut self.tables.entry(table.to_owned()).or_default().stopped;
        stopped.get_or_insert_with(|| why.to_owned());
    }

    pub(crate) fn hold(&mut self, table: &str, ids: Ids, reason: &str, released: &Released) {
        let held = &mut self.tables.entry(table.to_owned()).or_default().held;
        for (id, version) in ids {
            if released.has(table, &id, &version) {
                continue;
            }
            let reasons = BTreeSet::new();
            let entry = held.entry(id).or_insert(Held { version, reasons });
            entry.reasons.insert(reason.to_owned());
        }
    }

    pub(crate) fn remark(&mut self, table: &str, outcomes: &[Outcome]) {
        for outcome in outcomes.iter().filter(|o| o.verdict == Verdict::Failed) {
            let place = outcome.place.strip_prefix(table).unwrap_or(&outcome.place);
            self.remarks.push(Remark {
                table: table.to_owned(),
                test: outcome.test.clone(),
                place: place.trim_start_matches('.').to_owned(),
                rows: outcome.wrong,
                found: outcome.found.clone(),
            });
        }
    }

    /// Writes the list of what waits, `outputs/held.json`; only its owner can read it, since it has ids.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), Error> {
        let path = layout.held();
        let held: BTreeMap<&str, &BTreeMap<String, Held>> = self
            .tables
            .iter()
            .filter(|(_, table)| !table.held.is_empty())
            .map(|(name, table)| (name.as_str(), &table.held))
            .collect();
        let write = || {
            private::make_dirs(&layout.outputs())?;
            private::replace(&path, &serde_json::to_vec_pretty(&held)?)
        };
        write().map_err(|e| Error::file(&path, e))
    }

    /// The list of what waits, as a run wrote it: by table and id.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read.
    pub fn read_held(layout: &Layout) -> Result<BTreeMap<String, BTreeMap<String, Held>>, Error> {
        read(&layout.held())
    }
}

impl fmt::Debug for TableClearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableClearance")
            .field("stopped", &self.stopped)
            .field("held", &self.held.len())
            .finish()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("reasons", &self.reasons)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if !self.place.is_empty() {
            write!(f, ".{}", self.place)?;
        }
        write!(f, ": {} ({})", self.found, self.test)
    }
}

/// Resources that somebody has looked at and let through, kept beside the directories of all runs: by table and id, the
/// version that was looked at. A newer version is tested again.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Released(BTreeMap<String, BTreeMap<String, String>>);

impl Released {
    /// Reads the list that holds for a run.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read.
    pub fn read(layout: &Layout) -> Result<Self, Error> {
        read(&layout.released())
    }

    /// Adds resources that wait, all of a table's where no id is given; how many that are.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when a file cannot be read or written.
    pub fn add(layout: &Layout, table: &str, ids: &[String]) -> Result<usize, Error> {
        let mut this = Self::read(layout)?;
        let held = Clearance::read_held(layout)?.remove(table).unwrap_or_default();
        let wanted = held
            .into_iter()
            .filter(|(id, _)| ids.is_empty() || ids.contains(id));
        let wanted: Vec<(String, String)> = wanted.map(|(id, held)| (id, held.version)).collect();
        let added = wanted.len();
        this.0.entry(table.to_owned()).or_default().extend(wanted);
        let path = layout.released();
        let write = || private::replace(&path, &serde_json::to_vec_pretty(&this)?);
        write().map_err(|e| Error::file(&path, e))?;
        Ok(added)
    }

    fn has(&self, table: &str, id: &str, version: &str) -> bool {
        let released = self.0.get(table).and_then(|ids| ids.get(id));
        released.is_some_and(|released| released == version)
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Released")
            .field(&self.0.values().map(BTreeMap::len).sum::<usize>())
            .finish()
    }
}

fn read<T: Default + serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<T, Error> {
    match std::fs::read(path) {
        // The fault's text would repeat what stands there.
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| Error::new(ErrorKind::File, path)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(e) => Err(Error::file(path, e)),
    }
}
