use std::{error, fmt, path::PathBuf};

use crate::Fault;

/// What failed in this crate, with the place and, where there is one, the cause.
///
/// One pointer wide. `Display` prints this level only; [`std::error::Error::source`] leads on.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    faults: Vec<Fault>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The zone database has no zone of this name.
    UnknownZone {
        /// The name as given.
        name: String,
    },
    /// A file or folder could not be read.
    Read {
        /// The file or folder.
        path: PathBuf,
    },
    /// A file could not be written.
    Write {
        /// The file or folder.
        path: PathBuf,
    },
    /// Workbooks are not part of this build; a folder of CSV files is.
    WithoutWorkbooks {
        /// The file.
        path: PathBuf,
    },
    /// The file was read, but says something wrong; [`Error::faults`] lists all of it.
    Faulty {
        /// The file or folder.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn caused(kind: ErrorKind, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner {
            kind,
            faults: Vec::new(),
            source: Some(source.into()),
        }))
    }

    #[cfg_attr(
        feature = "xlsx",
        expect(
            dead_code,
            reason = "only a build without workbooks has an error without cause"
        )
    )]
    pub(crate) fn plain(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            faults: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn faulty(path: impl Into<PathBuf>, faults: Vec<Fault>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Faulty { path: path.into() },
            faults,
            source: None,
        }))
    }

    /// What failed.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Everything that is wrong with the file, in its order; empty unless the kind is [`ErrorKind::Faulty`].
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ErrorKind::UnknownZone { name } => write!(f, "no time zone is named {name:?}"),
            ErrorKind::Read { path } => write!(f, "cannot read {}", path.display()),
            ErrorKind::Write { path } => write!(f, "cannot write {}", path.display()),
            ErrorKind::WithoutWorkbooks { path } => {
                write!(
                    f,
                    "cannot read {}: built without workbooks, use a folder of CSV files",
                    path.display()
                )
            }
            ErrorKind::Faulty { path } => {
                write!(f, "{} has {} fault(s)", path.display(), self.0.faults.len())?;
                self.0
                    .faults
                    .iter()
                    .try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("faults", &self.0.faults)
            .field("source", &self.0.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn error::Error + 'static))
    }
}
