//! References between encounters, each worked out by looking at all of them.

use jiff::civil::DateTime;

use super::json::Json;
use super::typing::wall;

const LEVELS: [&str; 3] = [
    "einrichtungskontakt",
    "abteilungskontakt",
    "versorgungsstellenkontakt",
];

/// An encounter as the rules look at it.
#[derive(Clone, Debug)]
pub(crate) struct Encounter {
    pub(crate) id: String,
    /// 0 for the case, 1 and 2 below it.
    level: usize,
    pub(crate) patient: String,
    start: Option<DateTime>,
    end: Option<DateTime>,
    class: Option<String>,
    part_of: Option<String>,
    identifiers: Vec<(Option<String>, String)>,
}

impl Encounter {
    pub(crate) fn of(resource: &Json) -> Option<Self> {
        let codes = resource.values("type/coding/code");
        let level = codes
            .iter()
            .find_map(|(_, code)| LEVELS.iter().position(|l| l == code))?;
        let identifiers = match resource.get("identifier") {
            Some(Json::Array(items)) => items
                .iter()
                .filter_map(|i| Some((i.first("system"), i.first("value")?)))
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            id: resource.first("id")?,
            level,
            patient: resource.first("subject/reference")?,
            start: resource.first("period/start").and_then(|t| wall(&t)),
            end: resource.first("period/end").and_then(|t| wall(&t)),
            class: resource.first("class/code"),
            part_of: resource.first("partOf/reference"),
            identifiers,
        })
    }

    fn reference(&self) -> String {
        format!("Encounter/{}", self.id)
    }
}

/// All encounters there are.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) encounters: Vec<Encounter>,
    pub(crate) common_system: Option<String>,
}

const INVALID: &str = "invalid";

impl Graph {
    fn find(&self, reference: &str) -> Option<&Encounter> {
        self.encounters.iter().find(|e| e.reference() == reference)
    }

    pub(crate) fn part_of(&self, id: &str) -> Option<String> {
        let child = self.find(&format!("Encounter/{id}"))?;
        if child.level == 0 {
            return None;
        }
        if let Some(given) = &child.part_of {
            return Some(given.clone());
        }
        let parents: Vec<&Encounter> = self.of(&child.patient, child.level - 1);
        let same: Vec<&&Encounter> = parents
            .iter()
            .filter(|parent| {
                child.identifiers.iter().any(|(system, value)| {
                    self.common_system.is_some()
                        && *system == self.common_system
                        && parent.identifiers.iter().any(|(_, other)| other == value)
                })
            })
            .collect();
        if let [only] = same.as_slice() {
            return Some(only.reference());
        }
        Some(by_time(child, &parents).map_or_else(|| INVALID.to_owned(), Encounter::reference))
    }

    pub(crate) fn main(&self, id: &str) -> Option<String> {
        let child = self.find(&format!("Encounter/{id}"))?;
        let mut at = child;
        for _ in 0..3 {
            match self.part_of(&at.id) {
                Some(above) => match self.find(&above) {
                    Some(above) => at = above,
                    None => break,
                },
                None => break,
            }
        }
        if at.level == 0 {
            return Some(at.reference());
        }
        let cases = self.of(&child.patient, 0);
        Some(by_time(child, &cases).map_or_else(|| INVALID.to_owned(), Encounter::reference))
    }

    pub(crate) fn of_other(&self, encounter: Option<&str>, patient: &str, times: &[DateTime]) -> String {
        if let Some(main) = encounter
            .and_then(|e| self.find(e))
            .and_then(|e| self.main(&e.id))
            && main != INVALID
        {
            return main;
        }
        for time in times {
            let enclosing = self.of(patient, 0).into_iter().filter(|case| {
                matches!(case.class.as_deref(), Some("IMP" | "SS"))
                    && case.start.is_some_and(|start| start <= *time)
                    && case.end.is_none_or(|end| end >= *time)
            });
            // The nearest start is the latest one, the first of several.
            let nearest = enclosing.rev_max_by_start();
            if let Some(nearest) = nearest {
                return nearest.reference();
            }
        }
        INVALID.to_owned()
    }

    fn of(&self, patient: &str, level: usize) -> Vec<&Encounter> {
        self.encounters
            .iter()
            .filter(|e| e.patient == patient && e.level == level)
            .collect()
    }
}

fn by_time<'e>(child: &Encounter, parents: &[&'e Encounter]) -> Option<&'e Encounter> {
    let start = child.start?;
    let enclosing: Vec<&Encounter> = parents
        .iter()
        .copied()
        .filter(|p| {
            p.start.is_some_and(|s| s <= start) && (p.end.is_none() || p.end >= child.end.or(child.start))
        })
        .collect();
    let class = ["IMP", "SS", "AMB"]
        .into_iter()
        .find(|class| enclosing.iter().any(|e| e.class.as_deref() == Some(class)));
    let preferred = enclosing
        .into_iter()
        .filter(|e| class.is_none() || e.class.as_deref() == class);
    preferred.rev_max_by_start()
}

trait LatestStart<'e> {
    /// The encounter that began last; the first of several.
    fn rev_max_by_start(self) -> Option<&'e Encounter>;
}

impl<'e, I: Iterator<Item = &'e Encounter>> LatestStart<'e> for I {
    fn rev_max_by_start(self) -> Option<&'e Encounter> {
        let mut best: Option<&Encounter> = None;
        for encounter in self {
            if best.is_none_or(|best| encounter.start > best.start) {
                best = Some(encounter);
            }
        }
        best
    }
}
