use crate::error::{ErrorKind, Limit};

/// Why a walk over a piece of a page stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The piece goes on behind the bytes at hand.
    More,
    /// XML of a legal form the fast walk does not know; the unit has to be read by the tree reader. Never leaves `xml`.
    Unusual,
    /// Not well-formed at this position; the text says what was expected.
    Syntax(&'static str, usize),
    /// The same member again at this position.
    Duplicate(usize),
    /// An entity this crate does not expand.
    Entity(usize),
    /// A limit passed at this position.
    Limit(Limit, usize),
}

impl Halt {
    /// The kind of error this is, and the position; `end` is where the input ends.
    pub(crate) fn kind(self, end: usize) -> (ErrorKind, usize) {
        match self {
            Self::More => (ErrorKind::Truncated, end),
            Self::Unusual => (ErrorKind::Syntax("XML"), end),
            Self::Syntax(expected, at) => (ErrorKind::Syntax(expected), at),
            Self::Duplicate(at) => (ErrorKind::DuplicateKey, at),
            Self::Entity(at) => (ErrorKind::Entity, at),
            Self::Limit(limit, at) => (ErrorKind::Limit(limit), at),
        }
    }
}
