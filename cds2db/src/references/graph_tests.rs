//! What the graph of encounters answers.

use super::encounter_graph::EncounterGraph;
use super::{EncounterRow, INVALID, Level};

const SYSTEM: &str = "https://hospital/case";

fn row(id: &str, level: u8, start: i64, end: Option<i64>) -> EncounterRow {
    let code = [
        "einrichtungskontakt",
        "abteilungskontakt",
        "versorgungsstellenkontakt",
    ][level as usize - 1];
    EncounterRow {
        id: id.to_owned(),
        type_code: Some(code.to_owned()),
        patient: Some("Patient/p".to_owned()),
        start: Some(start),
        end,
        class: (level == 1).then(|| "IMP".to_owned()),
        ..EncounterRow::default()
    }
}

fn reference(id: &str) -> Option<String> {
    Some(format!("Encounter/{id}"))
}

/// Two cases with a department and a ward contact each; every subset of the four `partOf` may be missing.
#[test]
fn test_10_missing_part_of_in_all_combinations() {
    for missing in 0..16_u8 {
        let mut rows = Vec::new();
        for (case, start) in [("A", 0), ("B", 100)] {
            let base = if case == "A" { 0 } else { 2 };
            let part_of = |bit: u8, parent: String| (missing & (1 << bit) == 0).then_some(parent);
            rows.push(row(&format!("{case}1"), 1, start, Some(start + 50)));
            let mut department = row(&format!("{case}2"), 2, start + 5, Some(start + 40));
            department.part_of = part_of(base, format!("Encounter/{case}1"));
            rows.push(department);
            let mut ward = row(&format!("{case}3"), 3, start + 6, Some(start + 30));
            ward.part_of = part_of(base + 1, format!("Encounter/{case}2"));
            rows.push(ward);
        }
        let graph = EncounterGraph::build(rows, None);
        for case in ["A", "B"] {
            let id = |level: u8| format!("{case}{level}");
            assert_eq!(graph.part_of(&id(1)), None, "{missing:04b}");
            assert_eq!(graph.part_of(&id(2)), reference(&id(1)), "{missing:04b}");
            assert_eq!(graph.part_of(&id(3)), reference(&id(2)), "{missing:04b}");
            for level in 1..=3 {
                assert_eq!(graph.main(&id(level)), reference(&id(1)), "{missing:04b}");
            }
        }
    }
}

#[test]
fn identifier_decides_before_time_only_where_it_is_unique() {
    let with = |mut r: EncounterRow, system: &str, value: &str| {
        r.identifier_system = Some(system.to_owned());
        r.identifier_value = Some(value.to_owned());
        r
    };
    let rows = |second: &str| {
        vec![
            with(row("near", 1, 9, None), SYSTEM, second),
            with(row("far", 1, 1, None), "other", "F1"),
            with(row("child", 2, 10, None), SYSTEM, "F1"),
        ]
    };
    let graph = EncounterGraph::build(rows("F2"), Some(SYSTEM));
    assert_eq!(
        graph.part_of("child"),
        reference("far"),
        "the parent's system is not looked at"
    );
    let graph = EncounterGraph::build(rows("F1"), Some(SYSTEM));
    assert_eq!(
        graph.part_of("child"),
        reference("near"),
        "two candidates: time decides"
    );
    let graph = EncounterGraph::build(rows("F2"), None);
    assert_eq!(
        graph.part_of("child"),
        reference("near"),
        "no common system: time decides"
    );
}

#[test]
fn time_prefers_class_then_nearest_start() {
    let mut short = row("short", 1, 9, None);
    short.class = Some("SS".to_owned());
    let rows = vec![
        row("early", 1, 1, None),
        row("late", 1, 5, None),
        short,
        row("child", 2, 10, Some(20)),
    ];
    let graph = EncounterGraph::build(rows, None);
    assert_eq!(graph.part_of("child"), reference("late"));
}

#[test]
fn what_runs_lies_in_nothing_that_was_over_before_it_began() {
    let mut running = row("running", 1, 9, None);
    running.class = Some("SS".to_owned());
    let rows = vec![
        row("years ago", 1, 1, Some(3)),
        running,
        row("ward", 2, 10, None),
        row("bed", 3, 10, None),
    ];
    let graph = EncounterGraph::build(rows, None);
    assert_eq!(graph.part_of("ward"), reference("running"));
    assert_eq!(graph.main("bed"), reference("running"));
    let rows = vec![row("years ago", 1, 1, Some(3)), row("alone", 2, 10, None)];
    let graph = EncounterGraph::build(rows, None);
    assert_eq!(graph.part_of("alone"), Some(INVALID.to_owned()));
}

#[test]
fn nothing_fits_is_invalid_and_a_cycle_ends() {
    let mut a = row("a", 2, 10, None);
    a.part_of = Some("Encounter/b".to_owned());
    let mut b = row("b", 2, 10, None);
    b.part_of = Some("Encounter/a".to_owned());
    let graph = EncounterGraph::build(
        vec![a, b, row("case", 1, 50, None), row("early", 3, 1, None)],
        None,
    );
    assert_eq!(graph.main("a").as_deref(), Some(INVALID));
    assert_eq!(graph.part_of("early").as_deref(), Some(INVALID));
    assert_eq!(graph.main("unknown"), None);
}

#[test]
fn trap_23_other_types_stay_empty_and_what_nothing_fits_says_invalid() {
    let mut other = row("other", 1, 0, None);
    other.type_code = Some("something else".to_owned());
    let rows = vec![row("case", 1, 10, Some(20)), other, row("early", 2, 5, None)];
    let graph = EncounterGraph::build(rows, None);
    assert_eq!((graph.part_of("other"), graph.main("other")), (None, None));
    assert_eq!(graph.part_of("early").as_deref(), Some(INVALID));
    assert_eq!(
        graph.encounter_of(None, Some("Patient/nobody"), &[Some(1)]),
        INVALID
    );
}

#[test]
fn a_missing_level_is_bridged_by_time() {
    let graph = EncounterGraph::build(vec![row("case", 1, 0, None), row("ward", 3, 5, None)], None);
    assert_eq!(
        graph.part_of("ward"),
        None,
        "no department contact at all: nothing to point to"
    );
    assert_eq!(graph.main("ward"), reference("case"));
}

#[test]
fn other_resources_go_to_the_main_encounter() {
    let mut ambulatory = row("amb", 1, 0, None);
    ambulatory.class = Some("AMB".to_owned());
    let mut other_type = row("x", 1, 0, None);
    other_type.type_code = Some("other".to_owned());
    let rows = vec![
        row("case", 1, 10, Some(20)),
        row("ward", 3, 11, None),
        ambulatory,
        other_type,
    ];
    let graph = EncounterGraph::build(rows, None);
    let patient = Some("Patient/p");
    type Case<'c> = (Option<&'c str>, &'c [Option<i64>], &'c str);
    let cases: [Case<'_>; 6] = [
        (Some("Encounter/ward"), &[], "Encounter/case"),
        (Some("Encounter/unknown"), &[Some(15)], "Encounter/case"),
        (None, &[None, Some(15)], "Encounter/case"),
        (None, &[Some(5), Some(20)], "Encounter/case"),
        (None, &[Some(5)], INVALID),
        (Some("Encounter/x"), &[], INVALID),
    ];
    for (encounter, times, expected) in cases {
        assert_eq!(
            graph.encounter_of(encounter, patient, times),
            expected,
            "{encounter:?} {times:?}"
        );
    }
    assert_eq!(graph.encounter_of(None, None, &[Some(15)]), INVALID);
}

#[test]
fn patients_that_come_later_are_worked_out_then() {
    let of = |patient: &str, id: &str, level| {
        let mut row = row(id, level, i64::from(level), None);
        row.patient = Some(format!("Patient/{patient}"));
        row
    };
    let mut graph = EncounterGraph::build(vec![of("a", "a1", 1), of("a", "a2", 2)], None);
    graph.extend(vec![of("b", "b1", 1), of("b", "b2", 2), of("b", "b3", 3)], None);
    assert_eq!(graph.main("a2"), reference("a1"));
    assert_eq!(graph.part_of("b3"), reference("b2"));
    assert_eq!(
        graph.encounter_of(None, Some("Patient/b"), &[Some(9)]),
        "Encounter/b1"
    );
    assert_eq!(
        graph.encounter_of(None, Some("Patient/a"), &[Some(9)]),
        "Encounter/a1"
    );
}

#[test]
fn the_newest_version_decides_and_older_ones_are_not_found() {
    let mut addition = EncounterGraph::default().addition(Some(SYSTEM));
    let with = |mut row: EncounterRow, value: &str| {
        row.identifier_system = Some(SYSTEM.to_owned());
        row.identifier_value = Some(value.to_owned());
        row
    };
    addition.add(with(row("case", 1, 0, Some(5)), "F1"), Some(1));
    addition.add(with(row("other", 1, 0, Some(20)), "F2"), Some(1));
    addition.add(with(row("ward", 3, 10, None), "F1"), Some(2));
    addition.add(row("gone", 2, 10, None), Some(2));
    // The case got the other number, the other one lost its level, `gone` is a department contact no more.
    addition.add(with(row("case", 1, 0, Some(50)), "F3"), Some(3));
    addition.add(row("ward", 3, 11, Some(30)), Some(4));
    let mut gone = row("gone", 2, 10, None);
    gone.type_code = Some("other".to_owned());
    addition.add(gone, Some(5));
    assert!(addition.came_anew("gone") && addition.came_anew("case") && !addition.came_anew("nobody"));
    assert_eq!(addition.patients().len(), 1);
    let graph = addition.link();
    assert_eq!(graph.count(Level::Department), 0);
    assert_eq!(graph.count(Level::Facility), 2);
    assert_eq!(graph.main("gone"), None);
    assert_eq!(graph.part_of("ward"), None, "no department contact is left");
    assert_eq!(
        graph.main("ward"),
        reference("case"),
        "its newest period encloses the ward's"
    );
}

#[test]
fn a_stored_version_does_not_come_back_when_the_newest_has_no_level() {
    let mut addition = EncounterGraph::default().addition(None);
    let mut newest = row("case", 1, 0, Some(50));
    newest.type_code = None;
    addition.add(newest, Some(1));
    assert_eq!(
        addition.patients().len(),
        1,
        "the hub is asked for this patient's others now"
    );
    assert!(addition.came_anew("case"));
    addition.add(row("case", 1, 0, Some(50)), None);
    addition.add(row("ward", 3, 10, Some(20)), None);
    let graph = addition.link();
    assert!(
        graph.knows_patient("Patient/p"),
        "and not again later, when the newest is forgotten"
    );
    assert_eq!(
        (graph.main("case"), graph.main("ward").as_deref()),
        (None, Some(INVALID))
    );
}

/// A million encounters, three for each patient and all of one patient: the time of each is that of sorting.
/// Full size with `CDS2DB_LARGE=1`, a tenth of it otherwise.
#[test]
fn a_million_encounters_take_linear_time() {
    let size: usize = if std::env::var_os("CDS2DB_LARGE").is_some() {
        1_000_000
    } else {
        100_000
    };
    let rows = |count: usize, a_patient: usize| {
        (0..count).map(move |n| {
            let level = (n % 3 + 1) as u8;
            let start = (n - n % 3) as i64 * 10 + i64::from(level);
            let mut r = row(
                &format!("{}-{level}", n / 3),
                level,
                start,
                Some(start + 20 - 2 * i64::from(level)),
            );
            r.patient = Some(format!("Patient/{}", n / a_patient));
            r.identifier_system = Some(SYSTEM.to_owned());
            r.identifier_value = (n % 7 > 0).then(|| (n / 3).to_string());
            r
        })
    };
    let seconds = |count: usize, a_patient: usize| {
        let rows: Vec<_> = rows(count, a_patient).collect();
        let begun = std::time::Instant::now();
        let graph = EncounterGraph::build(rows, Some(SYSTEM));
        let seconds = begun.elapsed().as_secs_f64();
        for n in [0, count / 6, count / 3 - 1] {
            assert_eq!(graph.main(&format!("{n}-3")), reference(&format!("{n}-1")), "{n}");
            assert_eq!(
                graph.part_of(&format!("{n}-3")),
                reference(&format!("{n}-2")),
                "{n}"
            );
        }
        seconds
    };
    let (small, large, one) = (seconds(size / 4, 3), seconds(size, 3), seconds(size, usize::MAX));
    println!(
        "{size} encounters: {large:.2} s, all of one patient {one:.2} s, a quarter of them {small:.2} s"
    );
    assert!(
        large < 16.0 * small.max(0.01),
        "{large} s for 4 times as many as {small} s"
    );
    assert!(
        one < 8.0 * large.max(0.05),
        "{one} s for one patient, {large} s for many"
    );
}
