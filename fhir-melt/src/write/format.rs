/// A file format for rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RFC 4180 with a header, lines ended by LF. NULL is an empty cell, the empty text a quoted one.
    #[default]
    Csv,
    /// One JSON object a line. NULL cells are left out.
    NdJson,
    /// Parquet, one row group for some 100,000 rows.
    #[cfg(feature = "polars")]
    Parquet,
}

impl Format {
    /// All formats this build can write.
    pub const ALL: &[Self] = &[
        Self::Csv,
        Self::NdJson,
        #[cfg(feature = "polars")]
        Self::Parquet,
    ];

    /// The word of the command line and file extension: `csv`, `ndjson` or `parquet`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::NdJson => "ndjson",
            #[cfg(feature = "polars")]
            Self::Parquet => "parquet",
        }
    }

    /// Reads the word of the command line; `None` for a format this build cannot write.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.as_str() == word)
    }
}
