/// A typed cell. Epochs are Unix epochs: day 0 and second 0 are 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i32),
    /// A decimal as the shortest double that reads back the same.
    Decimal(f64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00 of wall time in the site's zone, without a zone.
    DateTime(i64),
    /// Microseconds since midnight, 0 to 86,400,000,000 (24:00:00).
    Time(i64),
}

/// How much of a date or date-time was given; the rest was filled with the start of the period.
///
/// Source: partial dates in <https://hl7.org/fhir/R4/datatypes.html#date> (R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// `2020`
    Year,
    /// `2020-05`
    Month,
    /// `2020-05-06`
    Day,
    /// `2020-05-06T07:08`
    Minute,
    /// `2020-05-06T07:08:09`, with or without a fraction
    Second,
}

impl Precision {
    /// The word for it: `year`, `month`, `day`, `minute` or `second`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }
}
