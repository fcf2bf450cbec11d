use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong with a run's directory.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    path: PathBuf,
    source: Option<std::io::Error>,
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
    /// A unit's name holds a tab or a line feed, or is empty.
    Name,
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
            source: Some(source),
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
            ErrorKind::Name => write!(
                f,
                "{path}: the name of a unit must not be empty nor hold tabs or line feeds"
            ),
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
            .as_ref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
