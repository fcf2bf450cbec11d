use std::error::Error as StdError;
use std::fmt;

/// What went wrong in a run: the kind, where, and the cause.
///
/// `Display` prints its own level only; the binary prints the chain of sources in one place.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of error a caller may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration has faults; all of them are in the text.
    Config,
    /// A table description cannot be used.
    Description,
    /// The FHIR server did not deliver everything.
    Search,
    /// A page cannot be read as FHIR.
    Crack,
    /// The hub refused or was lost.
    Hub,
    /// Server or database could not be reached in time.
    Unreachable,
    /// A file or directory cannot be used.
    File,
    /// The dataprocessor failed.
    Dataprocessor,
    /// The local database or server of the demo cannot be started.
    Start,
    /// The data failed a test that stops; they were not handed on.
    Data,
    /// The run was stopped by the user.
    Stopped,
}

impl Error {
    /// An error of this kind at this place.
    #[must_use]
    pub fn new(kind: ErrorKind, place: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: place.into(),
            source: None,
        }))
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Somebody else holds the hub's lock, or took it meanwhile: the same run may be tried again later.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(
            self.hub(),
            Some(cds_hub::ErrorKind::Locked | cds_hub::ErrorKind::LockLost)
        )
    }

    /// The hub cannot be reached or the connection to it broke.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.hub() == Some(cds_hub::ErrorKind::Connect)
    }

    /// The hub's tables are not those of this program: `cds-hub migrate` brings them up to date.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.hub() == Some(cds_hub::ErrorKind::Schema)
    }

    /// What the hub's library said, where it is the cause.
    fn hub(&self) -> Option<cds_hub::ErrorKind> {
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<cds_hub::Error>() {
                return Some(error.kind());
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.place)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("place", &self.0.place)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// An error of the hub at a place.
pub(crate) fn hub_error(place: &str, error: cds_hub::Error) -> Error {
    Error::new(ErrorKind::Hub, place).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_tells_try_later_from_call_somebody() {
        let of = |kind| hub_error("taking the hub's lock", cds_hub::Error::new(kind, "MARKER"));
        let told = |error: &Error| (error.is_busy(), error.is_lost(), error.is_outdated());
        let cases = [
            (cds_hub::ErrorKind::Locked, (true, false, false)),
            (cds_hub::ErrorKind::LockLost, (true, false, false)),
            (cds_hub::ErrorKind::Connect, (false, true, false)),
            (cds_hub::ErrorKind::Schema, (false, false, true)),
            (cds_hub::ErrorKind::Database, (false, false, false)),
        ];
        for (kind, expected) in cases {
            assert_eq!(told(&of(kind)), expected, "{kind:?}");
        }
        let around = Error::new(ErrorKind::Hub, "outer").because(of(cds_hub::ErrorKind::Connect));
        assert!(around.is_lost(), "however deep");
    }
}
