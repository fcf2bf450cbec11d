use std::path::{Path, PathBuf};

use crate::plan::RequestFault;

/// What failed, with the place and the cause. One pointer wide; `Display` prints this level only.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A project file has faults.
    #[error("{} has {count} fault(s); `pipeline check` names them", path.display())]
    Faulty {
        /// The file.
        path: PathBuf,
        /// How many faults.
        count: usize,
    },
    /// A request cannot be planned.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// The record cannot be used.
    #[error("the record {} cannot be used", path.display())]
    Record {
        /// Its database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Another run works in the workspace.
    #[error("another run works in {}; wait for its end, or end it with `pipeline cancel`", path.display())]
    InUse {
        /// The workspace.
        path: PathBuf,
    },
    /// The runners' file cannot be used.
    #[error("{} cannot be used as list of runners", path.display())]
    Runners {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// A job cannot be started or watched.
    #[error("the job of {action} cannot be run")]
    Job {
        /// The action.
        action: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what may be released.
    #[error("{path} is not released: {why}")]
    NotReleased {
        /// The path in `level4`.
        path: String,
        /// Why.
        why: String,
    },
    /// The log of releases was changed.
    #[error("{} was changed: {why}", path.display())]
    Ledger {
        /// The log.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A value of an option cannot be used.
    #[error("{what}")]
    Option {
        /// Which, and what would be right.
        what: String,
    },
}

impl Error {
    /// What failed.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        ErrorKind::Read {
            path: path.to_owned(),
            source,
        }
        .into()
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        ErrorKind::Write {
            path: path.to_owned(),
            source,
        }
        .into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<RequestFault> for Error {
    fn from(fault: RequestFault) -> Self {
        ErrorKind::Request(fault).into()
    }
}

/// What most functions of this crate give.
pub type Result<T> = std::result::Result<T, Error>;
