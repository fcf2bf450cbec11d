use std::fmt;

/// Why a table cannot be melted, joined or written.
///
/// Shows where, never what: names of columns and numbers of rows, no value of a cell.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: Place,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

enum Place {
    Nowhere,
    Named(String),
    Row(usize),
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The table has no column of this name.
    UnknownColumn,
    /// No column's name starts with this prefix.
    UnknownPrefix,
    /// No cell of the first row has an index, so the brackets are probably other ones.
    NoIndex,
    /// The column has no value at all.
    EmptyColumn,
    /// A row would produce more rows than the limit allows.
    TooManyRows,
    /// The input could not be read or cracked.
    Input,
    /// The output could not be written.
    Write,
    /// The frame could not be made or read.
    Frame,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownColumn => "the table has no column of this name",
            Self::UnknownPrefix => "no column starts with this prefix",
            Self::NoIndex => "no index with these brackets in the first row",
            Self::EmptyColumn => "the column has no value",
            Self::TooManyRows => "a row would become more rows than the limit allows",
            Self::Input => "the input cannot be read",
            Self::Write => "the output cannot be written",
            Self::Frame => "the frame cannot be converted",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, name: &str) -> Self {
        Self(Box::new(Inner {
            kind,
            place: Place::Named(name.to_owned()),
            source: None,
        }))
    }

    pub(crate) fn row(kind: ErrorKind, row: usize) -> Self {
        Self(Box::new(Inner {
            kind,
            place: Place::Row(row),
            source: None,
        }))
    }

    pub(crate) fn caused(
        kind: ErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            place: Place::Nowhere,
            source: Some(source.into()),
        }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            place: Place::Nowhere,
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.as_str())?;
        match &self.0.place {
            Place::Nowhere => Ok(()),
            Place::Named(name) => write!(f, ": {name}"),
            Place::Row(row) => write!(f, ": row {} (counted from 1)", row + 1),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
