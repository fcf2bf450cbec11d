use std::fmt;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The tables are those described.
    Described,
    /// Functions, views and triggers are as they were installed.
    Installed,
    /// Every typed row has its raw row.
    TypedHasRaw,
    /// Every companion row belongs to a row.
    CompanionHasRow,
    /// Every row belongs to an import.
    RowHasImport,
    /// The hash of a row is that of its content (a sample).
    Hash,
    /// No two rows have the same hash.
    HashOnce,
    /// No raw row waits for typing.
    Typed,
    /// Typed rows carry the number of the raw rows that were confirmed last.
    Aligned,
    /// The sequence is beyond all ids and numbers.
    Sequence,
    /// No lock is held beyond its lease, or by nobody, or for more than a day.
    Lock,
    /// Rows are noted with the import that brought them, and none is noted that is not there.
    Noted,
    /// Imports have ended and their numbers follow one another.
    Imports,
    /// No watermark is still to come.
    Watermarks,
    /// Refused rows are for an inbox of their table and came with an import.
    Refused,
    /// No module can write into the core but as it is meant to.
    Rights,
    /// No row is in quarantine.
    Quarantine,
}

impl Rule {
    /// All rules, in the order they are looked at.
    pub const ALL: [Self; 17] = [
        Self::Described,
        Self::Installed,
        Self::TypedHasRaw,
        Self::CompanionHasRow,
        Self::RowHasImport,
        Self::Hash,
        Self::HashOnce,
        Self::Typed,
        Self::Aligned,
        Self::Sequence,
        Self::Lock,
        Self::Noted,
        Self::Imports,
        Self::Watermarks,
        Self::Refused,
        Self::Rights,
        Self::Quarantine,
    ];

    /// Whether breaking it means that something is wrong, and not just unfinished.
    #[must_use]
    pub fn is_invariant(self) -> bool {
        !matches!(self, Self::HashOnce | Self::Typed | Self::Quarantine)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Described => "tables are as described",
            Self::Installed => "functions, views and triggers are as they were installed",
            Self::TypedHasRaw => "typed rows have their raw row",
            Self::CompanionHasRow => "companion rows belong to a row",
            Self::RowHasImport => "rows belong to an import",
            Self::Hash => "hashes are those of the content (sample)",
            Self::HashOnce => "no content is stored twice",
            Self::Typed => "no raw row waits for typing",
            Self::Aligned => "typed rows have the number of their raw row",
            Self::Sequence => "the sequence is beyond all ids and numbers",
            Self::Lock => "no lock is held beyond its lease",
            Self::Noted => "rows are noted with their import",
            Self::Imports => "imports have ended, and their numbers follow one another",
            Self::Watermarks => "no watermark is still to come",
            Self::Refused => "refused rows belong to an inbox and an import",
            Self::Rights => "modules write into the core only as they are meant to",
            Self::Quarantine => "no row is in quarantine",
        })
    }
}

/// Where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Contract name of the table, or what else it is about.
    pub place: String,
    /// How many rows, columns or other things break it.
    pub count: i64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.count)
    }
}
