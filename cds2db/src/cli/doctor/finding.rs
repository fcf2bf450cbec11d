//! What was found, a line each.

use std::error::Error as StdError;
use std::fmt;

use cds_hub::Condition;
use fhir_crack::search::ErrorKind as SearchError;
use serde::Serialize;
use site_config::shown;

use crate::{Error, ErrorKind};

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    section: &'static str,
    what: String,
    state: State,
    found: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Told, and as it should be.
    Fine,
    /// Worth a look.
    Look,
    /// Does not work.
    Fault,
}

/// All of them, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) lines: Vec<Finding>,
}

impl Findings {
    pub(super) fn fine(&mut self, section: &'static str, what: &str, found: impl fmt::Display) {
        self.add(section, what, State::Fine, &found);
    }

    pub(super) fn look(&mut self, section: &'static str, what: &str, found: impl fmt::Display) {
        self.add(section, what, State::Look, &found);
    }

    pub(super) fn fault(&mut self, section: &'static str, what: &str, found: impl fmt::Display) {
        self.add(section, what, State::Fault, &found);
    }

    fn add(&mut self, section: &'static str, what: &str, state: State, found: &dyn fmt::Display) {
        self.lines.push(Finding {
            section,
            what: what.to_owned(),
            state,
            found: shown(&found.to_string()).into_owned(),
        });
    }

    pub(super) fn has_faults(&self) -> bool {
        self.lines.iter().any(|line| line.state == State::Fault)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for line in &self.lines {
            if line.section != section {
                section = line.section;
                writeln!(f, "{section}")?;
            }
            let word = match line.state {
                State::Fine => "",
                State::Look => "LOOK",
                State::Fault => "FAULT",
            };
            writeln!(f, "  {word:<6}{:<38} {}", line.what, line.found)?;
        }
        Ok(())
    }
}

/// An error by its kind: texts of errors name hosts, databases and files.
pub(super) fn kind_of(error: &Error) -> String {
    let mut words = vec![
        match error.kind() {
            ErrorKind::Unreachable => "cannot be reached",
            ErrorKind::Search => "does not deliver",
            ErrorKind::Description => "the table description cannot be used",
            ErrorKind::File => "a file cannot be used",
            _ => "refuses",
        }
        .to_owned(),
    ];
    words.extend(error.condition().map(in_words));
    let mut cause = error.source();
    while let Some(level) = cause {
        words.extend(detail(level));
        cause = level.source();
    }
    words.join(", ")
}

/// What a hub says of itself that a caller can act on.
fn in_words(condition: &Condition) -> String {
    match condition {
        Condition::LockHeld { .. } => "the lock is held".to_owned(),
        Condition::LockLost => "the lock was lost".to_owned(),
        Condition::ConnectionLost => "no connection".to_owned(),
        Condition::HubOlder { missing } => format!(
            "the hub is older than this program ({} tables or columns are missing): cds-hub migrate",
            missing.len()
        ),
        Condition::HubNewer { .. } => "the hub is newer than this program".to_owned(),
        _ => "a condition this program does not know".to_owned(),
    }
}

fn detail(error: &(dyn StdError + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<cds_hub::Error>() {
        return Some(match error.sqlstate() {
            Some(state) => format!("{} (SQLSTATE {state})", error.kind()),
            None => error.kind().to_string(),
        });
    }
    if let Some(error) = error.downcast_ref::<fhir_crack::search::Error>() {
        return Some(match error.kind() {
            // These two carry a text, the second one a host.
            SearchError::Configuration(_) => "its settings cannot be used".to_owned(),
            SearchError::ForeignOrigin(_) => "a link leads elsewhere".to_owned(),
            kind => format!("{kind:?}"),
        });
    }
    let error = error.downcast_ref::<std::io::Error>()?;
    Some(error.kind().to_string())
}
