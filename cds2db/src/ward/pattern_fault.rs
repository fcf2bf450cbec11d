//! What is wrong with a filter pattern.

use std::fmt;

/// What is wrong with one entry of a ward definition.
///
/// `Display` names the key and the entry's number; it never repeats the pattern, which may hold an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternFault {
    /// Configuration key of the definition, such as `ENCOUNTER_FILTER_PATTERN_1`.
    pub key: String,
    /// Entry within the definition's list, counted from 1; 0 for the definition as a whole.
    pub entry: usize,
    /// What is wrong.
    pub kind: PatternFaultKind,
}

/// The ways a ward definition can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternFaultKind {
    /// A leading, trailing or doubled `+`, or an empty entry.
    EmptySubcondition,
    /// Not of the form `path = 'pattern'`.
    InvalidSubcondition,
    /// The regular expression does not compile; the text is the engine's message without the pattern.
    InvalidPattern,
    /// The same path twice in one AND-connected entry.
    DuplicatePath(String),
    /// `ward_name` together with conditions in one entry.
    WardNameCombined,
    /// Not exactly one `ward_name`; the number is how many there are.
    WardNameCount(usize),
    /// `ward_name = ''`.
    WardNameEmpty,
    /// A character in the name that nobody sees: it would be another ward that looks the same.
    WardNameInvisible,
    /// The name is that of another definition, whose key follows.
    WardNameDuplicate(String),
}

impl PatternFault {
    /// The fault without its key, for where the key stands already.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self.entry {
            0 => self.kind.to_string(),
            entry => format!("entry {entry}: {}", self.kind),
        }
    }
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if self.entry > 0 {
            write!(f, ", entry {}", self.entry)?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Display for PatternFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternFaultKind::EmptySubcondition => {
                f.write_str("Invalid empty subcondition: remove the leading, trailing or doubled '+'")
            }
            PatternFaultKind::InvalidSubcondition => f.write_str(
                "Invalid subcondition: expected path = 'pattern' with letters and '/' in the path and single quotes \
                 round the pattern",
            ),
            PatternFaultKind::InvalidPattern => {
                f.write_str("Invalid subcondition: the pattern is not a valid regular expression")
            }
            PatternFaultKind::DuplicatePath(path) => {
                write!(f, "Invalid subcondition: {path} occurs twice; write one pattern for both or two entries")
            }
            PatternFaultKind::WardNameCombined => {
                f.write_str("ward_name must not be combined with other conditions by '+'")
            }
            PatternFaultKind::WardNameCount(n) => {
                write!(f, "ward_name must occur exactly once, found {n} times")
            }
            PatternFaultKind::WardNameEmpty => f.write_str("ward_name must not be empty"),
            PatternFaultKind::WardNameInvisible => f.write_str("ward_name holds an invisible character"),
            PatternFaultKind::WardNameDuplicate(other) => {
                write!(f, "ward_name is also used by {other}; ward names must be unique")
            }
        }
    }
}
