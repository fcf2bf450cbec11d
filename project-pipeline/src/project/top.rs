//! The top level: version, expectations, actions.

use super::read::Checked;
use crate::yaml::{Node, Value};
use crate::{Place, Rule, digits};

/// The version of the format; an unreadable one counts as the newest, so that its rules are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Version(f64);

impl Version {
    const NEWEST: f64 = 5.0;

    pub(super) fn number(self) -> f64 {
        self.0
    }

    /// Same path in two actions allowed.
    pub(super) fn shares_paths(self) -> bool {
        self.0 < 2.0
    }

    fn requires_expectations(self) -> bool {
        (3.0..=3.0).contains(&self.0)
    }

    fn forbids_expectations(self) -> bool {
        self.0 >= 4.0
    }

    pub(super) fn forbids_cohortextractor(self) -> bool {
        self.0 >= 4.0
    }

    /// Neither `run_all` as a name nor `:latest`.
    pub(super) fn is_strict(self) -> bool {
        self.0 >= 5.0
    }
}

fn entry<'a>(entries: &'a [(Node, Node)], name: &str) -> Option<&'a (Node, Node)> {
    entries.iter().find(|(key, _)| key.text() == Some(name))
}

/// The entries below `actions`.
pub(super) fn actions(entries: &[(Node, Node)]) -> &[(Node, Node)] {
    entry(entries, "actions")
        .and_then(|(_, value)| value.map())
        .unwrap_or_default()
}

pub(super) fn read(entries: &[(Node, Node)], start: Place, checked: &mut Checked) -> Version {
    for (key, _) in entries {
        match key.text() {
            Some("version" | "actions" | "expectations") => {}
            Some(other) => checked.fault(
                Rule::UnknownKey,
                key.at,
                format!("a project has version, actions and expectations, not `{other}`"),
            ),
            None => checked.fault(
                Rule::KeyNotText,
                key.at,
                format!("a key here is a text, this is {}", key.sort()),
            ),
        }
    }
    let version = version(entry(entries, "version"), start, checked);
    expectations(entry(entries, "expectations"), version, start, checked);
    match entry(entries, "actions") {
        None => checked.fault(Rule::ActionsNotMapping, start, "there are no `actions`"),
        Some((_, value)) if value.map().is_none() => checked.fault(
            Rule::ActionsNotMapping,
            value.at,
            format!("`actions` is a mapping, this is {}", value.sort()),
        ),
        Some(_) => {}
    }
    version
}

fn version(entry: Option<&(Node, Node)>, start: Place, checked: &mut Checked) -> Version {
    let newest = Version(Version::NEWEST);
    let Some((_, value)) = entry.filter(|(_, value)| !value.is_null()) else {
        let at = entry.map_or(start, |(key, _)| key.at);
        checked.fault(Rule::VersionMissing, at, "there is no `version`");
        return newest;
    };
    #[expect(clippy::cast_precision_loss, reason = "a version is a small number")]
    let number = match &*value.value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Text(text) => digits::float(text),
        _ => None,
    };
    let Some(number) = number else {
        checked.fault(
            Rule::VersionNotNumber,
            value.at,
            format!("`version` is a number, this is {}", value.sort()),
        );
        return newest;
    };
    if number > Version::NEWEST {
        checked.fault(
            Rule::VersionTooNew,
            value.at,
            format!("version {number} is newer than 5, the newest that is known"),
        );
        return newest;
    }
    if !(1.0..=Version::NEWEST).contains(&number) || matches!(*value.value, Value::Bool(_)) {
        checked.fault(
            Rule::VersionOdd,
            value.at,
            "`version` is not a number from 1 to 5",
        );
    } else if number < Version::NEWEST {
        checked.warn(
            value.at,
            format!("version {number} of the format is old, 5 is the newest"),
        );
    }
    Version(number)
}

fn expectations(entry: Option<&(Node, Node)>, version: Version, start: Place, checked: &mut Checked) {
    let given = entry.filter(|(_, value)| !value.is_null());
    if version.number() < 3.0 {
        checked.project.population = Some("1000".to_owned());
    }
    if version.forbids_expectations()
        && let Some((key, _)) = given
    {
        checked.fault(
            Rule::ExpectationsForbidden,
            key.at,
            "`expectations` belongs to version 3, later ones have none",
        );
    }
    if !version.requires_expectations() {
        return;
    }
    let Some((key, value)) = given else {
        let at = entry.map_or(start, |(key, _)| key.at);
        return checked.fault(Rule::ExpectationsMissing, at, "version 3 requires `expectations`");
    };
    let Some(entries) = value.map() else {
        return checked.fault(
            Rule::ExpectationsForm,
            value.at,
            format!("`expectations` is a mapping, this is {}", value.sort()),
        );
    };
    let mut size = None;
    for (key, value) in entries {
        if key.text() == Some("population_size") {
            size = Some(value);
        } else {
            checked.fault(
                Rule::ExpectationsForm,
                key.at,
                format!("`expectations` has `population_size` only, not `{}`", key.name()),
            );
        }
    }
    match size {
        None => checked.fault(
            Rule::ExpectationsForm,
            key.at,
            "`expectations` has no `population_size`",
        ),
        Some(size) if !is_whole(size) => checked.fault(
            Rule::ExpectationsForm,
            size.at,
            "`population_size` is not a whole number",
        ),
        Some(size) => checked.project.population = Some(size.name().trim().to_owned()),
    }
}

fn is_whole(node: &Node) -> bool {
    match &*node.value {
        Value::Int(_) | Value::Bool(_) => true,
        Value::Float(number) => number.is_finite(),
        Value::Text(text) => digits::is_int(text),
        _ => false,
    }
}
