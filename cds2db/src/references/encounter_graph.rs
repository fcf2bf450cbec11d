use std::collections::HashMap;
use std::fmt;

use super::{EncounterRow, INVALID, Level, reference_id};

/// How far the main encounter may lie above: ward, department, facility, and one more for odd sites.
const MAX_HOPS: usize = 3;

/// All encounters of a set of patients with parent and main encounter worked out.
///
/// Building takes time linear in the rows, as long as a patient's encounters of one level are few.
pub struct EncounterGraph {
    encounters: Vec<Encounter>,
    by_id: HashMap<String, usize>,
    /// Positions of the facility encounters of each patient.
    cases: HashMap<String, Vec<usize>>,
}

struct Encounter {
    id: String,
    level: Level,
    patient: Option<String>,
    start: Option<i64>,
    end: Option<i64>,
    class: Option<String>,
    given_part_of: Option<String>,
    /// (system, value) of every row.
    identifiers: Vec<(Option<String>, String)>,
    part_of: Link,
    main: Link,
}

/// A calculated reference.
#[derive(Clone, PartialEq, Eq)]
enum Link {
    /// Not calculated, or the top level.
    None,
    /// No encounter fits.
    Invalid,
    /// A known encounter.
    To(usize),
    /// The server's own reference to an encounter that is not known here.
    Given,
}

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
            cases: HashMap::new(),
        };
        for row in rows {
            graph.add(row);
        }
        graph.link_parents(common_system);
        graph.link_mains();
        graph
    }

    /// How many encounters of this level there are; none at a level is worth a warning.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.encounters.iter().filter(|e| e.level == level).count()
    }

    /// The parent of an encounter: `Encounter/<id>`, `invalid`, or `None` for the top level and for encounters of
    /// another type.
    #[must_use]
    pub fn part_of(&self, id: &str) -> Option<String> {
        let encounter = &self.encounters[*self.by_id.get(id)?];
        self.text(encounter, &encounter.part_of)
    }

    /// The main encounter of an encounter: `Encounter/<id>`, `invalid`, or `None` for encounters of another type.
    #[must_use]
    pub fn main(&self, id: &str) -> Option<String> {
        let encounter = &self.encounters[*self.by_id.get(id)?];
        self.text(encounter, &encounter.main)
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
            && let Link::To(main) = self.encounters[position].main
        {
            return self.reference(main);
        }
        let cases = patient
            .and_then(|p| self.cases.get(p))
            .map(Vec::as_slice)
            .unwrap_or_default();
        for time in times.iter().flatten() {
            let enclosing = cases.iter().copied().filter(|&p| {
                let case = &self.encounters[p];
                matches!(case.class.as_deref(), Some("IMP" | "SS"))
                    && case.start.is_some_and(|s| s <= *time)
                    && case.end.is_none_or(|e| e >= *time)
            });
            if let Some(nearest) = enclosing.min_by_key(|&p| self.distance(p, *time)) {
                return self.reference(nearest);
            }
        }
        INVALID.to_owned()
    }

    fn add(&mut self, row: EncounterRow) {
        let Some(level) = row.type_code.as_deref().and_then(Level::from_code) else {
            return;
        };
        let position = *self.by_id.entry(row.id.clone()).or_insert_with(|| {
            let position = self.encounters.len();
            if let (Level::Facility, Some(patient)) = (level, &row.patient) {
                self.cases.entry(patient.clone()).or_default().push(position);
            }
            self.encounters.push(Encounter {
                id: row.id,
                level,
                patient: row.patient,
                start: row.start,
                end: row.end,
                class: row.class,
                given_part_of: row.part_of,
                identifiers: Vec::new(),
                part_of: Link::None,
                main: Link::None,
            });
            position
        });
        if let Some(value) = row.identifier_value {
            self.encounters[position]
                .identifiers
                .push((row.identifier_system, value));
        }
    }

    fn link_parents(&mut self, common_system: Option<&str>) {
        let mut of_patient: HashMap<(Level, &str), Vec<usize>> = HashMap::new();
        for (position, e) in self.encounters.iter().enumerate() {
            if let Some(patient) = &e.patient {
                of_patient.entry((e.level, patient)).or_default().push(position);
            }
        }
        let present: Vec<Level> = Level::ALL.into_iter().filter(|l| self.count(*l) > 0).collect();
        let links: Vec<Link> = self
            .encounters
            .iter()
            .map(|child| {
                let Some(parent_level) = child.level.parent() else {
                    return Link::None;
                };
                if let Some(given) = &child.given_part_of {
                    let known = reference_id(given, "Encounter").and_then(|id| self.by_id.get(id));
                    return known.map_or(Link::Given, |&p| Link::To(p));
                }
                if !present.contains(&parent_level) {
                    return Link::None;
                }
                let parents = child
                    .patient
                    .as_deref()
                    .and_then(|p| of_patient.get(&(parent_level, p)));
                let parents = parents.map(Vec::as_slice).unwrap_or_default();
                self.by_identifier(child, parents, common_system)
                    .or_else(|| self.by_time(child, parents))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        for (encounter, link) in self.encounters.iter_mut().zip(links) {
            encounter.part_of = link;
        }
    }

    /// The only parent with the same value of the common identifier.
    fn by_identifier(&self, child: &Encounter, parents: &[usize], system: Option<&str>) -> Option<usize> {
        let system = system?;
        let values = || {
            child
                .identifiers
                .iter()
                .filter(|(s, _)| s.as_deref() == Some(system))
                .map(|(_, v)| v)
        };
        let mut same = parents.iter().copied().filter(|&p| {
            self.encounters[p]
                .identifiers
                .iter()
                .any(|(_, v)| values().any(|own| own == v))
        });
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The parent that encloses the child's period; inpatient before short stay before ambulatory, then the nearest
    /// start, then the first.
    fn by_time(&self, child: &Encounter, parents: &[usize]) -> Option<usize> {
        let start = child.start?;
        let enclosing: Vec<usize> = parents
            .iter()
            .copied()
            .filter(|&p| {
                let parent = &self.encounters[p];
                parent.start.is_some_and(|s| s <= start)
                    && match (child.end, parent.end) {
                        (Some(child_end), Some(parent_end)) => parent_end >= child_end,
                        _ => true,
                    }
            })
            .collect();
        let class = ["IMP", "SS", "AMB"].into_iter().find(|class| {
            enclosing
                .iter()
                .any(|&p| self.encounters[p].class.as_deref() == Some(class))
        });
        enclosing
            .into_iter()
            .filter(|&p| class.is_none() || self.encounters[p].class.as_deref() == class)
            .min_by_key(|&p| self.distance(p, start))
    }

    fn distance(&self, position: usize, time: i64) -> u64 {
        self.encounters[position]
            .start
            .map_or(u64::MAX, |s| s.abs_diff(time))
    }

    fn link_mains(&mut self) {
        let mains: Vec<Link> = (0..self.encounters.len())
            .map(|position| {
                let encounter = &self.encounters[position];
                if let Some(top) = self.top(position) {
                    return Link::To(top);
                }
                let cases = encounter.patient.as_ref().and_then(|p| self.cases.get(p));
                cases
                    .and_then(|cases| self.by_time(encounter, cases))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        for (encounter, link) in self.encounters.iter_mut().zip(mains) {
            encounter.main = link;
        }
    }

    /// The facility encounter at the end of the chain of parents, at most [`MAX_HOPS`] above, so a cycle ends too.
    fn top(&self, mut position: usize) -> Option<usize> {
        for _ in 0..=MAX_HOPS {
            let encounter = &self.encounters[position];
            match encounter.part_of {
                Link::To(parent) => position = parent,
                Link::None => return (encounter.level == Level::Facility).then_some(position),
                Link::Invalid | Link::Given => return None,
            }
        }
        None
    }

    fn text(&self, encounter: &Encounter, link: &Link) -> Option<String> {
        match link {
            Link::None => None,
            Link::Invalid => Some(INVALID.to_owned()),
            Link::To(position) => Some(self.reference(*position)),
            Link::Given => encounter.given_part_of.clone(),
        }
    }

    fn reference(&self, position: usize) -> String {
        format!("Encounter/{}", self.encounters[position].id)
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
    fn a_million_encounters_take_linear_time() {
        let rows = |patients: usize| {
            (0..patients).flat_map(|p| {
                (1..=3_u8).map(move |level| {
                    let mut r = row(&format!("{p}-{level}"), level, i64::from(level), None);
                    r.patient = Some(format!("Patient/{p}"));
                    r
                })
            })
        };
        let graph = EncounterGraph::build(rows(30_000), None);
        assert_eq!(graph.main("29999-3"), reference("29999-1"));
        assert_eq!(graph.count(Level::Ward), 30_000);
    }
}
