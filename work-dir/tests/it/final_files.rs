//! The final files over days: no alarm where nothing is wrong, and a tenfold error keeps its own signal back and no other.

use std::collections::HashSet;
use std::path::Path;

use work_dir::whole::{Change, FinalState, Standing, Whole};
use work_dir::{Id2Nr, Layout};

use crate::rows::{Observation, description};
use crate::whole::{Random, of_run};

/// A hospital whose whole and final files grow.
pub(crate) struct Site {
    pub(crate) base: tempfile::TempDir,
    run: i32,
    random: Random,
    next: usize,
}

/// Code, unit, centre of the values.
const MEASURED: [(&str, &str, &str, f64); 4] = [
    ("Hemoglobin", "718-7", "g/dL", 12.0),
    ("Sodium", "2951-2", "mmol/L", 139.0),
    ("HeartRate", "8867-4", "/min", 82.0),
    ("Creatinine", "2160-0", "mg/dL", 1.1),
];

impl Site {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            base: tempfile::tempdir().unwrap(),
            run: 0,
            random: Random(seed),
            next: 0,
        }
    }

    /// New observations of a signal, within a third around its centre.
    pub(crate) fn rows(
        &mut self,
        signal: usize,
        rows: usize,
        patients: usize,
        factor: f64,
    ) -> Vec<Observation> {
        let (_, code, unit, centre) = MEASURED[signal];
        (0..rows)
            .map(|_| {
                self.next += 1;
                let share = f64::from(u32::try_from(self.random.below(600)).unwrap()) / 1_000.0;
                Observation {
                    id: format!("o{:06}", self.next),
                    patient: format!("p{:03}", self.random.below(patients)),
                    encounter: "e".to_owned(),
                    code: code.to_owned(),
                    value: Some(centre * (0.7 + share) * factor),
                    unit: unit.to_owned(),
                    day: 20_000 + i64::from(self.run),
                }
            })
            .collect()
    }

    /// A day that brings these rows.
    pub(crate) fn day(&mut self, rows: &[Observation], out: HashSet<String>) -> FinalState {
        self.run += 1;
        let description = description();
        let whole = Whole::at(self.base.path());
        let mut next = whole.begin().unwrap();
        let mut change = Change {
            out,
            ..Change::default()
        };
        if !rows.is_empty() {
            change.rows = of_run(self.run, rows);
        }
        next.change(description.table("observation").unwrap(), change)
            .unwrap();
        let standing = Standing {
            hub: 1,
            import: self.run,
            ..Standing::default()
        };
        next.hold(standing).unwrap();
        let mut ids = Id2Nr::open(&Layout::new(self.base.path()), None).unwrap();
        whole.write_final(self.run, &description, &mut ids).unwrap()
    }

    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.base.path().join("FinalSignals").join(name)).unwrap()
    }
}

fn alarms(state: &FinalState) -> Vec<String> {
    let drift = state
        .signals
        .iter()
        .flat_map(|(name, s)| s.drift.iter().map(move |d| format!("{name}: {d}")));
    state
        .kept_back()
        .map(|(name, why)| format!("{name}: {why}"))
        .chain(drift)
        .collect()
}

#[test]
fn no_alarm_on_days_where_nothing_is_wrong() {
    for seed in 0..8 {
        let mut site = Site::new(seed);
        let mut all: Vec<Observation> = (0..MEASURED.len())
            .flat_map(|s| site.rows(s, 400, 60, 1.0))
            .collect();
        assert_eq!(alarms(&site.day(&all, HashSet::new())), [""; 0], "the first load");
        let before = site.file("Hemoglobin");
        assert_eq!(alarms(&site.day(&[], HashSet::new())), [""; 0], "nothing changed");
        assert_eq!(site.file("Hemoglobin"), before);
        // Changes only: values that were entered anew.
        let mut changed: Vec<Observation> = all.iter().step_by(40).cloned().collect();
        for row in &mut changed {
            row.value = row.value.map(|v| v * 1.1);
        }
        assert_eq!(
            alarms(&site.day(&changed, HashSet::new())),
            [""; 0],
            "changes only"
        );
        // One patient, who is very ill: as many values as a stay has, fewer than a distribution needs.
        let ill = site.rows(3, 15, 1, 6.0);
        assert_eq!(alarms(&site.day(&ill, HashSet::new())), [""; 0], "one patient");
        for day in 0..4 {
            let few = site.random.below(60);
            let rows: Vec<Observation> = (0..MEASURED.len())
                .flat_map(|s| site.rows(s, few, 60, 1.0))
                .collect();
            let gone = all.pop().map(|row| row.id).into_iter().collect();
            assert_eq!(alarms(&site.day(&rows, gone)), [""; 0], "seed {seed}, day {day}");
        }
    }
}

#[test]
fn a_tenfold_error_in_one_unit_keeps_that_signal_and_no_other() {
    let mut site = Site::new(5);
    let all: Vec<Observation> = (0..MEASURED.len())
        .flat_map(|s| site.rows(s, 400, 60, 1.0))
        .collect();
    site.day(&all, HashSet::new());
    let before: Vec<Vec<u8>> = MEASURED.iter().map(|(name, ..)| site.file(name)).collect();
    // Grams a litre, sent as grams a decilitre.
    let mut wrong = site.rows(0, 80, 60, 10.0);
    for signal in 1..MEASURED.len() {
        wrong.extend(site.rows(signal, 80, 60, 1.0));
    }
    let state = site.day(&wrong, HashSet::new());
    let kept: Vec<(&str, &str)> = state.kept_back().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let (name, why) = kept[0];
    assert_eq!(name, "Hemoglobin");
    assert!(
        why.contains("times as high")
            && why.contains("--override")
            && why.contains("work release Hemoglobin"),
        "{why}"
    );
    for ((name, ..), before) in MEASURED.iter().zip(&before) {
        assert_eq!(site.file(name) == *before, *name == "Hemoglobin", "{name}");
    }
    assert_eq!(state.signals["Hemoglobin"].good_until, 1);
    assert_eq!(state.signals["Sodium"].good_until, 2);
    let named = std::fs::read_to_string(site.base.path().join("signals.json")).unwrap();
    assert!(named.contains("Hemoglobin") && named.contains("kept_back"));
    // It stays so until somebody says otherwise, whatever else comes.
    let state = site.day(&[], HashSet::new());
    assert_eq!(state.kept_back().count(), 1);
    FinalState::release(site.base.path(), "Hemoglobin").unwrap();
    let state = site.day(&[], HashSet::new());
    assert_eq!(state.kept_back().count(), 0);
    assert_ne!(site.file("Hemoglobin"), before[0]);
}

/// A correction of the source is the first way on.
#[test]
fn corrected_values_replace_the_files() {
    let mut site = Site::new(6);
    let all = site.rows(0, 400, 60, 1.0);
    site.day(&all, HashSet::new());
    let mut wrong = site.rows(0, 80, 60, 10.0);
    assert_eq!(site.day(&wrong, HashSet::new()).kept_back().count(), 1);
    for row in &mut wrong {
        row.value = row.value.map(|v| v / 10.0);
    }
    assert_eq!(alarms(&site.day(&wrong, HashSet::new())), [""; 0]);
    let lines = String::from_utf8(site.file("Hemoglobin"))
        .unwrap()
        .lines()
        .count();
    assert!(lines > 440, "{lines}");
    assert!(Path::new(&site.base.path().join("rep_configs/load_polars.py")).exists());
}
