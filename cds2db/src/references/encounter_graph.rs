use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::addition::Addition;
use super::timeline::{Class, Timeline};
use super::{EncounterRow, INVALID, Level, reference_id};

/// How far the main encounter may lie above: ward, department, facility, and one more for odd sites.
const MAX_HOPS: usize = 3;
/// The number of an encounter without a patient.
pub(super) const NOBODY: u32 = u32::MAX;

/// All encounters of a set of patients with parent and main encounter worked out.
///
/// Building takes time linear in the rows but for the sorting, however the encounters are spread over the patients.
#[derive(Default)]
pub struct EncounterGraph {
    pub(super) encounters: Vec<Encounter>,
    pub(super) by_id: HashMap<Arc<str>, u32>,
    /// Patients by reference; their encounters came with one addition and stand in its timeline.
    pub(super) patients: HashMap<Arc<str>, Patient>,
    pub(super) timelines: Vec<Timeline>,
    pub(super) counts: [usize; 3],
}

#[derive(Clone, Copy)]
pub(super) struct Patient {
    pub(super) number: u32,
    pub(super) timeline: usize,
}

pub(super) struct Encounter {
    pub(super) id: Arc<str>,
    /// Of several versions the newest decides; `None` is older than any.
    pub(super) version: Option<i32>,
    pub(super) level: Level,
    pub(super) patient: u32,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) class: Class,
    /// Until the parent is known.
    pub(super) given_part_of: Option<Box<str>>,
    pub(super) part_of: Link,
    pub(super) main: Link,
}

/// A calculated reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Not calculated, or the top level.
    None,
    /// No encounter fits.
    Invalid,
    /// A known encounter.
    To(u32),
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
        let mut graph = Self::default();
        graph.extend(rows, common_system);
        graph
    }

    /// Adds encounters of further patients and works out their references; those of the patients known stay.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = EncounterRow>, common_system: Option<&str>) {
        let mut addition = std::mem::take(self).addition(common_system);
        for row in rows {
            addition.add(row, None);
        }
        *self = addition.link();
    }

    /// Begins to add encounters of further patients.
    pub(crate) fn addition(self, common_system: Option<&str>) -> Addition {
        Addition::new(self, common_system)
    }

    /// Whether the encounters of a patient were added, or that there are none was.
    pub(crate) fn knows_patient(&self, reference: &str) -> bool {
        self.patients.contains_key(reference)
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
            let of_class = |class| timeline.enclosing((Level::Facility, patient.number, class), time, time);
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

    pub(super) fn encounter(&self, position: u32) -> &Encounter {
        &self.encounters[position as usize]
    }

    /// The encounter of a level that encloses the child's period, or its start where it has not ended; inpatient before short
    /// stay before ambulatory, then the nearest start, then the first.
    pub(super) fn by_time(&self, child: &Encounter, level: Level) -> Option<u32> {
        if child.patient == NOBODY {
            return None;
        }
        let (start, timeline) = (child.start?, self.timelines.last()?);
        // What runs lies in nothing that was over before it began.
        let end = child.end.unwrap_or(start);
        Class::ALL
            .into_iter()
            .find_map(|class| timeline.enclosing((level, child.patient, class), start, end))
            .map(|(_, position)| position)
    }

    /// The facility encounter at the end of the chain of parents, at most [`MAX_HOPS`] above, so a cycle ends too.
    pub(super) fn top(&self, mut position: u32) -> Option<u32> {
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
            Link::Given => encounter.given_part_of.as_deref().map(str::to_owned),
        }
    }

    fn reference(&self, position: u32) -> String {
        format!("Encounter/{}", self.encounter(position).id)
    }
}
