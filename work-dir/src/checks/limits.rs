//! Severity and limits of each test, and what they are where nobody says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Severity;

/// Rules of a test without limits that stops.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stopping {
    /// What a failure does.
    pub severity: Severity,
}

/// Rules of a test without limits that remarks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remarking {
    /// What a failure does.
    pub severity: Severity,
}

/// Rules for dates.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dates {
    /// What a failure does.
    pub severity: Severity,
    /// The quantiles lie behind this year.
    pub after_year: i32,
    /// The quantiles lie before this year.
    pub before_year: i32,
    /// Share of implausible dates, 0 to 1, above which `hold` and `stop` act; every one is remarked.
    pub implausible: f64,
    /// Columns that may hold any date, as `table.column`.
    pub ignore: Vec<String>,
}

/// Rules for the characters of codes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Codes {
    /// What a failure does.
    pub severity: Severity,
    /// What a failure in the categories of the original system's files does.
    pub categories: Severity,
}

/// Rules for systems of codes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Systems {
    /// What a failure does.
    pub severity: Severity,
    /// Share of rows from other systems, 0 to 1, above which the test fails.
    pub share: f64,
    /// Systems by `table.column` of the system.
    pub expected: BTreeMap<String, Vec<String>>,
}

/// Rules for missing values.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nulls {
    /// What a failure does.
    pub severity: Severity,
    /// Share, 0 to 1, above which `hold` and `stop` act for columns that every row needs; every miss is remarked.
    pub share: f64,
    /// Shares by `table.column` above which columns of the site's own fail.
    pub columns: BTreeMap<String, f64>,
}

/// Rules for tables with one row a patient.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Singleton {
    /// What a failure does.
    pub severity: Severity,
    /// The tables.
    pub tables: Vec<String>,
}

/// Rules for references.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct References {
    /// What a failure does.
    pub severity: Severity,
    /// Share of rows, 0 to 1, above which the test fails.
    pub share: f64,
}

/// Rules for reference distributions.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Distribution {
    /// What a failure at the median does.
    pub severity: Severity,
    /// What a failure at another quantile does.
    pub tails: Severity,
    /// Factor at the median.
    pub median: f64,
    /// Factor at the others.
    pub tail: f64,
    /// Fewer numbers are not compared.
    pub min_rows: u64,
    /// Whether the medians that come with the program are used.
    pub built_in: bool,
    /// Reference files.
    pub files: Vec<PathBuf>,
    /// Where the signals of reference files are.
    pub signals: BTreeMap<String, String>,
}

/// Rules for the run before.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// What a failure does.
    pub severity: Severity,
    /// Share by which the number of rows may fall.
    pub rows: f64,
    /// How far the share of empty cells may move.
    pub nulls: f64,
    /// Factor between medians.
    pub median: f64,
    /// Share of rows that a new or vanished code must have had.
    pub codes: f64,
    /// Fewer rows are not compared.
    pub min_rows: u64,
}

/// A test of the site's own.
///
/// To be held, resources must be told: the query selects their id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// The table whose log and page it belongs to.
    pub table: String,
    /// Selects the rows that are wrong.
    pub sql: String,
    /// What a failure does; it remarks where nothing is said.
    #[serde(default = "remark")]
    pub severity: Severity,
    /// Share of the table's rows above which it holds or stops; that of `[floor]` where nothing is said.
    #[serde(default)]
    pub share: Option<f64>,
    /// Rows from which on it holds or stops; that of `[floor]` where nothing is said.
    #[serde(default)]
    pub number: Option<u64>,
    /// What to do about it.
    #[serde(default)]
    pub advice: String,
}

fn remark() -> Severity {
    Severity::Remark
}

impl Default for Stopping {
    fn default() -> Self {
        Self {
            severity: Severity::Stop,
        }
    }
}

impl Default for Remarking {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
        }
    }
}

impl Default for Dates {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            after_year: 1900,
            before_year: 2100,
            implausible: 0.002,
            ignore: Vec::new(),
        }
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            categories: Severity::Remark,
        }
    }
}

impl Default for Systems {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            share: 0.0,
            expected: BTreeMap::new(),
        }
    }
}

impl Default for Nulls {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            share: 0.001,
            columns: BTreeMap::new(),
        }
    }
}

impl Default for Singleton {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            tables: ["BDATE", "GENDER", "BYEAR"].map(str::to_owned).to_vec(),
        }
    }
}

impl Default for References {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            share: 0.0,
        }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            tails: Severity::Remark,
            median: 2.0,
            tail: 3.0,
            min_rows: 20,
            built_in: true,
            files: Vec::new(),
            signals: BTreeMap::new(),
        }
    }
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            severity: Severity::Remark,
            rows: 0.5,
            nulls: 0.1,
            median: 2.0,
            codes: 0.01,
            min_rows: 100,
        }
    }
}
