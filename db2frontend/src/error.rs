use std::fmt;

use site_config::Fault;

use crate::api::{Reason, Refusal};

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed and where. Names of files, forms, fields and records appear in it; values, tokens and texts of the server
/// never.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: String,
    faults: Vec<Fault>,
    refusals: Vec<Refusal>,
    reason: Option<Reason>,
    too_much: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is not usable; see [`Error::faults`].
    Configuration,
    /// The data dictionary is not usable; see [`Error::faults`].
    Dictionary,
    /// The hub could not be read, written or locked.
    Hub,
    /// The frontend's server could not be reached, or went on failing.
    Unreachable,
    /// The server lets nobody with this token do this.
    Forbidden,
    /// The server answered something its interface does not promise.
    Answer,
    /// The server refused rows; they are named by record, form and field.
    Refused,
    /// A file of the exchange could not be read or written.
    Files,
    /// The directory of a run cannot be used.
    RunDirectory,
    /// A step of the chain failed.
    Step,
    /// Stopped from outside.
    Stopped,
    /// The program could not start or print.
    Output,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "unusable configuration",
            Self::Dictionary => "unusable data dictionary",
            Self::Hub => "the hub",
            Self::Unreachable => "the frontend cannot be reached",
            Self::Forbidden => "the frontend forbids it",
            Self::Answer => "unexpected answer of the frontend",
            Self::Refused => "the frontend refused rows",
            Self::Files => "files of the exchange",
            Self::RunDirectory => "the run's directory",
            Self::Step => "a step of the chain",
            Self::Stopped => "stopped",
            Self::Output => "the program could not start or print",
        }
    }
}

impl Error {
    /// An error of this kind at this place (names of files, forms, fields or records; never a value).
    #[must_use]
    pub fn new(kind: ErrorKind, place: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: place.into(),
            faults: Vec::new(),
            refusals: Vec::new(),
            reason: None,
            too_much: false,
            source: None,
        }))
    }

    /// All faults of a configuration or dictionary as one error.
    #[must_use]
    pub fn of_faults(kind: ErrorKind, faults: Vec<Fault>) -> Self {
        let mut this = Self::new(kind, format!("{} fault(s)", faults.len()));
        this.0.faults = faults;
        this
    }

    /// Rows the server refused, of which the first few are named.
    pub(crate) fn refused(place: &str, refusals: Vec<Refusal>) -> Self {
        const NAMED: usize = 5;
        let named: Vec<String> = refusals.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match refusals.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let mut this = Self::new(ErrorKind::Refused, format!("{place}: {}{more}", named.join("; ")));
        this.0.refusals = refusals;
        this
    }

    pub(crate) fn with_reason(mut self, reason: Reason) -> Self {
        self.0.reason = Some(reason);
        self
    }

    pub(crate) fn with_too_much(mut self) -> Self {
        self.0.too_much = true;
        self
    }

    /// The same error with its cause. The cause must not show values.
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

    /// The rows the server refused, for [`ErrorKind::Refused`].
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.0.refusals
    }

    /// The class of what the server said, where it said anything.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason
    }

    /// Whether asking for less at once may do.
    pub(crate) fn is_too_much(&self) -> bool {
        self.0.too_much
    }

    /// Where it happened.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// The faults of configuration or dictionary, in order of file and line; empty for other kinds.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
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
