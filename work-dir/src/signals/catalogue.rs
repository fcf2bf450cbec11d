//! The catalogue of signals, `signals.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::{Error, ErrorKind};

/// The catalogue that comes with the program, as a commented file.
pub const DEFAULT_SIGNALS: &str = include_str!("signals.toml");

/// All signals, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// By name.
    pub signals: BTreeMap<String, Signal>,
    /// Numbers of codes that no signal takes become signals too, named `Observation_CODE`.
    pub others: bool,
}

/// What a signal is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Table of the typed rows, in lower case.
    pub table: String,
    /// What it is made of.
    pub kind: Kind,
    /// Values that elements must have, by path.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, Vec<String>>,
    /// Elements with the time, the first that is filled counts.
    #[serde(default)]
    pub time: Vec<String>,
    /// Elements with the end of a period, the same way.
    #[serde(default)]
    pub end: Vec<String>,
    /// Element with the value; a period may have none.
    #[serde(default)]
    pub value: Option<String>,
    /// Element with the unit of a number.
    #[serde(default)]
    pub unit_of: Option<String>,
    /// Unit that numbers are converted to, in UCUM.
    #[serde(default)]
    pub unit: Option<String>,
    /// Mass of a mole in grams, where units of mass and of amount are both in use.
    #[serde(default)]
    pub molar: Option<f64>,
    /// Element with a reference to a medication, where the code of the value stands there.
    #[serde(default)]
    pub through: Option<String>,
    /// Tags in the definitions of the loader.
    #[serde(default)]
    pub tags: String,
}

/// What a signal is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number at a time, with a unit.
    Number,
    /// A code at a time.
    Category,
    /// A code from a time to another; an open end is a far day.
    Period,
    /// A code or a day once a patient.
    Once,
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    others: bool,
    #[serde(default)]
    measured: BTreeMap<String, Measured>,
    #[serde(default)]
    signal: BTreeMap<String, Signal>,
}

/// A number of an observation, by LOINC.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    loinc: Vec<String>,
    unit: String,
    #[serde(default)]
    molar: Option<f64>,
    #[serde(default)]
    tags: Option<String>,
}

const LOINC: &str = "http://loinc.org";
/// Elements that say when an observation was made.
const OBSERVED: [&str; 4] = [
    "effectiveDateTime",
    "effectivePeriod/start",
    "effectiveInstant",
    "issued",
];

impl Measured {
    fn signal(self) -> Signal {
        let filter = [
            ("code/coding/system".to_owned(), vec![LOINC.to_owned()]),
            ("code/coding/code".to_owned(), self.loinc),
        ];
        Signal {
            table: "observation".to_owned(),
            kind: Kind::Number,
            filter: filter.into_iter().collect(),
            time: OBSERVED.map(str::to_owned).to_vec(),
            end: Vec::new(),
            value: Some("valueQuantity/value".to_owned()),
            unit_of: Some("valueQuantity/code".to_owned()),
            unit: Some(self.unit),
            molar: self.molar,
            through: None,
            tags: self.tags.unwrap_or_else(|| "labs".to_owned()),
        }
    }
}

impl Catalogue {
    /// The catalogue that comes with the program.
    ///
    /// # Errors
    /// Never; a test reads it.
    pub fn built_in() -> Result<Self, Error> {
        Self::parse(DEFAULT_SIGNALS, Path::new("signals.toml"))
    }

    /// The catalogue with what a site's file adds or sets anew, where there is one.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read, [`ErrorKind::Rules`] with its line when it has a fault.
    pub fn with(site: &Path) -> Result<Self, Error> {
        let mut all = Self::built_in()?;
        match std::fs::read_to_string(site) {
            Ok(text) => {
                let own = Self::parse(&text, site)?;
                all.signals.extend(own.signals);
                all.others |= own.others;
                Ok(all)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(all),
            Err(e) => Err(Error::file(site, e)),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let failed = |fault: String| Error::caused(ErrorKind::Rules, path, fault);
        let file: File = toml::from_str(text).map_err(|e| Error::caused(ErrorKind::Rules, path, e))?;
        let mut signals = file.signal;
        for (name, measured) in file.measured {
            if signals.insert(name.clone(), measured.signal()).is_some() {
                return Err(failed(format!("the signal {name} stands there twice")));
            }
        }
        for (name, signal) in &signals {
            if let Some(fault) = signal.fault(name) {
                return Err(failed(fault));
            }
        }
        Ok(Self {
            signals,
            others: file.others,
        })
    }

    /// The tables that signals are drawn from.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<&str> {
        self.signals
            .values()
            .map(|signal| signal.table.as_str())
            .collect()
    }
}

/// Whether a name may be that of a file and of a signal in the loader's definitions.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= 60 && name.chars().all(plain)
}

impl Signal {
    fn fault(&self, name: &str) -> Option<String> {
        if !is_name(name) || name == "ID2NR" {
            return Some(format!(
                "{name:?} is no name of a signal: letters, digits, '_' and '-', at most 60"
            ));
        }
        let lacks = |what: &str| Some(format!("the signal {name} has no {what}"));
        match self.kind {
            Kind::Number if self.value.is_none() => lacks("value"),
            Kind::Number if self.unit.is_none() => lacks("unit"),
            Kind::Category | Kind::Once if self.value.is_none() => lacks("value"),
            Kind::Number | Kind::Category | Kind::Period if self.time.is_empty() => lacks("time"),
            Kind::Period if self.end.is_empty() => lacks("end"),
            _ => self
                .unit
                .as_deref()
                .filter(|unit| crate::checks::ucum::check(unit).is_err())
                .map(|_| format!("the unit of the signal {name} is not UCUM")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_valid_and_its_elements_exist() {
        let catalogue = Catalogue::built_in().unwrap();
        let description = table_description::default_description();
        let numbers = catalogue
            .signals
            .values()
            .filter(|s| s.kind == Kind::Number)
            .count();
        assert!(numbers >= 60, "{numbers}");
        let mut codes = BTreeSet::new();
        for (name, signal) in &catalogue.signals {
            let Some(table) = description.table(&signal.table) else {
                assert!(signal.table == "allergyintolerance", "{name}");
                continue;
            };
            let paths = signal
                .filter
                .keys()
                .chain(&signal.value)
                .chain(&signal.unit_of)
                .chain(&signal.through);
            for path in paths {
                let through = signal.through.is_some() && Some(path) == signal.value.as_ref();
                assert!(
                    through || table.position_of_path(path).is_some(),
                    "{name}: {path}"
                );
            }
            assert!(
                signal.time.is_empty() || signal.time.iter().any(|p| table.position_of_path(p).is_some()),
                "{name}"
            );
            if signal.kind == Kind::Number {
                for code in signal.filter.get("code/coding/code").into_iter().flatten() {
                    assert!(codes.insert(code.clone()), "{name}: {code} is taken twice");
                    assert!(has_check_digit(code), "{name}: {code} is no LOINC code");
                }
            }
        }
    }

    /// A LOINC code ends with a check digit: modulus 10, from the right every other digit doubled as one number.
    fn has_check_digit(code: &str) -> bool {
        let (digits, check) = code.split_once('-').unwrap();
        let from_right: Vec<char> = digits.chars().rev().collect();
        let every_other = |from: usize| from_right.iter().skip(from).step_by(2).collect::<String>();
        let doubled: u64 = every_other(0).parse::<u64>().unwrap() * 2;
        let text = format!("{doubled}{}", every_other(1));
        let sum: u32 = text.chars().filter_map(|c| c.to_digit(10)).sum();
        ((10 - sum % 10) % 10).to_string() == check
    }

    #[test]
    fn check_digits_tell_a_slip_of_the_finger() {
        assert!(has_check_digit("718-7") && has_check_digit("89579-7"));
        assert!(!has_check_digit("14928-9") && !has_check_digit("781-7"));
    }

    #[test]
    fn a_site_adds_and_sets_anew_and_a_fault_has_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signals.toml");
        std::fs::write(
            &path,
            "others = true\n[measured]\nHemoglobin = { loinc = ['1'], unit = 'g/L' }\n",
        )
        .unwrap();
        let all = Catalogue::with(&path).unwrap();
        assert!(all.others && all.signals["Hemoglobin"].unit.as_deref() == Some("g/L"));
        assert!(all.signals.len() > 60);
        for (text, said) in [
            (
                "[measured]\n'a/b' = { loinc = ['1'], unit = 'g/L' }\n",
                "no name of a signal",
            ),
            ("[measured]\nX = { loinc = ['1'], unit = 'Stück' }\n", "not UCUM"),
            ("[measured]\nX = { loinc = ['1'] }\n", "line 2"),
            ("[signal.X]\ntable = 'patient'\nkind = 'once'\n", "no value"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Catalogue::with(&path).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(said), "{cause}");
        }
    }
}
