//! When the phases of the study start, ward by ward.

use std::collections::BTreeSet;

use jiff::civil::DateTime;

use crate::{Entry, Reader, wall_time};

/// Prefix of the keys that hold the phases, one key for each ward.
pub const KEY: &str = "PHASES_WARD";

/// The key of wards whose cases all count as tests of phase B.
const TEST_WARDS: &str = "WARDS_PHASE_B_TEST";

/// When the study's phases start, ward by ward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    wards: Vec<WardPhases>,
}

/// The phases of one ward; times are wall time of the hub's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WardPhases {
    /// Name of the ward as in the retrieval's ward patterns.
    pub ward: String,
    /// First second of phase A; without it the ward is only a test ward of phase B.
    pub a_start: Option<DateTime>,
    /// First second of phase B; phase A never ends without it.
    pub b_start: Option<DateTime>,
    /// Whether every case of the ward counts as a test of phase B.
    pub b_test: bool,
}

impl WardPhases {
    /// Name of the phase at this time.
    #[must_use]
    pub fn at(&self, time: DateTime) -> &'static str {
        match self {
            Self { b_test: true, .. } => "PhaseBTest",
            Self { b_start: Some(b), .. } if time >= *b => "PhaseB",
            Self { a_start: Some(a), .. } if time >= *a => "PhaseA",
            _ => "NoPhaseActive",
        }
    }
}

impl Phases {
    /// Phases of these wards; a ward named twice keeps its first entry.
    #[must_use]
    pub fn new(wards: Vec<WardPhases>) -> Self {
        let mut seen = BTreeSet::new();
        Self {
            wards: wards
                .into_iter()
                .filter(|w| seen.insert(w.ward.clone()))
                .collect(),
        }
    }

    /// All wards in order of the file.
    #[must_use]
    pub fn wards(&self) -> &[WardPhases] {
        &self.wards
    }

    /// The phase of a ward at a time; `None` for a ward without an entry.
    #[must_use]
    pub fn of(&self, ward: &str, time: DateTime) -> Option<&'static str> {
        self.wards.iter().find(|w| w.ward == ward).map(|w| w.at(time))
    }

    /// Whether a key is one of those that hold phases.
    #[must_use]
    pub fn is_key(key: &str) -> bool {
        key.starts_with(KEY) || key == TEST_WARDS
    }

    /// Reads all `PHASES_WARD…` keys and `WARDS_PHASE_B_TEST`; faults go to the reader.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let mut wards: Vec<WardPhases> = Vec::new();
        for (key, entry) in reader.family(KEY) {
            match ward(entry) {
                Ok(ward) if wards.iter().any(|w| w.ward == ward.ward) => {
                    reader.fault(key, "this ward has phases in another entry already");
                }
                Ok(ward) => wards.push(ward),
                Err(faults) => faults.into_iter().for_each(|text| reader.fault(key, text)),
            }
        }
        for test in reader.texts(TEST_WARDS).unwrap_or_default() {
            match wards.iter_mut().find(|w| w.ward == test) {
                Some(known) => known.b_test = true,
                None => wards.push(WardPhases {
                    ward: test.to_owned(),
                    a_start: None,
                    b_start: None,
                    b_test: true,
                }),
            }
        }
        Self { wards }
    }
}

/// One entry: lines `name = 'value'`.
fn ward(entry: &Entry) -> Result<WardPhases, Vec<String>> {
    let lines = entry
        .strings()
        .filter(|l| !l.is_empty())
        .ok_or_else(|| vec!["must be a list of texts".to_owned()])?;
    let (mut names, mut a_starts, mut b_starts, mut faults) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, line) in lines.iter().enumerate().map(|(i, l)| (i + 1, l)) {
        match assignment(line) {
            Ok(("ward_name", value)) => names.push(value.trim().to_owned()),
            Ok((name @ ("phase_a_start" | "phase_b_start"), value)) => match wall_time::parse(value) {
                Some(time) if name == "phase_a_start" => a_starts.push(time),
                Some(time) => b_starts.push(time),
                None => faults.push(format!(
                    "line {number}: {name} must be YYYY-MM-DD, YYYY-MM-DD HH:MM or YYYY-MM-DD HH:MM:SS"
                )),
            },
            // From release 2.1 on a ward says more about itself, for reports that are none of ours.
            Ok(("department" | "ward_type", _)) => {}
            Ok(_) => faults.push(format!(
                "line {number}: must be ward_name, phase_a_start or phase_b_start"
            )),
            Err(text) => faults.push(format!("line {number}: {text}")),
        }
    }
    // A time that could not be read was still given: counting it as missing would report one slip twice.
    let clean = faults.is_empty();
    let mut count = |name: &str, n: usize, needed: bool| match n {
        0 if needed && clean => faults.push(format!("{name} is missing")),
        0 | 1 => {}
        _ => faults.push(format!("{name} is given {n} times")),
    };
    count("ward_name", names.len(), true);
    count("phase_a_start", a_starts.len(), true);
    count("phase_b_start", b_starts.len(), false);
    if names.iter().any(String::is_empty) {
        faults.push("ward_name is blank".to_owned());
    }
    if let ([a], [b]) = (a_starts.as_slice(), b_starts.as_slice())
        && a >= b
    {
        faults.push("phase_a_start must be earlier than phase_b_start".to_owned());
    }
    match names.pop() {
        Some(ward) if faults.is_empty() => Ok(WardPhases {
            ward,
            a_start: a_starts.pop(),
            b_start: b_starts.pop(),
            b_test: false,
        }),
        _ => Err(faults),
    }
}

/// Splits `name = 'value'`.
fn assignment(line: &str) -> Result<(&str, &str), &'static str> {
    let (name, quoted) = line.split_once('=').ok_or("must be of the form name = 'value'")?;
    let mut parts = quoted.split('\'');
    let (before, value, after) = (parts.next(), parts.next(), parts.next());
    let outside = [Some(name), before, after];
    if outside.into_iter().flatten().any(|t| t.contains('+')) {
        return Err("conditions cannot be joined by + here");
    }
    match (before.map(str::trim), value, after.map(str::trim), parts.next()) {
        (Some(""), Some(value), Some(""), None) => Ok((name.trim(), value)),
        _ => Err("the value must stand in single quotes"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{FlatToml, Place};

    fn read(text: &str) -> (Phases, Vec<String>) {
        let file = Path::new("dp.toml");
        let toml = FlatToml::parse(text, file).unwrap();
        let mut reader = Reader::new(&toml, Place::new(file, 0));
        let phases = Phases::read(&mut reader);
        reader.require(KEY, "one for each ward");
        (
            phases,
            reader.finish().faults.iter().map(ToString::to_string).collect(),
        )
    }

    fn entry(lines: &str) -> String {
        format!("PHASES_WARD_1 = [{lines}]")
    }

    #[test]
    fn good_entries_are_read() {
        let (phases, faults) = read(
            "PHASES_WARD_1 = [\"ward_name = 'S 1'\", \"phase_a_start = '2026-01-11 10:00:00'\", \"phase_b_start='2026-01-21 10:00'\"]\n\
             PHASES_WARD_X = [\" phase_a_start = '2026-01-11'\", \"   ward_name   =  'S + 2' \", \"department = 'D'\", \"ward_type = ''\"]\n\
             WARDS_PHASE_B_TEST = [\"S 3\"]",
        );
        assert!(faults.is_empty(), "{faults:?}");
        let at = |ward: &str, time: &str| phases.of(ward, wall_time::parse(time).unwrap());
        for (ward, time, phase) in [
            ("S 1", "2026-01-11 09:59:59", Some("NoPhaseActive")),
            ("S 1", "2026-01-11 10:00:00", Some("PhaseA")),
            ("S 1", "2026-01-21 09:59:59", Some("PhaseA")),
            ("S 1", "2026-01-21 10:00:00", Some("PhaseB")),
            ("S + 2", "2027-01-01", Some("PhaseA")),
            ("S + 2", "2026-01-10", Some("NoPhaseActive")),
            ("S 3", "2000-01-01", Some("PhaseBTest")),
            ("S 4", "2026-01-11", None),
        ] {
            assert_eq!(at(ward, time), phase, "{ward} {time}");
        }
    }

    #[test]
    fn a_test_ward_overrides_its_own_phases() {
        let (phases, _) = read(&format!(
            "{}\nWARDS_PHASE_B_TEST = [\"S\"]",
            entry("\"ward_name = 'S'\", \"phase_a_start = '2026-01-01'\"")
        ));
        assert_eq!(
            phases.of("S", wall_time::parse("2026-02-01").unwrap()),
            Some("PhaseBTest")
        );
    }

    #[test]
    fn every_wrong_entry_is_told_what_is_wrong() {
        let name = "\"ward_name = 'S'\"";
        let a = "\"phase_a_start = '2026-01-11'\"";
        let cases: &[(&str, String, &str)] = &[
            (
                "no entry",
                "WARDS_PHASE_B_TEST = [\"S\"]".into(),
                "PHASES_WARD: is missing",
            ),
            (
                "text for a list",
                "PHASES_WARD_1 = \"x\"".into(),
                "must be a list of texts",
            ),
            ("empty list", entry(""), "must be a list of texts"),
            (
                "number in the list",
                "PHASES_WARD_1 = [1]".into(),
                "must be a list of texts",
            ),
            (
                "unknown name",
                entry(&format!("{name}, {a}, \"phase_c_start = '2026-01-12'\"")),
                "line 3: must be ward_name",
            ),
            (
                "no equal sign",
                entry(&format!("{name}, {a}, \"phase_b_start '2026-01-12'\"")),
                "line 3: must be of the form",
            ),
            (
                "no quotes",
                entry(&format!("\"ward_name = S\", {a}")),
                "line 1: the value must stand in single quotes",
            ),
            (
                "text behind the quote",
                entry(&format!("\"ward_name = 'S' x\", {a}")),
                "line 1: the value must stand",
            ),
            (
                "two in one line",
                entry(&format!("\"ward_name = 'S' + phase_b_start = 'x'\", {a}")),
                "line 1: conditions cannot be joined",
            ),
            (
                "plus before the value",
                entry(&format!("{name}, \"phase_a_start = + '2026-01-11'\"")),
                "line 2: conditions cannot be joined",
            ),
            ("no ward", entry(a), "ward_name is missing"),
            (
                "blank ward",
                entry(&format!("\"ward_name = '  '\", {a}")),
                "ward_name is blank",
            ),
            (
                "two wards",
                entry(&format!("{name}, \"ward_name = 'T'\", {a}")),
                "ward_name is given 2 times",
            ),
            ("no phase A", entry(name), "phase_a_start is missing"),
            (
                "two phases A",
                entry(&format!("{name}, {a}, {a}")),
                "phase_a_start is given 2 times",
            ),
            (
                "two phases B",
                entry(&format!(
                    "{name}, {a}, \"phase_b_start = '2026-02-01'\", \"phase_b_start = '2026-02-02'\""
                )),
                "phase_b_start is given 2 times",
            ),
            (
                "A after B",
                entry(&format!("{name}, {a}, \"phase_b_start = '2026-01-10'\"")),
                "phase_a_start must be earlier",
            ),
            (
                "A at B",
                entry(&format!("{name}, {a}, \"phase_b_start = '2026-01-11 00:00'\"")),
                "phase_a_start must be earlier",
            ),
            (
                "no time",
                entry(&format!("{name}, \"phase_a_start = '11.01.2026'\"")),
                "line 2: phase_a_start must be YYYY-MM-DD",
            ),
            (
                "no such day",
                entry(&format!("{name}, \"phase_a_start = '2026-02-30'\"")),
                "line 2: phase_a_start must be",
            ),
            (
                "same ward twice",
                format!(
                    "{}\nPHASES_WARD_2 = [{name}, {a}]",
                    entry(&format!("{name}, {a}"))
                ),
                "dp.toml:2: PHASES_WARD_2: this ward has phases",
            ),
        ];
        for (case, text, wanted) in cases {
            let (_, faults) = read(text);
            assert_eq!(faults.len(), 1, "{case}: {faults:?}");
            assert!(
                faults[0].contains(wanted) && faults[0].starts_with("dp.toml"),
                "{case}: {}",
                faults[0]
            );
        }
    }
}
