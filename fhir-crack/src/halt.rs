use crate::error::{ErrorKind, Limit};

/// Why a walk over a piece of a page stopped before its end. Positions are those in the piece.
///
/// Eight bytes, so that results fit in registers on the way up from the innermost loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The piece goes on behind the bytes at hand.
    More,
    /// XML of a legal form the fast walk does not know; the unit has to be read by the tree reader. Never leaves `xml`.
    Unusual,
    /// Not well-formed at this position.
    Syntax(Expected, u32),
    /// The same member again at this position.
    Duplicate(u32),
    /// An entity this crate does not expand.
    Entity(u32),
    /// A byte that is no text at this position.
    Encoding(u32),
    /// A limit passed at this position.
    Limit(Limit, u32),
    /// Two columns of a table take the same value of the resource at this position.
    Shared(u32),
}

const _: () = assert!(size_of::<Result<(), Halt>>() == 8);

/// What would have been well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Character,
    Digit,
    Name,
    Number,
    Semicolon,
    Value,
    Attribute,
    Planned,
    Element,
    Escape,
    Markup,
    NoTag,
    OneResource,
    DocumentEnd,
    Resource,
    TagEnd,
    EndTag,
    String,
    Member,
    Item,
    Colon,
    Object,
    BundleMember,
    NextEntry,
    Entry,
}

impl Halt {
    #[cold]
    pub(crate) fn syntax(expected: Expected, at: usize) -> Self {
        Self::Syntax(expected, at as u32)
    }

    #[cold]
    pub(crate) fn duplicate(at: usize) -> Self {
        Self::Duplicate(at as u32)
    }

    #[cold]
    pub(crate) fn entity(at: usize) -> Self {
        Self::Entity(at as u32)
    }

    #[cold]
    pub(crate) fn limit(limit: Limit, at: usize) -> Self {
        Self::Limit(limit, at as u32)
    }

    /// The kind of error this is, and the position; `end` is where the input ends.
    pub(crate) fn kind(self, end: usize) -> (ErrorKind, usize) {
        match self {
            Self::More => (ErrorKind::Truncated, end),
            Self::Unusual => (ErrorKind::Syntax("XML"), end),
            Self::Syntax(expected, at) => (ErrorKind::Syntax(expected.as_str()), at as usize),
            Self::Duplicate(at) => (ErrorKind::DuplicateKey, at as usize),
            Self::Entity(at) => (ErrorKind::Entity, at as usize),
            Self::Encoding(at) => (ErrorKind::Encoding, at as usize),
            Self::Limit(limit, at) => (ErrorKind::Limit(limit), at as usize),
            Self::Shared(at) => (
                ErrorKind::Settings("two columns of a table take the same value"),
                at as usize,
            ),
        }
    }
}

impl Expected {
    fn as_str(self) -> &'static str {
        match self {
            Self::Character => "a character XML allows",
            Self::Digit => "a digit",
            Self::Name => "a name",
            Self::Number => "a number without leading zeros",
            Self::Semicolon => "a semicolon behind a reference",
            Self::Value => "a value",
            Self::Attribute => "an attribute once, with a quoted value",
            Self::Planned => "an element of the plan",
            Self::Element => "an element",
            Self::Escape => "an escape",
            Self::Markup => "markup XML knows",
            Self::NoTag => "no < in an attribute",
            Self::OneResource => "one resource an entry",
            Self::DocumentEnd => "the end of the document",
            Self::Resource => "a FHIR resource",
            Self::TagEnd => "the end of the tag",
            Self::EndTag => "the end tag of the element",
            Self::String => "a string",
            Self::Member => "a comma or the end of the object",
            Self::Item => "a comma or the end of the array",
            Self::Colon => "a colon",
            Self::Object => "a JSON object",
            Self::BundleMember => "a comma or the end of the Bundle",
            Self::NextEntry => "a comma or the end of the entries",
            Self::Entry => "an entry",
        }
    }
}
