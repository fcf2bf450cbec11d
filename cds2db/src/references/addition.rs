use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::encounter_graph::{Encounter, EncounterGraph, Link, NOBODY, Patient};
use super::timeline::{Class, Timeline};
use super::{EncounterRow, Level, reference_id};

/// Encounters that come together; [`Addition::link`] works out their references.
///
/// Rows are taken one at a time and kept as little as possible, so that a hospital's encounters need not be held as rows.
pub(crate) struct Addition {
    graph: EncounterGraph,
    common_system: Option<String>,
    first_encounter: usize,
    identifiers: Vec<Identifier>,
    /// Encounters that came anew with none of the three levels; they are not in the graph.
    others: HashSet<Box<str>>,
    /// Patients who came with these encounters.
    patients: Vec<Arc<str>>,
}

/// An identifier of the encounter at a position.
struct Identifier {
    position: u32,
    value: Box<str>,
    /// Whether its system is the one that the levels of a case share.
    is_common: bool,
}

impl Addition {
    pub(super) fn new(graph: EncounterGraph, common_system: Option<&str>) -> Self {
        Self {
            first_encounter: graph.encounters.len(),
            graph,
            common_system: common_system.map(str::to_owned),
            identifiers: Vec::new(),
            others: HashSet::new(),
            patients: Vec::new(),
        }
    }

    /// Takes a row of a version of an encounter, `None` for what the hub has. Rows of newer versions come after those of older
    /// ones, which they replace.
    pub(crate) fn add(&mut self, row: EncounterRow, version: Option<i32>) {
        let known = self.graph.by_id.get(&*row.id).copied();
        let known = known.filter(|&position| !self.replaces(position, version));
        let Some(level) = row.type_code.as_deref().and_then(Level::from_code) else {
            if known.is_none() && version.is_some() && !self.others.contains(&*row.id) {
                if let Some(patient) = row.patient.as_deref() {
                    self.patient(patient);
                }
                self.others.insert(row.id.into());
            }
            return;
        };
        // What the hub has is older than what came: it does not stand for an encounter that has no level any more.
        if version.is_none() && known.is_none() && self.others.contains(&*row.id) {
            return;
        }
        let Some(position) = known.or_else(|| self.push(&row, level, version)) else {
            return;
        };
        self.identify(position, row);
    }

    /// Whether one of these encounters has the id, whatever its level, and is no stored one.
    pub(crate) fn came_anew(&self, id: &str) -> bool {
        let new = |&position: &u32| {
            position as usize >= self.first_encounter && self.graph.encounter(position).version.is_some()
        };
        self.graph.by_id.get(id).is_some_and(new) || self.others.contains(id)
    }

    /// The patients who came with these encounters.
    pub(crate) fn patients(&self) -> &[Arc<str>] {
        &self.patients
    }

    /// Notes that all encounters of a patient are among these.
    pub(crate) fn add_patient(&mut self, reference: &str) {
        self.patient(reference);
    }

    /// Works out the references of these encounters.
    pub(crate) fn link(mut self) -> EncounterGraph {
        let first = self.first_encounter;
        let new = self.graph.encounters.iter().enumerate().skip(first);
        let timeline = Timeline::new(new.filter_map(|(position, e)| {
            let position = u32::try_from(position).ok()?;
            Some(((e.level, e.patient, e.class), e.start?, e.end, position))
        }));
        self.graph.timelines.push(timeline);
        self.link_parents();
        self.link_mains();
        self.graph
    }

    /// Takes a version out if a newer one follows.
    fn replaces(&mut self, position: u32, version: Option<i32>) -> bool {
        let graph = &mut self.graph;
        let Some(encounter) = graph.encounters.get_mut(position as usize) else {
            return false;
        };
        if (position as usize) < self.first_encounter || encounter.version >= version {
            return false;
        }
        // It stays where it is, since others stand by their position, but nothing finds it.
        encounter.patient = NOBODY;
        encounter.start = None;
        graph.counts[encounter.level as usize] -= 1;
        graph.by_id.remove(&encounter.id);
        true
    }

    fn push(&mut self, row: &EncounterRow, level: Level, version: Option<i32>) -> Option<u32> {
        let position = u32::try_from(self.graph.encounters.len()).ok()?;
        let patient = row.patient.as_deref().map_or(NOBODY, |p| self.patient(p));
        let id: Arc<str> = row.id.as_str().into();
        self.graph.counts[level as usize] += 1;
        self.graph.by_id.insert(Arc::clone(&id), position);
        self.graph.encounters.push(Encounter {
            id,
            version,
            level,
            patient,
            start: row.start,
            end: row.end,
            class: Class::of(row.class.as_deref()),
            given_part_of: row.part_of.as_deref().map(Box::from),
            part_of: Link::None,
            main: Link::None,
        });
        Some(position)
    }

    fn identify(&mut self, position: u32, row: EncounterRow) {
        let (Some(common), Some(value)) = (self.common_system.as_deref(), row.identifier_value) else {
            return;
        };
        let is_common = row.identifier_system.as_deref() == Some(common);
        // An encounter has a row for each of its diagnoses and places.
        let said = self
            .identifiers
            .last()
            .is_some_and(|i| i.position == position && i.is_common == is_common && *i.value == *value);
        if !said {
            self.identifiers.push(Identifier {
                position,
                value: value.into(),
                is_common,
            });
        }
    }

    fn patient(&mut self, reference: &str) -> u32 {
        let graph = &mut self.graph;
        let timeline = graph.timelines.len();
        if let Some(known) = graph.patients.get_mut(reference) {
            known.timeline = timeline;
            return known.number;
        }
        let number = u32::try_from(graph.patients.len()).unwrap_or(NOBODY);
        let reference: Arc<str> = reference.into();
        self.patients.push(Arc::clone(&reference));
        graph.patients.insert(reference, Patient { number, timeline });
        number
    }

    fn link_parents(&mut self) {
        let graph = &self.graph;
        let common = self.common_system.as_ref().map(|_| self.common_parents());
        let new = graph.encounters.iter().enumerate().skip(self.first_encounter);
        let links: Vec<Link> = new
            .map(|(position, child)| {
                let Some(parent_level) = child.level.parent() else {
                    return Link::None;
                };
                if let Some(given) = &child.given_part_of {
                    let known = reference_id(given, "Encounter").and_then(|id| graph.by_id.get(id));
                    return known.map_or(Link::Given, |&p| Link::To(p));
                }
                if graph.count(parent_level) == 0 {
                    return Link::None;
                }
                let common = common.as_ref().and_then(|c| c.get(&position).copied());
                common
                    .or_else(|| graph.by_time(child, parent_level))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        let new = self.graph.encounters.iter_mut().skip(self.first_encounter);
        for (encounter, link) in new.zip(links) {
            encounter.part_of = link;
            if link != Link::Given {
                encounter.given_part_of = None;
            }
        }
    }

    /// For each encounter with an identifier of the common system: the only parent of the same patient with the same
    /// value, whatever system the parent's has.
    fn common_parents(&self) -> HashMap<usize, u32> {
        let graph = &self.graph;
        // `None` where two encounters have the value.
        let mut owners: HashMap<(Level, u32, &str), Option<u32>> = HashMap::new();
        for Identifier { position, value, .. } in &self.identifiers {
            let e = graph.encounter(*position);
            owners
                .entry((e.level, e.patient, value))
                .and_modify(|owner| *owner = owner.filter(|o| o == position))
                .or_insert(Some(*position));
        }
        let mut parents: HashMap<usize, Option<u32>> = HashMap::new();
        for Identifier { position, value, .. } in self.identifiers.iter().filter(|i| i.is_common) {
            let e = graph.encounter(*position);
            let Some(level) = e.level.parent().filter(|_| e.patient != NOBODY) else {
                continue;
            };
            let Some(&owner) = owners.get(&(level, e.patient, &**value)) else {
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

    fn link_mains(&mut self) {
        let graph = &self.graph;
        let new = (0_u32..).zip(&graph.encounters).skip(self.first_encounter);
        let mains: Vec<Link> = new
            .map(|(position, encounter)| {
                graph
                    .top(position)
                    .or_else(|| graph.by_time(encounter, Level::Facility))
                    .map_or(Link::Invalid, Link::To)
            })
            .collect();
        let new = self.graph.encounters.iter_mut().skip(self.first_encounter);
        for (encounter, link) in new.zip(mains) {
            encounter.main = link;
        }
    }
}
