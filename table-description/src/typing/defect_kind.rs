use std::fmt;

/// Why a text has no value of its column's type, or what had to be done to give it one.
///
/// The kind never carries the text: defects are logged and stored, values are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DefectKind {
    /// Nothing but blanks where a value was expected.
    Empty,
    /// Two values with the same index were joined in the cell; text columns keep both, other types have no value.
    SeveralValues,
    /// Not `true` or `false`.
    NotABoolean,
    /// Not a whole number.
    NotAnInteger,
    /// Not a decimal number.
    NotADecimal,
    /// Not a date.
    NotADate,
    /// Not a date-time.
    NotADateTime,
    /// Not a time of day.
    NotATime,
    /// Written like a date, but the calendar has no such day.
    NoSuchDay,
    /// Written like a time, but the clock has no such time.
    NoSuchTime,
    /// A number beyond the type (32 bits, double) or a year outside 1 to 9999.
    OutOfRange,
    /// A wall time that the zone skipped when clocks went forward: moved forward by the length of the gap. The value
    /// is kept.
    ShiftedOutOfGap,
    /// The resource would melt to more rows than the limit allows: it is kept raw only. Concerns no single column.
    TooManyRows,
}

impl DefectKind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Empty,
        Self::SeveralValues,
        Self::NotABoolean,
        Self::NotAnInteger,
        Self::NotADecimal,
        Self::NotADate,
        Self::NotADateTime,
        Self::NotATime,
        Self::NoSuchDay,
        Self::NoSuchTime,
        Self::OutOfRange,
        Self::ShiftedOutOfGap,
        Self::TooManyRows,
    ];

    /// A stable word for tables and logs, such as `not_a_date`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::SeveralValues => "several_values",
            Self::NotABoolean => "not_a_boolean",
            Self::NotAnInteger => "not_an_integer",
            Self::NotADecimal => "not_a_decimal",
            Self::NotADate => "not_a_date",
            Self::NotADateTime => "not_a_datetime",
            Self::NotATime => "not_a_time",
            Self::NoSuchDay => "no_such_day",
            Self::NoSuchTime => "no_such_time",
            Self::OutOfRange => "out_of_range",
            Self::ShiftedOutOfGap => "shifted_out_of_gap",
            Self::TooManyRows => "too_many_rows",
        }
    }

    /// Whether the value was kept although there is something to record.
    #[must_use]
    pub fn keeps_value(self) -> bool {
        self == Self::ShiftedOutOfGap
    }
}

impl fmt::Display for DefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
