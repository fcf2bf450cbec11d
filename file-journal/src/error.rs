//! What can go wrong with a journal, a site's folder or a store: one error for the crate, with the data that a caller acts on.

use std::io;
use std::path::PathBuf;

/// The result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation that could not be done. Each variant says where, and what to do where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {action}", path.display())]
    File {
        /// What was tried, such as "opening".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The configuration has faults.
    #[error("{}: {}", path.display(), faults.join("; "))]
    Config {
        /// Which file.
        path: PathBuf,
        /// Each fault with its line.
        faults: Vec<String>,
    },
    /// The journal's database refused.
    #[error("journal {}: {action}", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// Which journal.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is no journal of this layout.
    #[error("{}: {what}", path.display())]
    NoJournal {
        /// Which file.
        path: PathBuf,
        /// What it is instead, and what to do.
        what: &'static str,
    },
    /// A version cannot be used.
    #[error("version `{version}`: {what}")]
    Version {
        /// Its name.
        version: String,
        /// What is wrong with it.
        what: String,
    },
    /// More files vanished than a site deletes: the folder may not be mounted.
    #[error(
        "{modality}: {gone} of {known} files are gone from {}; nothing was written. If they were deleted on purpose, say --allow-delete",
        root.display()
    )]
    TooManyGone {
        /// The modality.
        modality: String,
        /// Its folder.
        root: PathBuf,
        /// Files that are not there any more.
        gone: u64,
        /// Files that the journal holds as active.
        known: u64,
    },
    /// Somebody else holds the central journal.
    #[error(
        "the central journal is checked out by {holder}; `journal unlock` frees it when that work is lost"
    )]
    Locked {
        /// Who and since when, as far as it is known.
        holder: String,
    },
    /// The central journal is not checked out here.
    #[error("the central journal is not checked out here: `journal checkout` first")]
    NotCheckedOut,
    /// The central journal changed under our lock.
    #[error("{what}; nothing was checked in and the local journal is untouched")]
    LockLost {
        /// What was found.
        what: &'static str,
    },
    /// A store refused or could not be reached.
    #[error("store {store}: {action} {path}")]
    Store {
        /// The store, without its credentials.
        store: String,
        /// What was tried.
        action: &'static str,
        /// The object.
        path: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was asked for is not there or not possible.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// For `map_err` on what touches a file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Whether trying again later may succeed: a store that did not answer, a lock that somebody holds.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::Locked { .. })
    }
}
