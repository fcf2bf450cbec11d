use arrow_schema::{DataType, TimeUnit};

/// Which types of Arrow a consumer takes. What it refuses is never made for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// polars, DuckDB, pandas, DataFusion, pyarrow: string views, dictionaries, times of day.
    #[default]
    Native,
    /// Spark, by `mapInArrow`: plain strings; no dictionaries, times of day as text.
    Spark,
    /// Delta tables: plain strings, dictionaries; times of day as text.
    Delta,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Native, Self::Spark, Self::Delta];

    /// The word for it: `native`, `spark` or `delta`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Spark => "spark",
            Self::Delta => "delta",
        }
    }

    /// The profile of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == word)
    }

    /// Type of texts.
    #[must_use]
    pub fn text(self) -> DataType {
        match self {
            Self::Native => DataType::Utf8View,
            Self::Spark | Self::Delta => DataType::Utf8,
        }
    }

    /// Type of times of day, which some consumers know as text only.
    #[must_use]
    pub fn time(self) -> DataType {
        match self {
            Self::Native => DataType::Time64(TimeUnit::Microsecond),
            Self::Spark | Self::Delta => DataType::Utf8,
        }
    }

    /// Type of texts that few values make up, or many rows repeat.
    #[must_use]
    pub fn words(self) -> DataType {
        if self.takes_dictionaries() {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        } else {
            DataType::Utf8
        }
    }

    /// Whether the consumer takes dictionaries.
    #[must_use]
    pub fn takes_dictionaries(self) -> bool {
        self != Self::Spark
    }
}
