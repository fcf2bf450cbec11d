//! The patients of each ward, by the encounters that the server has.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use fhir_crack::search::{Client, Search, Step};
use fhir_crack::{Batch, Options};
use jiff::tz::TimeZone;
use table_description::TableDescription;
use table_description::reference::{IdRule, literal};

use super::ward_request::{Dates, request};
use crate::config::{Settings, Wards};
use crate::progress::{Progress, Stage};
use crate::references::reference_id;
use crate::run::ask::elements::{JOIN, by_ids, crack_as, elements, joined, plan, table};
use crate::run::stopwatch::Stopwatch;
use crate::summary::Incomplete;
use crate::ward::{Candidate, Condition, WardDefinition, WardPatient, assign, instant};
use crate::{Error, ErrorKind, Result};

/// What the search for wards found.
#[derive(Debug, Default)]
pub(crate) struct WardSearch {
    pub(crate) patients: Vec<WardPatient>,
    pub(crate) notes: Vec<String>,
    /// What makes the answer doubtful.
    pub(crate) remarks: Vec<String>,
    /// Why not all patients on the wards are seen.
    pub(crate) incomplete: Vec<Incomplete>,
}

/// Elements needed beside those of the patterns.
const ALWAYS: [&str; 6] = [
    "id",
    "meta/lastUpdated",
    "period/end",
    "period/start",
    "status",
    "subject/reference",
];
const SEARCH: &str = "the search for the wards' encounters";
/// Its name in the list of what is missing; no table and no type, since what was found is whole.
const WARDS: &str = "search for wards";

/// Finds the patients of each ward.
pub(crate) async fn find(
    settings: &Settings,
    client: &Client,
    zone: &TimeZone,
    progress: &dyn Progress,
    watch: &Stopwatch,
    dates: &Dates,
) -> Result<WardSearch> {
    let wards = match &settings.wards {
        Wards::None => return Ok(WardSearch::default()),
        Wards::List(patients) => {
            return Ok(WardSearch {
                patients: patients.clone(),
                ..WardSearch::default()
            });
        }
        Wards::Patterns(wards) => wards,
    };
    let mut paths = WardDefinition::paths(wards);
    paths.extend(ALWAYS.map(str::to_owned));
    let table = table("Encounter", paths);
    let mut found = Found::new(&table);
    let plan = plan(table)?;
    let mut pages = client.search(request(settings, zone, dates));
    loop {
        let failed = |e| Error::new(ErrorKind::Search, format!("{SEARCH} broke off")).because(e);
        match pages.next().await.map_err(failed)? {
            Step::Page(page) => {
                let cracked = crack_as(&page.bytes, page.number, SEARCH, &plan, Options::default())?;
                cracked.batches.iter().for_each(|batch| found.add(batch));
                if let Some(first) = cracked.rejected.first() {
                    found.miss(format!(
                        "page {}: {} encounters cannot be read, their patients are not seen: {}",
                        page.number,
                        cracked.rejected.len(),
                        first.reason()
                    ));
                }
                watch.add(u64::from(page.entries), page.bytes.len() as u64);
                progress.advance(Stage::Wards, u64::from(page.entries), page.bytes.len() as u64);
            }
            Step::Limited(limited) => {
                let pages = limited.pages();
                found.miss(format!(
                    "MAX_ENCOUNTER_BUNDLES cut it short after {pages} pages; patients on later pages are not seen"
                ));
                break;
            }
            _ => break,
        }
    }
    let targets = follow(&found, wards, client, settings).await?;
    Ok(found.finish(wards, &targets, settings, zone))
}

/// The encounters found so far.
struct Found {
    columns: Vec<String>,
    /// Joined values of each column, one list an encounter.
    encounters: Vec<Vec<Option<String>>>,
    notes: Vec<String>,
    remarks: Vec<String>,
    incomplete: Vec<Incomplete>,
}

/// Values of referenced resources by (path of the reference, element), then by id.
type Targets = HashMap<(String, String), HashMap<String, String>>;

impl Found {
    fn new(table: &TableDescription) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|c| c.path().as_str().to_owned())
            .collect();
        Self {
            columns,
            encounters: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
            incomplete: Vec::new(),
        }
    }

    /// Not all encounters are seen.
    fn miss(&mut self, cause: String) {
        self.incomplete.push(Incomplete::of(WARDS, cause));
    }

    fn add(&mut self, batch: &Batch) {
        let columns = self.columns.len();
        let row = |row| (0..columns).map(|column| joined(batch, row, column)).collect();
        self.encounters.extend((0..batch.rows()).map(row));
    }

    fn cell<'e>(&self, encounter: &'e [Option<String>], path: &str) -> Option<&'e str> {
        self.columns
            .iter()
            .position(|c| c == path)
            .and_then(|i| encounter.get(i)?.as_deref())
    }

    /// The references that stand at a path, each once.
    fn references(&self, path: &str) -> BTreeSet<String> {
        let cells = self.encounters.iter().filter_map(|e| self.cell(e, path));
        cells
            .flat_map(|cell| cell.split(JOIN))
            .map(str::to_owned)
            .collect()
    }

    fn finish(
        mut self,
        wards: &[WardDefinition],
        targets: &Targets,
        settings: &Settings,
        zone: &TimeZone,
    ) -> WardSearch {
        let mut without_patient = 0_u64;
        let mut too_old = 0_u64;
        let mut candidates = Vec::new();
        for encounter in &self.encounters {
            let Some(patient) = self
                .cell(encounter, "subject/reference")
                .and_then(|r| reference_id(r, "Patient"))
            else {
                without_patient += 1;
                continue;
            };
            let value = |condition: &Condition| {
                let cell = self.cell(encounter, &condition.path)?;
                let Some(target) = &condition.target else {
                    return Some(Cow::Borrowed(cell));
                };
                let values = targets.get(&(condition.path.clone(), target.clone()))?;
                let found: Vec<&str> = cell
                    .split(JOIN)
                    .filter_map(|r| values.get(r).map(String::as_str))
                    .collect();
                (!found.is_empty()).then(|| Cow::Owned(found.join(JOIN)))
            };
            for (ward_order, ward) in wards.iter().enumerate().filter(|(_, w)| w.matches(value)) {
                let start = self.cell(encounter, "period/start");
                if ward.is_too_old(start, zone) {
                    too_old += 1;
                    continue;
                }
                candidates.push(Candidate {
                    patient_id: patient.to_owned(),
                    encounter_id: self.cell(encounter, "id").unwrap_or_default().to_owned(),
                    ward_name: ward.ward_name.clone(),
                    ward_order,
                    start: start.and_then(|t| instant(t, zone)),
                    last_updated: self
                        .cell(encounter, "meta/lastUpdated")
                        .and_then(|t| instant(t, zone)),
                });
            }
        }
        self.note_oddities(without_patient);
        if too_old > 0 {
            self.notes.push(format!(
                "{too_old} encounters started before phase_a_start of their ward and are not listed"
            ));
        }
        if let Some(pattern) = &settings.debug.pids_pattern {
            candidates.retain(|c| pattern.is_match(&c.patient_id).unwrap_or(false));
        }
        let (patients, several) = assign(candidates);
        if several > 0 {
            let text = format!(
                "{several} patients are on more than one ward; the encounter that started last decides"
            );
            self.notes.push(text);
        }
        if patients.is_empty() {
            let seen = self.encounters.len();
            self.remarks.push(format!(
                "the ward patterns match none of {seen} encounters; the wards are empty"
            ));
        }
        WardSearch {
            patients,
            notes: self.notes,
            remarks: self.remarks,
            incomplete: self.incomplete,
        }
    }

    fn note_oddities(&mut self, without_patient: u64) {
        if self.encounters.is_empty() {
            self.notes
                .push("the server has no encounter that the search for wards asks for".to_owned());
            return;
        }
        if without_patient > 0 {
            self.notes.push(format!(
                "{without_patient} encounters without a patient are left out of the wards"
            ));
        }
        for (i, path) in self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, path)| !ALWAYS.contains(&path.as_str()))
        {
            if self.encounters.iter().all(|e| e[i].is_none()) {
                self.notes.push(format!(
                    "no encounter has {path}; is the path in the ward patterns right?"
                ));
            }
        }
    }
}

/// Fetches what conditions look at in the resources that encounters refer to, such as a Location's name.
async fn follow(
    found: &Found,
    wards: &[WardDefinition],
    client: &Client,
    settings: &Settings,
) -> Result<Targets> {
    let mut targets = Targets::new();
    for (path, element) in WardDefinition::targets(wards) {
        let mut by_type: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for reference in found.references(&path) {
            // What refers to no resource of a server, such as `Bed 4/Room 3`, has no element to look at.
            if let Some(found) = literal(&reference, IdRule::Odd) {
                let id = found.id().to_owned();
                by_type
                    .entry(found.resource_type().to_owned())
                    .or_default()
                    .push((reference.clone(), id));
            }
        }
        let mut values = HashMap::new();
        for (resource, references) in by_type {
            let ids = references.iter().map(|(_, id)| id.clone());
            let by_id = element_by_id(client, settings, &resource, &element, ids.collect()).await?;
            values.extend(
                references
                    .into_iter()
                    .filter_map(|(r, id)| Some((r, by_id.get(&id)?.clone()))),
            );
        }
        targets.insert((path, element), values);
    }
    Ok(targets)
}

/// One element of resources, by their ids.
async fn element_by_id(
    client: &Client,
    settings: &Settings,
    resource: &str,
    element: &str,
    ids: Vec<String>,
) -> Result<HashMap<String, String>> {
    let searches = by_ids(resource, "_id", &ids, settings.server.ids_at_once);
    let what = format!("the search for the {resource} that ward patterns look at");
    let found = elements(client, resource, searches, ["id", element], &what).await?;
    Ok(found
        .into_iter()
        .filter_map(|[id, value]| Some((id?, value?)))
        .collect())
}

/// What searches for encounters lead to.
pub(crate) struct OfEncounters {
    /// Ids of the encounters, each once.
    pub(crate) encounters: BTreeSet<String>,
    /// Their patients.
    pub(crate) patients: BTreeSet<String>,
}

/// The patients of the encounters that searches find.
pub(crate) async fn patients_of_encounters(client: &Client, searches: Vec<Search>) -> Result<OfEncounters> {
    let what = "the search for encounters";
    let found = elements(client, "Encounter", searches, ["id", "subject/reference"], what).await?;
    let mut of = OfEncounters {
        encounters: BTreeSet::new(),
        patients: BTreeSet::new(),
    };
    for [id, subject] in found {
        of.encounters.extend(id);
        let patient = subject.as_deref().and_then(|r| reference_id(r, "Patient"));
        of.patients.extend(patient.map(str::to_owned));
    }
    Ok(of)
}
