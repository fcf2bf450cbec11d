//! What a profile holds, as it is written to JSON. Field names are stable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::Count;

/// What the rows of a table look like: counts, shares and distributions, and no row.
///
/// It is not masked: a file with it must stay in the clinic. The report masks what it shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    /// The table, in lower case.
    pub table: String,
    /// The batches it was made of, counted from 0.
    pub batches: Vec<u32>,
    /// Rows, and patients up to the cap.
    pub rows: Count,
    /// Different patients, all of them; 0 where the table names none.
    pub patients: u64,
    /// Resources that the rows were melted from; as many as rows where no column names them.
    pub resources: u64,
    /// Rows of the resource that has the most.
    pub most_rows: u64,
    /// Rows that repeat another row in every column.
    pub duplicates: u64,
    /// Columns in the order of the files.
    pub columns: Vec<ColumnProfile>,
}

impl TableProfile {
    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What is in a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name of the column.
    pub name: String,
    /// Type in the file.
    pub kind: Kind,
    /// Rows with a value.
    pub filled: Count,
    /// Rows without a value.
    pub empty: Count,
    /// Different values; `None` where there are more than are told apart.
    pub distinct: Option<u64>,
    /// Values that are not of the declared type, or not a finite number.
    pub unreadable: Count,
    /// Codes that hold what a code must not: blanks at an end, tabs, control characters, quotes, or nothing.
    pub odd: Count,
    /// References to a patient or encounter that is not in the run; `None` where its table is not there.
    pub unknown: Option<Unknown>,
    /// Numbers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub numbers: Option<Numbers>,
    /// Numbers by code and unit, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub groups: Vec<Group>,
    /// Dates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<Days>,
    /// Codes, the most frequent first; empty for columns that do not hold codes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub codes: Vec<Code>,
    /// Units whose system is UCUM or not said, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub units: Vec<Code>,
}

impl ColumnProfile {
    /// Share of rows without a value, 0 to 1; 0 without rows.
    #[must_use]
    pub fn null_share(&self) -> f64 {
        share(self.empty.rows, self.empty.rows + self.filled.rows)
    }
}

/// Type of a column in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text.
    #[default]
    Text,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// A time of day.
    Time,
}

/// References that lead nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// Rows with such a reference.
    pub rows: Count,
    /// Different ids that are not known.
    pub ids: u64,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The value.
    pub value: String,
    /// How often.
    pub count: Count,
    /// How many patients, all of them; `None` where rows of a patient do not lie together.
    #[serde(default)]
    pub people: Option<u64>,
}

/// The distribution of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// How many.
    pub count: Count,
    /// Quantile and value, ascending.
    pub quantiles: Vec<(f64, f64)>,
    /// Bars of equal width over the middle of the numbers.
    pub bins: Vec<Bin>,
    /// Numbers below the first bar.
    pub below: Count,
    /// Numbers above the last bar.
    pub above: Count,
}

impl Numbers {
    /// The value at a quantile, if it is one of those kept.
    #[must_use]
    pub fn at(&self, q: f64) -> Option<f64> {
        let found = self.quantiles.iter().find(|(at, _)| (at - q).abs() < 1e-12);
        found.map(|(_, value)| *value)
    }
}

/// One bar of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// First number of the bar.
    pub from: f64,
    /// First number behind the bar; the last bar has it too.
    pub to: f64,
    /// Numbers in it.
    pub count: Count,
}

/// Numbers of one code and unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The code, empty where there is none.
    pub code: String,
    /// The unit, empty where there is none.
    pub unit: String,
    /// Their distribution.
    pub numbers: Numbers,
}

/// The distribution of dates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Days {
    /// By year.
    pub years: BTreeMap<i32, Count>,
    /// By month of the year, 1 to 12.
    pub months: BTreeMap<u8, Count>,
    /// By day of the month, 1 to 31.
    pub days: BTreeMap<u8, Count>,
    /// By year and month, in order; the last ones where there are very many.
    pub course: Vec<(i32, u8, Count)>,
    /// Dates before 1900-01-01 or behind the first day of next year; of 2100 where they may lie in the future.
    pub implausible: Count,
    /// Customary ends for "not ended yet" (9999-12-31, 2999-12-31), counted nowhere else.
    #[serde(default)]
    pub open_ends: Count,
    /// Customary beginnings for "not known" (0001-01-01), counted nowhere else.
    #[serde(default)]
    pub open_begins: Count,
}

/// `part` of `whole`, 0 to 1; 0 of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
    let share = part as f64 / whole as f64;
    share
}
