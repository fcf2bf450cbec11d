use std::fmt;

/// Why an operation of this crate stopped: a kind, the place in the input where there is one, and the cause below it.
///
/// One pointer wide. Prints where, never what: no text of the input stands in it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: Option<Place>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is not well-formed; the text says what was expected.
    Syntax(&'static str),
    /// The input ends in the middle of a value.
    Truncated,
    /// The bytes are not UTF-8 (or not the encoding the XML declaration names).
    Encoding,
    /// The compressed data are damaged.
    Gzip,
    /// An object has the same member twice.
    DuplicateKey,
    /// The document defines entities or refers to one that XML does not predefine; none is ever expanded.
    Entity,
    /// A limit of [`Limits`](crate::Limits) was passed.
    Limit(Limit),
    /// A column's path is not one this crate can follow; table, column, and what is wrong.
    Path {
        /// Name of the table.
        table: String,
        /// Name of the column.
        column: String,
        /// What is not supported or not well-formed.
        reason: &'static str,
    },
    /// Brackets, separator or format do not go together.
    Settings(&'static str),
    /// Reading or writing failed.
    Io,
    /// Making or writing a data frame failed.
    Frame,
}

/// The limits by name; their values are in [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Elements nested in each other.
    Depth,
    /// Values one resource gives to all its columns.
    Entries,
    /// Bytes of one cell.
    CellBytes,
    /// Bytes of one resource, or of any other part of a page that has to be held in one piece.
    ResourceBytes,
    /// Bytes of one page after decompression.
    PageBytes,
    /// Segments of a column's path.
    PathSegments,
    /// Columns of a table that takes all elements it meets.
    Columns,
}

impl Limit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "nesting depth",
            Self::Entries => "values a resource",
            Self::CellBytes => "bytes a cell",
            Self::ResourceBytes => "bytes a resource",
            Self::PageBytes => "bytes a page",
            Self::PathSegments => "segments a path",
            Self::Columns => "columns a table",
        }
    }
}

/// Where in a page the input was found wanting. Counted in the UTF-8 text, after decompression and transcoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before the place, counted from 0.
    pub offset: u64,
    /// Line, counted from 1.
    pub line: u64,
    /// Byte within the line, counted from 1.
    pub column: u64,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            place: None,
            source: None,
        }))
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error of a piece of a page before which stand so many bytes and lines; the piece begins a line.
    #[must_use]
    pub fn behind(mut self, bytes: u64, lines: u64) -> Self {
        if let Some(place) = &mut self.0.place {
            place.offset += bytes;
            place.line += lines;
        }
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where in the input, if the input is to blame.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.0.place
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io).because(source)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(expected) => write!(f, "not well-formed: {expected}"),
            Self::Truncated => f.write_str("the input ends too early"),
            Self::Encoding => f.write_str("the bytes are not text in the encoding they claim"),
            Self::Gzip => f.write_str("the compressed data are damaged"),
            Self::DuplicateKey => f.write_str("an object has the same member twice"),
            Self::Entity => f.write_str("entities other than XML's own five are not expanded"),
            Self::Limit(limit) => write!(f, "more than the limit of {}", limit.as_str()),
            Self::Path {
                table,
                column,
                reason,
            } => write!(f, "path of column {table}.{column}: {reason}"),
            Self::Settings(reason) => f.write_str(reason),
            Self::Io => f.write_str("reading or writing failed"),
            Self::Frame => f.write_str("making the data frame failed"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)?;
        match self.0.place {
            Some(p) => write!(f, " (line {}, column {}, byte {})", p.line, p.column, p.offset),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("place", &self.0.place)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}
