//! The rules of the tests, as `checks.toml` writes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::action::{Actions, can_hold};
use super::limits::{
    Codes, Dates, Distribution, Drift, Nulls, References, Remarking, Singleton, Site, Stopping, Systems,
};
use super::{Action, Floor, Outcome, Severity, Strict};
use crate::{Error, ErrorKind, Layout};

/// The default rules as a commented file.
pub const DEFAULT_RULES: &str = include_str!("defaults.toml");

/// Severities and limits of the tests; `Rules::default()` is what [`DEFAULT_RULES`] says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Columns and their types.
    pub structure: Stopping,
    /// Dates.
    pub dates: Dates,
    /// Numbers.
    pub numbers: Remarking,
    /// Characters of codes.
    pub codes: Codes,
    /// Systems of codes.
    pub systems: Systems,
    /// Missing values.
    pub nulls: Nulls,
    /// Repeated rows.
    pub duplicates: Remarking,
    /// One row a patient.
    pub singleton: Singleton,
    /// Patients and encounters that rows refer to.
    pub references: References,
    /// Units.
    pub units: Remarking,
    /// Reference distributions.
    pub distribution: Distribution,
    /// The run before.
    pub drift: Drift,
    /// Tests of the site's own.
    pub site: Vec<Site>,
    /// From which share and number of rows on `hold` and `stop` act.
    pub floor: Floor,
    /// What differs for a table, by test.
    pub table: BTreeMap<String, BTreeMap<String, Action>>,
    /// What keeps final files at their last good state.
    #[serde(rename = "final")]
    pub strict: Strict,
}

/// The tests, by the names that rules and outcomes call them.
pub(crate) const TESTS: [&str; 15] = [
    "structure",
    "dates",
    "open dates",
    "numbers",
    "codes",
    "categories",
    "systems",
    "nulls",
    "duplicates",
    "singleton",
    "references",
    "units",
    "distribution",
    "tails",
    "drift",
];

impl Rules {
    /// Reads a file of rules; what it does not say stays as the defaults are. Reference files are found beside it.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read, [`ErrorKind::Rules`] with line and column when it has a fault.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let mut rules: Self = toml::from_str(&text).map_err(|e| Error::caused(ErrorKind::Rules, path, e))?;
        let beside = path.parent().unwrap_or(Path::new(""));
        for file in &mut rules.distribution.files {
            *file = beside.join(&*file);
        }
        match rules.fault() {
            Some(fault) => Err(Error::caused(ErrorKind::Rules, path, fault)),
            None => Ok(rules),
        }
    }

    /// What the file says and cannot be done.
    fn fault(&self) -> Option<String> {
        let own = |name: &str| self.site.iter().any(|site| site.name == name);
        for (table, tests) in &self.table {
            for (test, action) in tests {
                if !TESTS.contains(&test.as_str()) && !own(test) {
                    let all = TESTS.join(", ");
                    return Some(format!(
                        "[table.{table}]: there is no test {test:?}; there are {all}"
                    ));
                }
                if action.severity == Severity::Hold && !can_hold(test) {
                    return Some(format!("[table.{table}]: {}", cannot_hold(test)));
                }
            }
        }
        let general = [
            ("structure", self.structure.severity),
            ("duplicates", self.duplicates.severity),
            ("singleton", self.singleton.severity),
            ("drift", self.drift.severity),
        ];
        let (test, _) = general
            .into_iter()
            .find(|(_, severity)| *severity == Severity::Hold)?;
        Some(cannot_hold(test))
    }

    /// What a failure of this test of this table does.
    #[must_use]
    pub fn decide(&self, table: &str, outcome: &Outcome, strict: bool) -> Severity {
        let said = |actions: &Actions| {
            actions
                .get(table)
                .and_then(|tests| tests.get(&outcome.test))
                .copied()
        };
        let own = self
            .site
            .iter()
            .find(|site| site.name == outcome.test && site.table == table);
        let action = if strict {
            said(&self.strict.table).or_else(|| self.strict.of(&outcome.test))
        } else {
            said(&self.table)
        };
        let action = action.unwrap_or_else(|| Action {
            severity: outcome.severity,
            share: own.and_then(|site| site.share),
            number: own.and_then(|site| site.number),
        });
        let floor = Floor {
            share: match outcome.test.as_str() {
                "dates" => self.dates.implausible,
                "nulls" => self.nulls.share,
                _ => self.floor.share,
            },
            number: self.floor.number,
        };
        action.on(outcome, &floor)
    }

    /// The rules of a run: of this file, else of `checks.toml` in its directory, else of the one beside `runs/`, else the
    /// defaults.
    ///
    /// # Errors
    /// As [`Rules::read`].
    pub fn of_run(layout: &Layout, given: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = given {
            return Self::read(path);
        }
        let files = [layout.checks(), Self::site_file(layout)];
        let found = files.iter().find(|path| path.exists());
        found.map_or_else(|| Ok(Self::default()), |path| Self::read(path))
    }

    /// Where a site puts its rules: beside the directories of its runs, where the run is one of those.
    #[must_use]
    pub fn site_file(layout: &Layout) -> PathBuf {
        Layout::new(layout.base()).checks()
    }
}

fn cannot_hold(test: &str) -> String {
    format!(
        "{test} is about the table as a whole and cannot \"hold\" rows of it; \"remark\" or \"stop\" can be"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let documented: Rules = toml::from_str(DEFAULT_RULES).unwrap();
        assert_eq!(documented, Rules::default());
    }

    #[test]
    fn a_site_says_only_what_differs_and_a_fault_has_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checks.toml");
        let text = "[distribution]\nmedian = 3.0\nfiles = ['labs.tsv']\n[[site]]\nname = 'x'\ntable = 'patient'\nsql = 'SELECT 1'\n";
        std::fs::write(&path, text).unwrap();
        let rules = Rules::read(&path).unwrap();
        assert!((rules.distribution.median - 3.0).abs() < 1e-12);
        assert_eq!(rules.distribution.files, [directory.path().join("labs.tsv")]);
        assert_eq!(
            (rules.site[0].severity, rules.dates.severity),
            (Severity::Remark, Severity::Remark)
        );
        let run = Layout::new(directory.path().join("runs/2026-01-02_03-04-05"));
        assert_eq!(Rules::site_file(&run), path);
        assert_eq!(Rules::of_run(&run, None).unwrap(), rules);
        std::fs::write(&path, "[dates]\nseverity = 'stop'\nearliest = 1900\n").unwrap();
        let error = Rules::read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rules);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("line 3") && cause.contains("earliest"), "{cause}");
    }
}
