use std::fmt;

use cds_hub::Condition;
use site_config::Fault;

/// Result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and why.
///
/// One pointer wide. `Display` prints this level only, the chain is reached through [`std::error::Error::source`].
/// Names of files, keys, tables, columns and wards appear in it, values of patients never.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
#[error("{kind}: {place}{}", in_lines(.faults))]
struct Inner {
    kind: ErrorKind,
    place: String,
    faults: Vec<Fault>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is not usable; see [`Error::faults`].
    #[error("unusable configuration")]
    Configuration,
    /// The hub could not be read or written.
    #[error("the hub")]
    Hub,
    /// Rows of the hub do not have the shape this program expects.
    #[error("unexpected shape of rows")]
    Shape,
    /// The ward list and the running cases name nobody.
    #[error("no patient of interest")]
    NobodyOfInterest,
    /// None of the encounters found is a contact of one of the three levels.
    #[error("no contact of a known level")]
    NoContacts,
    /// A ward of the ward list has no phase in the configuration.
    #[error("ward without study phase")]
    WardWithoutPhase,
    /// A table declared as SQL cannot be used.
    #[error("unusable table declaration")]
    SqlTable,
    /// The directory of a run cannot be used.
    #[error("the run's directory")]
    RunDirectory,
    /// The program could not start or print.
    #[error("the program could not start or print")]
    Output,
}

/// Each fault on a line of its own.
fn in_lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
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

    /// What a caller can act on, where the hub said it: who holds the lock, that the connection was lost.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        let source = self.0.source.as_deref()?;
        source.downcast_ref::<cds_hub::Error>()?.condition()
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
