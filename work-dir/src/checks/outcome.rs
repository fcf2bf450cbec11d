//! The result of a test.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the failure of a test does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The table is not handed on; the others are.
    Stop,
    /// The resources concerned wait, listed with their reason, until they are corrected or released.
    Hold,
    /// It is said, and the data are handed on as the source wrote them. `warn` means the same.
    #[serde(alias = "warn")]
    Remark,
    /// The test is not made.
    Off,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The data are as they should be.
    Passed,
    /// They are not.
    Failed,
    /// It could not be made.
    Skipped,
}

/// The result of one test of one table, without any patient's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Name of the test, as the rules call it; the site's name for one of its own.
    pub test: String,
    /// The column and what in it; empty for the table.
    pub place: String,
    /// What a failure does.
    pub severity: Severity,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// Rows that are wrong; 0 where the failure is about the table.
    #[serde(default)]
    pub wrong: u64,
    /// Rows that were tested; 0 where the failure is about the table.
    #[serde(default)]
    pub of: u64,
    /// What to do about a failure.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub advice: String,
    /// What was found concerns few patients, so a masked report does not tell it.
    #[serde(default)]
    pub few: bool,
    /// Quantiles that were compared.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ratios: Vec<Ratio>,
    /// The column, for finding the rows.
    #[serde(skip)]
    pub(crate) about: Option<About>,
}

/// The cells that an outcome is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct About {
    pub(crate) column: String,
    /// Code and unit.
    pub(crate) group: Option<(String, String)>,
}

/// A quantile beside its reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Quantile, 0 to 1.
    pub q: f64,
    /// What the data have there.
    pub value: f64,
    /// What the reference has there.
    pub reference: f64,
    /// How many times larger the larger one is.
    pub ratio: f64,
}

impl Outcome {
    /// A test that found nothing.
    pub(crate) fn passed(test: &str, severity: Severity, found: impl Into<String>) -> Self {
        Self {
            test: test.to_owned(),
            place: String::new(),
            severity,
            verdict: Verdict::Passed,
            found: found.into(),
            wrong: 0,
            of: 0,
            advice: String::new(),
            few: false,
            ratios: Vec::new(),
            about: None,
        }
    }

    /// A test that could not be made.
    pub(crate) fn skipped(test: &str, severity: Severity, why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Skipped,
            ..Self::passed(test, severity, why)
        }
    }

    /// The failures; without any, one outcome that says what was tested.
    pub(crate) fn failures_or_passed(
        failures: Vec<Self>,
        test: &str,
        severity: Severity,
        tested: impl Into<String>,
    ) -> Vec<Self> {
        if failures.is_empty() {
            vec![Self::passed(test, severity, tested)]
        } else {
            failures
        }
    }

    /// A test that found something.
    pub(crate) fn failed(
        test: &str,
        severity: Severity,
        place: &str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            place: place.to_owned(),
            verdict: Verdict::Failed,
            advice: advice.into(),
            ..Self::passed(test, severity, found)
        }
    }

    /// Notes which column it is about.
    pub(crate) fn about(mut self, column: &str) -> Self {
        self.about = Some(About {
            column: column.to_owned(),
            group: None,
        });
        self
    }

    /// Notes which numbers of a column it is about: those of a code and unit.
    pub(crate) fn about_group(mut self, column: &str, code: &str, unit: &str) -> Self {
        self.about = Some(About {
            column: column.to_owned(),
            group: Some((code.to_owned(), unit.to_owned())),
        });
        self
    }

    /// Notes how many rows are wrong, and among how many.
    pub(crate) fn among(mut self, wrong: u64, of: u64) -> Self {
        (self.wrong, self.of) = (wrong, of);
        self
    }

    /// Notes that what was found concerns few patients.
    pub(crate) fn of_few(mut self, few: bool) -> Self {
        self.few = few;
        self
    }

    /// Whether the table must not be handed on.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.verdict == Verdict::Failed && self.severity == Severity::Stop
    }

    /// Whether the resources concerned must wait.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Failed && self.severity == Severity::Hold
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.verdict, self.severity) {
            (Verdict::Passed, _) => "passed",
            (Verdict::Skipped, _) => "skipped",
            (Verdict::Failed, Severity::Stop) => "FAILED (stops)",
            (Verdict::Failed, Severity::Hold) => "FAILED (holds)",
            (Verdict::Failed, _) => "failed (remarked)",
        };
        write!(f, "{verdict} {}", self.test)?;
        if !self.place.is_empty() {
            write!(f, " {}", self.place)?;
        }
        write!(f, ": {}", self.found)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}
