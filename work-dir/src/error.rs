use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong with a run's directory.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    path: PathBuf,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of error a caller may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file cannot be read or written.
    File,
    /// Another run works in the directory.
    InUse,
    /// A line, counted from 1, is not name, date and time, status.
    Line(usize),
    /// A line, counted from 1, is not name, date and time, number of a batch.
    BatchLine(usize),
    /// A line, counted from 1, is about a unit that an earlier line is about.
    Twice(usize),
    /// The file with the digests of the batches is damaged.
    Ledger,
    /// A line of ID2NR, counted from 1, is not id and next number.
    IdLine(usize),
    /// ID2NR was written with another key, or without one.
    OtherKey,
    /// A key is too short.
    Key,
    /// A unit's name holds a tab or a line feed, or is empty.
    Name,
    /// Typed rows cannot be read, or there are none.
    Rows,
    /// The rules of the tests have a fault; the source says where.
    Rules,
    /// A line of a reference file, counted from 1, is not signal, quantile, value.
    Reference(usize),
    /// A query cannot be answered; the source says why and may repeat the query.
    Query,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: &Path) -> Self {
        Self(Box::new(Inner {
            kind,
            path: path.to_owned(),
            source: None,
        }))
    }

    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::File,
            path: path.to_owned(),
            source: Some(source.into()),
        }))
    }

    #[cfg(feature = "polars")]
    pub(crate) fn caused(
        kind: ErrorKind,
        path: &Path,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            path: path.to_owned(),
            source: Some(source.into()),
        }))
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path.display();
        match self.0.kind {
            ErrorKind::File => write!(f, "{path} cannot be used"),
            ErrorKind::InUse => write!(
                f,
                "another run works in {path}; wait for its end or use another directory"
            ),
            ErrorKind::Line(line) => write!(
                f,
                "{path}, line {line}: expected name, YYYY-MM-DD HH:MM:SS and In Process, Completed or Failed, separated \
                 by tabs; remove the line to load its unit again"
            ),
            ErrorKind::BatchLine(line) => write!(
                f,
                "{path}, line {line}: expected name, YYYY-MM-DD HH:MM:SS and the number of a batch, separated by tabs \
                 and ended by a line feed; remove the line, what was fetched is kept and found again"
            ),
            ErrorKind::Twice(line) => write!(
                f,
                "{path}, line {line}: there is an earlier line with this name; remove the one that is wrong"
            ),
            ErrorKind::Ledger => write!(
                f,
                "{path} is damaged; remove it, the next run begins its tables with what was fetched"
            ),
            ErrorKind::IdLine(line) => write!(
                f,
                "{path}, line {line}: expected a new id and the next number, separated by a tab; put back the file of an \
                 earlier run, or remove all of them to begin with new numbers"
            ),
            ErrorKind::OtherKey => write!(
                f,
                "{path} was written with another pseudonym key, or without one; use that key, or remove the file to begin \
                 with new numbers"
            ),
            ErrorKind::Key => write!(
                f,
                "the pseudonym key from {path} has less than 16 bytes; use a longer one"
            ),
            ErrorKind::Name => write!(
                f,
                "{path}: the name of a unit must not be empty nor hold tabs or line feeds"
            ),
            ErrorKind::Rows => write!(
                f,
                "the typed rows in {path} cannot be read; load the table again with --override TABLE if the file is damaged"
            ),
            ErrorKind::Rules => write!(
                f,
                "{path} cannot be used as rules of the tests; cds2db work check --defaults shows what may stand there"
            ),
            ErrorKind::Reference(line) => write!(
                f,
                "{path}, line {line}: expected signal, quantile from 0 to 1 and value, separated by tabs"
            ),
            ErrorKind::Query => write!(f, "the query over {path} cannot be answered"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("path", &self.0.path)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
