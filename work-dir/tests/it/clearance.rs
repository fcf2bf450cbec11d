//! What the tests let through: a bad value stops no more than the rules say.

use std::path::Path;

use work_dir::Layout;
use work_dir::checks::{CheckOptions, Checks, Clearance, Released};
use work_dir::profile::Target;

use crate::rows::{Observation, description, haemoglobin, ids, run, write};

/// The observations of a run, `bad` of which are of the year 951, and what becomes of them.
fn clear(base: &Path, rows: Vec<Observation>, bad: usize, rules: &str) -> (Layout, Clearance) {
    std::fs::write(base.join("checks.toml"), rules).unwrap();
    let mut rows = rows;
    rows.iter_mut().take(bad).for_each(|row| row.day = -372_000);
    let path = base.join("runs/2026-01-02_03-04-05");
    std::fs::create_dir_all(&path).unwrap();
    let layout = run(&path, &[rows]);
    let clearance = cleared(&layout, &[("observation", 0)], &[]);
    (layout, clearance)
}

fn cleared(layout: &Layout, own: &[(&str, u32)], waited: &[(&str, u32)]) -> Clearance {
    let description = description();
    let checks = Checks::open(layout, Some(&description), CheckOptions::default()).unwrap();
    let named = |batches: &[(&str, u32)]| -> Vec<(String, u32)> {
        batches
            .iter()
            .map(|(table, batch)| ((*table).to_owned(), *batch))
            .collect()
    };
    checks.clear(&named(own), &named(waited)).unwrap().1
}

/// The wrong year of one resource among few or many: the hub gets everything, and it is said where and how many.
#[test]
fn one_typo_is_remarked_and_stops_nothing() {
    for rows in [25, 60, 400] {
        let base = tempfile::tempdir().unwrap();
        let (layout, clearance) = clear(base.path(), haemoglobin(rows, 1), 1, "");
        assert!(clearance.is_whole(), "{rows}");
        let dates: Vec<_> = clearance.remarks.iter().filter(|r| r.test == "dates").collect();
        assert_eq!(
            (dates.len(), dates[0].rows, dates[0].table.as_str()),
            (1, 1, "observation")
        );
        assert_eq!(dates[0].place, "obs_effectivedatetime");
        assert!(!dates[0].found.contains("951"), "no value: {}", dates[0]);
        assert!(Clearance::read_held(&layout).unwrap().is_empty());
    }
}

#[test]
fn hold_and_stop_have_a_floor_in_share_and_number() {
    let hold = "[table.observation]\ndates = 'hold'\n";
    let base = tempfile::tempdir().unwrap();
    let (_, clearance) = clear(base.path(), haemoglobin(25, 1), 1, hold);
    assert!(clearance.is_whole(), "one of 25 is 4 %, but one");
    let (layout, clearance) = clear(base.path(), haemoglobin(100, 1), 6, hold);
    assert_eq!(clearance.stopped("observation"), None);
    assert_eq!(clearance.held("observation").count(), 6);
    let listed = &Clearance::read_held(&layout).unwrap()["observation"];
    assert!(listed.values().all(|held| {
        held.reasons
            .iter()
            .all(|r| r == "dates observation.obs_effectivedatetime")
    }));
    let debug = format!("{clearance:?}");
    assert!(
        listed.keys().all(|id| !debug.contains(&format!("\"{id}\""))),
        "no id in a Debug"
    );

    // Released by hand: handed on although the rule says hold. Without ids, all that wait.
    assert_eq!(Released::add(&layout, "observation", &[]).unwrap(), 6);
    assert!(cleared(&layout, &[("observation", 0)], &[]).is_whole());

    let one = "[table.observation]\ndates = { severity = 'hold', share = 0.0, number = 1 }\n";
    let base = tempfile::tempdir().unwrap();
    let (_, clearance) = clear(base.path(), haemoglobin(400, 1), 1, one);
    assert_eq!(clearance.held("observation").count(), 1);

    let (_, clearance) = clear(
        base.path(),
        haemoglobin(100, 1),
        6,
        "[dates]\nseverity = 'stop'\n",
    );
    let why = clearance.stopped("observation").unwrap();
    assert!(
        why.contains("--override observation") && why.contains("--warn-only"),
        "{why}"
    );
}

/// Rows of a refused run wait on and keep nothing of the next run back.
#[test]
fn what_waited_is_tested_apart() {
    let base = tempfile::tempdir().unwrap();
    let (layout, _) = clear(
        base.path(),
        haemoglobin(100, 1),
        0,
        "[dates]\nseverity = 'stop'\n",
    );
    let mut refused = haemoglobin(50, 1);
    for (i, row) in refused.iter_mut().enumerate() {
        row.id = format!("refused{i}");
        row.day = -372_000;
    }
    write(&layout, "observation", 1, crate::rows::frame(&refused));
    let clearance = cleared(&layout, &[("observation", 0)], &[("observation", 1)]);
    assert_eq!(
        clearance.stopped("observation"),
        None,
        "the run's own rows are good"
    );
    assert_eq!(clearance.held("observation").count(), 50);
    assert!(
        clearance
            .held("observation")
            .all(|(id, _)| id.starts_with("refused"))
    );
    assert!(!clearance.holds("observation", "o0"));
    // The same rows as the run's own: the table is stopped.
    let clearance = cleared(&layout, &[("observation", 0), ("observation", 1)], &[]);
    assert!(clearance.stopped("observation").is_some());
}

/// An increment refers to patients and encounters of the days before.
#[test]
fn references_are_looked_up_in_what_is_known_elsewhere() {
    let base = tempfile::tempdir().unwrap();
    let layout = run(base.path(), &[haemoglobin(30, 2)]);
    write(&layout, "patient", 0, ids("id", "patient", &["p0001".to_owned()]));
    let description = description();
    let mut checks = Checks::open(&layout, Some(&description), CheckOptions::default()).unwrap();
    let tables = ["observation".to_owned()];
    let unknown = checks.unknown(&tables).unwrap().remove(&Target::Patient).unwrap();
    assert_eq!(unknown.len(), 29);
    let remarks = |checks: &Checks<'_>| {
        let cleared = checks.clear(&[("observation".to_owned(), 0)], &[]).unwrap().1;
        cleared
            .remarks
            .into_iter()
            .filter(|r| r.test == "references" && r.found.contains("patient"))
            .count()
    };
    assert_eq!(remarks(&checks), 1);
    checks.know(Target::Patient, unknown.iter().map(String::as_str));
    assert_eq!(remarks(&checks), 0);
}

#[test]
fn rules_that_cannot_be_followed_are_refused_with_their_place() {
    let base = tempfile::tempdir().unwrap();
    for (rules, said) in [
        (
            "[table.observation]\ndate = 'hold'\n",
            "there is no test \"date\"",
        ),
        ("[table.observation]\ndrift = 'hold'\n", "cannot \"hold\""),
        ("[structure]\nseverity = 'hold'\n", "cannot \"hold\""),
        ("[table.observation]\ndates = 'halt'\n", "expected \"remark\""),
    ] {
        std::fs::write(base.path().join("checks.toml"), rules).unwrap();
        let error = Checks::open(&Layout::new(base.path()), None, CheckOptions::default()).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(said), "{cause}");
    }
}
