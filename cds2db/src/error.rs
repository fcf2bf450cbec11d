use std::error::Error as StdError;
use std::fmt;

use cds_hub::Condition;

/// What went wrong in a run: the kind, where, and the cause.
///
/// `Display` prints its own level only; the binary prints the chain of sources in one place.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
#[error("{place}")]
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

    /// What a caller can act on, where the hub said it, however deep: who holds the lock, what the hub lacks.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<cds_hub::Error>() {
                return error.condition();
            }
            cause = error.source();
        }
        None
    }

    /// Somebody else holds the hub's lock, or server or database cannot be reached: the same run may be tried again later.
    #[must_use]
    pub fn may_be_tried_again(&self) -> bool {
        self.kind() == ErrorKind::Unreachable
            || matches!(
                self.condition(),
                Some(Condition::LockHeld { .. } | Condition::LockLost | Condition::ConnectionLost)
            )
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
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
        let of = |condition: Option<Condition>| {
            let error = cds_hub::Error::new(cds_hub::ErrorKind::Schema, "MARKER");
            let error = match condition {
                Some(condition) => error.with_condition(condition),
                None => error,
            };
            Error::new(ErrorKind::Hub, "outer").because(hub_error("taking the hub's lock", error))
        };
        let held = Condition::LockHeld {
            by: "dataprocessor".to_owned(),
            since: "2025-01-31 07:00:00".to_owned(),
        };
        let older = Condition::HubOlder {
            missing: vec!["table patient".to_owned()],
        };
        for (condition, again) in [
            (Some(held), true),
            (Some(Condition::LockLost), true),
            (Some(Condition::ConnectionLost), true),
            (Some(older), false),
            (None, false),
        ] {
            let error = of(condition.clone());
            assert_eq!(error.condition(), condition.as_ref(), "however deep");
            assert_eq!(error.may_be_tried_again(), again, "{condition:?}");
        }
    }
}
