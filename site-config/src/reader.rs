//! Keys as typed values, with all faults at once.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml_edit::Value;

use crate::spelling::nearest;
use crate::{Entry, Fault, FlatToml, Place};

/// Turns keys into typed values; each wrong one becomes a [`Fault`] and reads as if it were absent.
///
/// Every key asked for counts as known, so that [`Reader::finish`] can tell which keys nobody knows.
pub struct Reader<'a> {
    toml: &'a FlatToml,
    whole: Place,
    known: BTreeSet<String>,
    families: Vec<String>,
    faults: Vec<Fault>,
}

/// What a reader found apart from the values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What stops a run, in order of file and line.
    pub faults: Vec<Fault>,
    /// Keys nobody knows and nobody nearly knows: kept for other modules, worth a look.
    pub unknown: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader of these keys; `whole` is where a missing key is reported (line 0 of the main file).
    #[must_use]
    pub fn new(toml: &'a FlatToml, whole: Place) -> Self {
        Self {
            toml,
            whole,
            known: BTreeSet::new(),
            families: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn entry(&mut self, key: &str) -> Option<&'a Entry> {
        self.known.insert(key.to_owned());
        self.toml.get(key)
    }

    fn typed<T>(&mut self, key: &str, wanted: &str, cast: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let entry = self.entry(key)?;
        let value = cast(&entry.value);
        if value.is_none() {
            self.faults.push(Fault::of_key(
                entry.place.clone(),
                key,
                format!("must be {wanted}, {}", kind(&entry.value)),
            ));
        }
        value
    }

    /// A text in quotes.
    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        self.typed(key, "a text in quotes", Value::as_str)
    }

    /// A text, or `None` where the text is empty: in these files an empty text switches a setting off.
    pub fn filled(&mut self, key: &str) -> Option<&'a str> {
        self.text(key).filter(|t| !t.trim().is_empty())
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// A whole number within `range`.
    pub fn whole(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = match *range.end() {
            i64::MAX => format!("a whole number from {}", range.start()),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        self.typed(key, &wanted, |v| v.as_integer().filter(|n| range.contains(n)))
    }

    /// A number, with or without a decimal point.
    pub fn number(&mut self, key: &str) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
        self.typed(key, "a number", |v| {
            v.as_float().or_else(|| v.as_integer().map(|n| n as f64))
        })
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts(&mut self, key: &str) -> Option<Vec<&'a str>> {
        self.typed(key, "a list of texts", |v| match v {
            Value::String(s) => Some(vec![s.value().as_str()]),
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            _ => None,
        })
    }

    /// All keys that start with `prefix`, in order of file and line.
    pub fn family(&mut self, prefix: &str) -> Vec<(&'a str, &'a Entry)> {
        self.families.push(prefix.to_owned());
        self.toml.family(prefix)
    }

    /// Declares keys that belong to other programs.
    pub fn accept(&mut self, keys: &[&str]) {
        self.known.extend(keys.iter().map(|k| (*k).to_owned()));
    }

    /// Demands the key, or any key that starts with it.
    pub fn require(&mut self, key: &str, why: &str) {
        if !self.toml.keys().any(|k| k.starts_with(key)) {
            let text = match nearest(key, self.toml.keys().filter(|k| !self.known.contains(*k))) {
                Some(near) => format!("is missing ({why}); did you mean it by {near}?"),
                None => format!("is missing ({why})"),
            };
            self.faults.push(Fault::of_key(self.whole.clone(), key, text));
        }
    }

    /// Reports a fault of a key's value that only the caller can see.
    pub fn fault(&mut self, key: &str, text: impl Into<String>) {
        let place = self
            .toml
            .get(key)
            .map_or_else(|| self.whole.clone(), |e| e.place.clone());
        self.faults.push(Fault::of_key(place, key, text));
    }

    /// Adds faults found elsewhere.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// Ends reading: all faults, and the keys that were never asked for.
    ///
    /// An unknown key that is nearly a known one is a fault, because the setting that was meant silently keeps its
    /// default. Other unknown keys are left to other modules, which share these files.
    #[must_use]
    pub fn finish(mut self) -> Findings {
        let mut unknown = Vec::new();
        let candidates = || self.known.iter().chain(&self.families).map(String::as_str);
        for key in self.toml.keys() {
            if self.known.contains(key) || self.families.iter().any(|f| key.starts_with(f.as_str())) {
                continue;
            }
            let Some(entry) = self.toml.get(key) else { continue };
            match nearest(key, candidates()) {
                Some(near) => {
                    let text = format!("is not a known key; did you mean {near}?");
                    self.faults.push(Fault::of_key(entry.place.clone(), key, text));
                }
                None => unknown.push(Fault::of_key(
                    entry.place.clone(),
                    key,
                    "is not a key of this program",
                )),
            }
        }
        self.faults.sort();
        self.faults.dedup();
        Findings {
            faults: self.faults,
            unknown,
        }
    }
}

/// What a value is, in words of a user.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "not a text like this",
        Value::Integer(_) | Value::Float(_) => "not this number",
        Value::Boolean(_) => "not true or false",
        Value::Datetime(_) => "not a time without quotes",
        Value::Array(_) => "not a list like this",
        Value::InlineTable(_) => "not a table",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn findings(text: &str, read: impl Fn(&mut Reader<'_>)) -> Vec<String> {
        let file = Path::new("x.toml");
        let toml = FlatToml::parse(text, file).unwrap();
        let mut reader = Reader::new(&toml, Place::new(file, 0));
        read(&mut reader);
        reader.finish().faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_faults_come_at_once_in_order_of_lines() {
        let found = findings(
            "VERBOSE = \"x\"\nMAX_DIR_COUNT = -1\nLOG_TEMP = 3\nVERBOZE = 1\n",
            |r| {
                r.whole("VERBOSE", 0..=10);
                r.whole("MAX_DIR_COUNT", 0..=i64::MAX);
                r.flag("LOG_TEMP");
                r.require("PHASES_WARD", "one for each ward");
            },
        );
        assert_eq!(
            found,
            [
                "x.toml: PHASES_WARD: is missing (one for each ward)",
                "x.toml:1: VERBOSE: must be a whole number from 0 to 10, not a text like this",
                "x.toml:2: MAX_DIR_COUNT: must be a whole number from 0, not this number",
                "x.toml:3: LOG_TEMP: must be true or false, not this number",
                "x.toml:4: VERBOZE: is not a known key; did you mean VERBOSE?",
            ]
        );
    }

    #[test]
    fn a_mandatory_key_is_satisfied_by_its_family() {
        assert!(
            findings("PHASES_WARD_7 = []", |r| {
                r.family("PHASES_WARD");
                r.require("PHASES_WARD", "");
            })
            .is_empty()
        );
    }

    #[test]
    fn keys_of_other_modules_are_tolerated() {
        let file = Path::new("x.toml");
        let toml = FlatToml::parse("SITE_GREETING = \"hello\"", file).unwrap();
        let findings = Reader::new(&toml, Place::new(file, 0)).finish();
        assert!(findings.faults.is_empty());
        assert_eq!(findings.unknown.len(), 1);
    }

    #[test]
    fn no_fault_quotes_a_value() {
        let found = findings("DB_PORT = \"hunter2\"", |r| {
            r.whole("DB_PORT", 1..=65535);
        });
        assert!(!found.concat().contains("hunter2"));
    }
}
