//! The rules of the final files: stricter than those of the hub.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Action, Severity};

/// Which failures keep the final files of a signal at their last good state, by test, and by signal or table and test.
///
/// The tests are the same; nothing is held, since a file is replaced as a whole or stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Strict {
    /// What differs for a signal or table, by test.
    pub table: BTreeMap<String, BTreeMap<String, Action>>,
    /// What differs for a test.
    pub test: BTreeMap<String, Action>,
}

/// Tests that stop unless the rules say something else: the share where it is not that of `[floor]`, and rows.
const STOPS: [(&str, Option<f64>, Option<u64>); 8] = [
    ("structure", None, None),
    ("dates", None, Some(3)),
    ("numbers", Some(0.0), Some(1)),
    ("categories", Some(0.0), Some(1)),
    ("nulls", None, Some(2)),
    ("singleton", Some(0.0), Some(1)),
    ("distribution", Some(0.0), Some(20)),
    ("units", Some(0.01), Some(20)),
];

fn stops() -> BTreeMap<String, Action> {
    let action = |(share, number)| Action {
        severity: Severity::Stop,
        share,
        number,
    };
    let named = STOPS.map(|(test, share, number)| (test.to_owned(), action((share, number))));
    named.into_iter().collect()
}

impl Default for Strict {
    fn default() -> Self {
        Self {
            table: BTreeMap::new(),
            test: stops(),
        }
    }
}

impl<'de> Deserialize<'de> for Strict {
    /// What is not said stays as it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Said {
            #[serde(default)]
            table: BTreeMap<String, BTreeMap<String, Action>>,
            #[serde(flatten)]
            test: BTreeMap<String, Action>,
        }
        let said = Said::deserialize(deserializer)?;
        let mut test = stops();
        test.extend(said.test);
        Ok(Self {
            table: said.table,
            test,
        })
    }
}

impl Strict {
    /// What a failure of a test does; `None` where the rules of the hub hold.
    pub(crate) fn of(&self, test: &str) -> Option<Action> {
        self.test.get(test).copied()
    }
}
