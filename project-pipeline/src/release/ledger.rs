use std::fs::OpenOptions;
use std::io::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{Layout, hex};
use crate::{Error, ErrorKind, Result};

/// A line of the log of releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, counted from 1.
    pub number: usize,
    /// When, in UTC.
    pub time: String,
    /// Who reviewed the file.
    pub reviewer: String,
    /// What the reviewer said.
    pub comment: String,
    /// The file's path below `released`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub content_hash: String,
    /// The action that made it.
    pub action: String,
    /// The job that made it.
    pub job: String,
    /// The request of that job.
    pub request: String,
    /// Small counts that the reviewer let go.
    pub small_cells: u64,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 of this entry without this field, as JSON.
    pub hash: String,
}

/// What the first entry has as the hash of the one before.
pub(super) fn beginning() -> String {
    "0".repeat(64)
}

impl Entry {
    fn own_hash(&self) -> String {
        let bare = Self {
            hash: String::new(),
            ..self.clone()
        };
        hex(&Sha256::digest(serde_json::to_vec(&bare).unwrap_or_default()))
    }

    /// The entry with its hash.
    pub(super) fn sealed(mut self) -> Self {
        self.hash = self.own_hash();
        self
    }
}

/// All entries, if each fits the one before.
pub(super) fn read(layout: &Layout) -> Result<Vec<Entry>> {
    let path = layout.ledger();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::read(&path, source)),
    };
    let broken = |number: usize, what: &str| {
        let why = format!("line {number} {what}");
        Error::from(ErrorKind::Ledger {
            path: path.clone(),
            why,
        })
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.split_terminator('\n').enumerate() {
        let number = at + 1;
        let entry: Entry = serde_json::from_str(line).map_err(|_| broken(number, "is no entry"))?;
        let previous = entries.last().map_or_else(beginning, |entry| entry.hash.clone());
        if entry.number != number {
            return Err(broken(number, "has another number"));
        }
        if entry.previous != previous {
            return Err(broken(number, "does not follow the line before"));
        }
        if entry.hash != entry.own_hash() || serde_json::to_string(&entry).ok().as_deref() != Some(line) {
            return Err(broken(number, "was edited"));
        }
        entries.push(entry);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(broken(entries.len(), "has no end"));
    }
    Ok(entries)
}

/// Writes one line more, on the disk before this returns.
pub(super) fn append(layout: &Layout, entry: &Entry) -> Result<()> {
    let path = layout.ledger();
    let write = || {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let line = serde_json::to_string(entry).unwrap_or_default() + "\n";
        file.write_all(line.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| Error::write(&path, source))
}
