use std::fmt;

/// The closed set of seven scalar types a column can have.
///
/// Every FHIR primitive falls into one of them: `id`, `code`, `uri` … are [`FhirType::String`], `instant` is
/// [`FhirType::DateTime`]. Source: <https://hl7.org/fhir/R4/datatypes.html#primitive> (R4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FhirType {
    /// Text as it stands.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// A decimal number.
    Decimal,
    /// A calendar day, or a year or month standing for its first day.
    Date,
    /// A point in time, kept as wall time of the site's zone.
    DateTime,
    /// A time of day.
    Time,
}

impl FhirType {
    /// All types, in the order the workbook's vocabulary lists them.
    pub const ALL: [Self; 7] = [
        Self::String,
        Self::Boolean,
        Self::Integer,
        Self::Decimal,
        Self::Date,
        Self::DateTime,
        Self::Time,
    ];

    /// The word the workbooks use; the empty cell also means [`FhirType::String`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Time => "time",
        }
    }

    /// Reads the word of a workbook cell: blanks round it and case do not matter, an empty cell is a string.
    /// `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        if word.is_empty() {
            return Some(Self::String);
        }
        Self::ALL
            .into_iter()
            .find(|t| t.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for FhirType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
