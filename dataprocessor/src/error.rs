use std::fmt;

use site_config::Fault;

/// Result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and why.
///
/// One pointer wide. `Display` prints this level only, the chain is reached through [`std::error::Error::source`].
/// Names of files, keys, tables, columns and wards appear in it, values of patients never.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: String,
    faults: Vec<Fault>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is not usable; see [`Error::faults`].
    Configuration,
    /// The hub could not be read or written.
    Hub,
    /// Rows of the hub do not have the shape this program expects.
    Shape,
    /// The ward list and the running cases name nobody.
    NobodyOfInterest,
    /// None of the encounters found is a contact of one of the three levels.
    NoContacts,
    /// A ward of the ward list has no phase in the configuration.
    WardWithoutPhase,
    /// A table declared as SQL cannot be used.
    SqlTable,
    /// The directory of a run cannot be used.
    RunDirectory,
    /// The program could not start or print.
    Output,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "unusable configuration",
            Self::Hub => "the hub",
            Self::Shape => "unexpected shape of rows",
            Self::NobodyOfInterest => "no patient of interest",
            Self::NoContacts => "no contact of a known level",
            Self::WardWithoutPhase => "ward without study phase",
            Self::SqlTable => "unusable table declaration",
            Self::RunDirectory => "the run's directory",
            Self::Output => "the program could not start or print",
        }
    }
}

impl Error {
    /// An error of this kind at this place (names of files, tables or columns; never a value of a patient).
    #[must_use]
    pub fn new(kind: ErrorKind, place: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: place.into(),
            faults: Vec::new(),
            source: None,
        }))
    }

    /// All faults of a configuration as one error.
    #[must_use]
    pub fn configuration(faults: Vec<Fault>) -> Self {
        let mut this = Self::new(ErrorKind::Configuration, format!("{} fault(s)", faults.len()));
        this.0.faults = faults;
        this
    }

    /// The same error with its cause. The cause must not show values of patients.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The faults of the configuration, in order of file and line; empty for other kinds.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// A failure of a derivation. polars quotes values in some messages, so only the class of its error is kept.
    pub(crate) fn frame(place: &str, error: &polars::error::PolarsError) -> Self {
        use polars::error::PolarsError;
        let class = match error {
            PolarsError::ColumnNotFound(_) => "a column is missing",
            PolarsError::SchemaMismatch(_) => "a column has another type",
            PolarsError::ShapeMismatch(_) => "columns differ in length",
            PolarsError::ComputeError(_) | PolarsError::InvalidOperation(_) => {
                "an expression could not be computed"
            }
            _ => "the frame could not be computed",
        };
        Self::new(ErrorKind::Shape, format!("{place}: {class}"))
    }
}

impl From<cds_hub::Error> for Error {
    fn from(error: cds_hub::Error) -> Self {
        Self::new(ErrorKind::Hub, "reading or writing failed").with_source(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Output, "starting").with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.as_str(), self.0.place)?;
        self.0
            .faults
            .iter()
            .try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("place", &self.0.place)
            .field("faults", &self.0.faults)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}
