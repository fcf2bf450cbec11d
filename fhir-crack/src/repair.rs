//! Values that were read otherwise than they stand in the page, because as they stand they are no text.

/// A value of a batch that was repaired: a reading without a guess, kept beside the mark that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Row of the batch, counted from 0.
    pub row: u32,
    /// Column of its table, counted from 0.
    pub column: u32,
    /// What stood there.
    pub what: Repaired,
}

/// What stands as U+FFFD in a value, or was read by an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repaired {
    /// Half of a surrogate pair, which is no character.
    Surrogate,
    /// U+0000, which no database can hold.
    Nul,
    /// A reference to a character that XML does not allow.
    Character,
    /// A byte that is no UTF-8, read as Latin-1 because [`ForeignBytes::Latin1`](crate::ForeignBytes::Latin1) says so.
    Latin1,
}

impl Repaired {
    /// A short name for logs and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Surrogate => "half of a surrogate pair",
            Self::Nul => "U+0000",
            Self::Character => "a character XML does not allow",
            Self::Latin1 => "a byte read as Latin-1",
        }
    }
}

/// A repair while a page is walked: numbers of table and column among those of all tables.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) table: u32,
    pub(crate) column: u32,
    pub(crate) row: u32,
    pub(crate) what: Repaired,
}
