use std::collections::HashMap;
use std::fmt;

use super::timeline::{Class, Timeline};
use super::{EncounterRow, INVALID, Level, reference_id};

/// How far the main encounter may lie above: ward, department, facility, and one more for odd sites.
const MAX_HOPS: usize = 3;
/// The number of an encounter without a patient.
const NOBODY: u32 = u32::MAX;

/// All encounters of a set of patients with parent and main encounter worked out.
///
/// Building takes time linear in the rows but for the sorting, however the encounters are spread over the patients.
pub struct EncounterGraph {
    encounters: Vec<Encounter>,
    by_id: HashMap<String, u32>,
    /// Patients by reference; their encounters came with one call and stand in its timeline.
    patients: HashMap<String, Patient>,
    timelines: Vec<Timeline>,
    counts: [usize; 3],
}

#[derive(Clone, Copy)]
struct Patient {
    number: u32,
    timeline: usize,
}

struct Encounter {
    id: String,
    level: Level,
    patient: u32,
    start: Option<i64>,
    end: Option<i64>,
    class: Class,
    given_part_of: Option<String>,
    part_of: Link,
    main: Link,
}

/// A calculated reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Not calculated, or the top level.
    None,
    /// No encounter fits.
    Invalid,
    /// A known encounter.
    To(u32),
    /// The server's own reference to an encounter that is not known here.
    Given,
}

/// (system, value) of the identifiers that the rows of a call bring, by position.
type Identifiers = Vec<(u32, Option<String>, String)>;

impl fmt::Debug for EncounterGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncounterGraph")
            .field("encounters", &self.encounters.len())
            .finish_non_exhaustive()
    }
}

impl EncounterGraph {
    /// Works out all references. `common_system` is the identifier system that the levels of one case share.
    pub fn build(rows: impl IntoIterator<Item = EncounterRow>, common_system: Option<&str>) -> Self {
        let mut graph = Self {
            encounters: Vec::new(),
            by_id: HashMap::new(),
            patients: HashMap::new(),
            timelines: Vec::new(),
            counts: [0; 3],
        };
        graph.extend(rows, common_system);
        graph
    }

    /// Adds encounters of further patients and works out their references; those of the patients known stay.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = EncounterRow>, common_system: Option<&str>) {
        let first = self.encounters.len();
        let mut identifiers = Identifiers::new();
        for row in rows {
            self.add(row, &mut identifiers);
        }
        let new = self.encounters.iter().enumerate().skip(first);
        let timeline = Timeline::new(new.filter_map(|(position, e)| {
            let position = u32::try_from(position).ok()?;
            Some(((e.level, e.patient, e.class), e.start?, e.end, position))
        }));
        self.timelines.push(timeline);
        self.link_parents(first, &identifiers, common_system);
        self.link_mains(first);
    }

    /// How many encounters of this level there are; none at a level is worth a warning.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.counts[level as usize]
    }

    /// The parent of an encounter: `Encounter/<id>`, `invalid`, or `None` for the top level and for encounters of
    /// another type.
    #[must_use]
    pub fn part_of(&self, id: &str) -> Option<String> {
        let encounter = self.encounter(*self.by_id.get(id)?);
        self.text(encounter, encounter.part_of)
    }

    /// The main encounter of an encounter: `Encounter/<id>`, `invalid`, or `None` for encounters of another type.
    #[must_use]
    pub fn main(&self, id: &str) -> Option<String> {
        let encounter = self.encounter(*self.by_id.get(id)?);
        self.text(encounter, encounter.main)
    }

    /// The main encounter of another resource: that of the encounter it refers to, or else the inpatient or
    /// short-stay case of its patient that encloses the first of `times` that has one, or else `invalid`.
    #[must_use]
    pub fn encounter_of(
        &self,
        encounter: Option<&str>,
        patient: Option<&str>,
        times: &[Option<i64>],
    ) -> String {
        let referred = encounter
            .and_then(|r| reference_id(r, "Encounter"))
            .and_then(|id| self.by_id.get(id));
        if let Some(&position) = referred
            && let Link::To(main) = self.encounter(position).main
        {
            return self.reference(main);
        }
        let Some(patient) = patient.and_then(|p| self.patients.get(p)) else {
            return INVALID.to_owned();
        };
        let timeline = &self.timelines[patient.timeline];
        for &time in times.iter().flatten() {
            let of_class =
                |class| timeline.enclosing((Level::Facility, patient.number, class), time, Some(time));
            let found = [Class::Inpatient, Class::ShortStay]
                .into_iter()
                .filter_map(of_class);
            // The one that began last, and the first of several.
            if let Some((_, position)) =
                found.min_by_key(|&(start, position)| (time.abs_diff(start), position))
            {
                return self.reference(position);
            }
        }
        INVALID.to_owned()
    }

    fn encounter(&self, position: u32) -> &Encounter {
        &self.encounters[position as usize]
    }

    fn add(&mut self, row: EncounterRow, identifiers: &mut Identifiers) {
        let Some(level) = row.type_code.as_deref().and_then(Level::from_code) else {
            return;
        };
        let position = match self.by_id.get(&row.id) {
            Some(&known) => known,
            None => {
                let Ok(position) = u32::try_from(self.encounters.len()) else {
                    return;
                };
                let patient = row.patient.map_or(NOBODY, |p| self.patient(p));
                self.counts[level as usize] += 1;
                self.by_id.insert(row.id.clone(), position);
                self.encounters.push(Encounter {
                    id: row.id,
                    level,
                    patient,
                    start: row.start,
                    end: row.end,
                    class: Class::of(row.class.as_deref()),
                    given_part_of: row.part_of,
                    part_of: Link::None,
                    main: Link::None,
                });
                position
            }
        };
        if let Some(value) = row.identifier_value {
            identifiers.push((position, row.identifier_system, value));
        }
    }

    fn patient(&mut self, reference: String) -> u32 {
        let number = u32::try_from(self.patients.len()).unwrap_or(NOBODY);
        let timeline = self.timelines.len();
        let known = self
            .patients
            .entry(reference)
            .or_insert(Patient { number, timeline });
        known.timeline = timeline;
        known.number
    }

    fn link_parents(&mut self, first: usize, identifiers: &Identifiers, common_system: Option<&str>) {
        let common = common_system.map(|system| self.common_parents(identifiers, system));
        let new = self.encounters.iter().enumerate().skip(first);
        let links: Vec<Link> = new
            .map(|(position, child)| {
                let Some(parent_level) = child.level.parent() else {
                    return Link::None;
                };
                if let Some(given) = &child.given_part_of {
                    let known = reference_id(given, "Encounter").and_then(|id| self.by_id.get(id));
                    return known.map_or(Link::Given, |&p| Link::To(p));
                }
                if self.count(parent_level) == 0 {
                    return Link::None;
                }
                let common = common.as_ref().and_then(|c| c.get(&position).copied());
                common
                    .or_else(|| self.by_time(child, parent_level))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        for (encounter, link) in self.encounters.iter_mut().skip(first).zip(links) {
            encounter.part_of = link;
        }
    }

    /// For each encounter with an identifier of the common system: the only parent of the same patient with the same
    /// value, whatever system the parent's has.
    fn common_parents(&self, identifiers: &Identifiers, system: &str) -> HashMap<usize, u32> {
        // `None` where two encounters have the value.
        let mut owners: HashMap<(Level, u32, &str), Option<u32>> = HashMap::new();
        for (position, _, value) in identifiers {
            let e = self.encounter(*position);
            owners
                .entry((e.level, e.patient, value))
                .and_modify(|owner| *owner = owner.filter(|o| o == position))
                .or_insert(Some(*position));
        }
        let mut parents: HashMap<usize, Option<u32>> = HashMap::new();
        for (position, _, value) in identifiers
            .iter()
            .filter(|(_, s, _)| s.as_deref() == Some(system))
        {
            let e = self.encounter(*position);
            let Some(level) = e.level.parent().filter(|_| e.patient != NOBODY) else {
                continue;
            };
            let Some(&owner) = owners.get(&(level, e.patient, value.as_str())) else {
                continue;
            };
            parents
                .entry(*position as usize)
                .and_modify(|parent| *parent = parent.filter(|p| Some(*p) == owner))
                .or_insert(owner);
        }
        parents
            .into_iter()
            .filter_map(|(child, parent)| Some((child, parent?)))
            .collect()
    }

    /// The encounter of a level that encloses the child's period; inpatient before short stay before ambulatory, then
    /// the nearest start, then the first.
    fn by_time(&self, child: &Encounter, level: Level) -> Option<u32> {
        if child.patient == NOBODY {
            return None;
        }
        let (start, timeline) = (child.start?, self.timelines.last()?);
        Class::ALL
            .into_iter()
            .find_map(|class| timeline.enclosing((level, child.patient, class), start, child.end))
            .map(|(_, position)| position)
    }

    fn link_mains(&mut self, first: usize) {
        let new = (0_u32..).zip(&self.encounters).skip(first);
        let mains: Vec<Link> = new
            .map(|(position, encounter)| {
                self.top(position)
                    .or_else(|| self.by_time(encounter, Level::Facility))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        for (encounter, link) in self.encounters.iter_mut().skip(first).zip(mains) {
            encounter.main = link;
        }
    }

    /// The facility encounter at the end of the chain of parents, at most [`MAX_HOPS`] above, so a cycle ends too.
    fn top(&self, mut position: u32) -> Option<u32> {
        for _ in 0..=MAX_HOPS {
            let encounter = self.encounter(position);
            match encounter.part_of {
                Link::To(parent) => position = parent,
                Link::None => return (encounter.level == Level::Facility).then_some(position),
                Link::Invalid | Link::Given => return None,
            }
        }
        None
    }

    fn text(&self, encounter: &Encounter, link: Link) -> Option<String> {
        match link {
            Link::None => None,
            Link::Invalid => Some(INVALID.to_owned()),
            Link::To(position) => Some(self.reference(position)),
            Link::Given => encounter.given_part_of.clone(),
        }
    }

    fn reference(&self, position: u32) -> String {
        format!("Encounter/{}", self.encounter(position).id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
