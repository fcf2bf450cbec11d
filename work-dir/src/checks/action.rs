//! What the failure of a test does, by test and table, and from which share and number of rows on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{Outcome, Severity, Verdict};
use crate::profile::share;

/// Tests whose failures are about the table, not about rows: nothing of it can be held while the rest goes on.
const OF_THE_TABLE: [&str; 4] = ["structure", "duplicates", "singleton", "drift"];

/// What a failure does. `hold` and `stop` need a share of the rows *and* a number of them: below, a failure is remarked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// What it does.
    pub severity: Severity,
    /// Share of the rows with a value, 0 to 1, above which it holds or stops; the rules of the test where nothing is said.
    pub share: Option<f64>,
    /// Rows from which on it holds or stops.
    pub number: Option<u64>,
}

/// From which share and number of rows on `hold` and `stop` act.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Floor {
    /// Share of the rows, 0 to 1, above which they act.
    pub share: f64,
    /// Rows from which on they act.
    pub number: u64,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            share: 0.002,
            number: 5,
        }
    }
}

/// Actions by table and test.
pub(crate) type Actions = BTreeMap<String, BTreeMap<String, Action>>;

impl Action {
    /// This severity, with the floor of the rules.
    #[must_use]
    pub fn of(severity: Severity) -> Self {
        Self {
            severity,
            share: None,
            number: None,
        }
    }

    /// What a failure of so many rows among so many does. A failure that counts no rows is about the table: it has no floor.
    #[must_use]
    pub fn on(&self, outcome: &Outcome, floor: &Floor) -> Severity {
        let acts = matches!(self.severity, Severity::Hold | Severity::Stop);
        if outcome.verdict != Verdict::Failed || !acts || outcome.of == 0 {
            return self.severity;
        }
        let over = share(outcome.wrong, outcome.of) > self.share.unwrap_or(floor.share);
        let many = outcome.wrong >= self.number.unwrap_or(floor.number);
        if over && many {
            self.severity
        } else {
            Severity::Remark
        }
    }
}

/// Whether rows that fail a test can be held one by one.
pub(crate) fn can_hold(test: &str) -> bool {
    !OF_THE_TABLE.contains(&test)
}

impl<'de> Deserialize<'de> for Action {
    /// A word, or a table with `severity` and, where they differ from `[floor]`, `share` and `number`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Word(Severity),
            Table(Table),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            severity: Severity,
            share: Option<f64>,
            number: Option<u64>,
        }
        let form = Form::deserialize(deserializer).map_err(|_| {
            D::Error::custom(
                "expected \"remark\", \"hold\", \"stop\" or \"off\", or { severity = …, share = 0.01, number = 5 }",
            )
        })?;
        Ok(match form {
            Form::Word(severity) => Self::of(severity),
            Form::Table(table) => Self {
                severity: table.severity,
                share: table.share,
                number: table.number,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_and_stop_need_a_share_and_a_number() {
        let floor = Floor::default();
        let failed = |wrong, of| Outcome::failed("dates", Severity::Remark, "t.c", "x", "").among(wrong, of);
        for (wrong, of, does) in [
            (1, 25, Severity::Remark),      // one row is 4 % of a small increment
            (4, 4, Severity::Remark),       // few, though all of them
            (5, 25, Severity::Stop),        // both
            (10, 10_000, Severity::Remark), // many, but a small share
            (21, 10_000, Severity::Stop),
            (0, 0, Severity::Stop), // of the table
        ] {
            let stop = Action::of(Severity::Stop);
            assert_eq!(stop.on(&failed(wrong, of), &floor), does, "{wrong} of {of}");
        }
        let own = Action {
            severity: Severity::Hold,
            share: Some(0.0),
            number: Some(1),
        };
        assert_eq!(own.on(&failed(1, 10_000), &floor), Severity::Hold);
        assert_eq!(
            Action::of(Severity::Remark).on(&failed(9, 9), &floor),
            Severity::Remark
        );
    }

    #[test]
    fn an_action_is_a_word_or_a_table() {
        let read = |text: &str| toml::from_str::<Actions>(text);
        let actions =
            read("[observation]\ndates = 'hold'\nunits = { severity = 'stop', number = 100 }\n").unwrap();
        let of = &actions["observation"];
        assert_eq!(of["dates"], Action::of(Severity::Hold));
        assert_eq!((of["units"].number, of["units"].share), (Some(100), None));
        assert!(
            read("[a]\ndates = 'halt'\n")
                .unwrap_err()
                .to_string()
                .contains("hold")
        );
        assert_eq!(
            read("[a]\nx = 'warn'\n").unwrap()["a"]["x"].severity,
            Severity::Remark
        );
    }
}
