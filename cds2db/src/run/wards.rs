use std::collections::HashSet;
use std::sync::Arc;

use fhir_crack::search::{Client, Search, Step};
use fhir_crack::{Batch, Options, Plan};
use jiff::Zoned;
use jiff::tz::TimeZone;
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use super::requests::with_paging;
use crate::config::{Settings, Wards};
use crate::progress::{Progress, Stage};
use crate::references::reference_id;
use crate::run::stopwatch::Stopwatch;
use crate::ward::{Candidate, Condition, WardDefinition, WardPatient, assign, instant};
use crate::{Error, ErrorKind, Result};

/// What the search for wards found.
#[derive(Debug, Default)]
pub(crate) struct WardSearch {
    pub(crate) patients: Vec<WardPatient>,
    pub(crate) notes: Vec<String>,
}

/// Elements needed beside those of the patterns.
const ALWAYS: [&str; 6] = ["id", "meta/lastUpdated", "period/end", "period/start", "status", "subject/reference"];
/// How several values of one element are joined before a pattern looks at them.
const JOIN: &str = " ~ ";

/// Finds the patients of each ward.
pub(crate) async fn find(
    settings: &Settings,
    client: &Client,
    zone: &TimeZone,
    progress: &dyn Progress,
    watch: &Stopwatch,
) -> Result<WardSearch> {
    let wards = match &settings.wards {
        Wards::None => return Ok(WardSearch::default()),
        Wards::List(patients) => return Ok(WardSearch { patients: patients.clone(), notes: Vec::new() }),
        Wards::Patterns(wards) => wards,
    };
    let table = table(wards);
    let description = Description { tables: vec![Arc::new(table)] };
    let plan = Plan::new(&description)
        .map_err(|e| Error::new(ErrorKind::Config, "a path of the ward patterns cannot be followed").because(e))?;
    let mut found = Found::new(&description.tables[0]);
    let mut pages = client.search(request(settings, zone));
    loop {
        let failed = |e| Error::new(ErrorKind::Search, "the search for the wards' encounters broke off").because(e);
        match pages.next().await.map_err(failed)? {
            Step::Page(page) => {
                let cracked = fhir_crack::crack_with(&page.bytes, &plan, &Options::default())
                    .map_err(|e| Error::new(ErrorKind::Crack, format!("Encounter page {}", page.number)).because(e))?;
                for batch in &cracked.batches {
                    found.add(batch, wards, zone);
                    watch.add(batch.rows() as u64, 0);
                }
                watch.add(0, page.bytes.len() as u64);
                progress.advance(Stage::Wards, u64::from(page.entries), page.bytes.len() as u64);
            }
            Step::Limited(limited) => {
                found.notes.push(format!(
                    "the search for wards was cut short by MAX_ENCOUNTER_BUNDLES after {} pages; patients on later pages are not seen",
                    limited.pages()
                ));
                break;
            }
            _ => break,
        }
    }
    Ok(found.finish(settings))
}

/// The first request, which `--dry-run` and `FHIR_SEARCH_ENCOUNTER_REQUEST_TEST` show.
pub(crate) fn request(settings: &Settings, zone: &TimeZone) -> Search {
    let encounters = &settings.encounters;
    let debug = &settings.debug;
    let own_dates: Vec<_> = encounters.additional.iter().filter(|(name, _)| name == "date").collect();
    let mut search = Search::new("Encounter");
    if !own_dates.is_empty() {
        for (name, value) in own_dates {
            search = search.param(name.clone(), value.clone());
        }
    } else if let Some(after) = &debug.starts_after {
        search = search.param("date", format!("sa{after}"));
        if let Some(until) = &debug.starts_at_or_before {
            search = search.param("date", format!("le{until}"));
        }
    } else {
        let now = Zoned::now().with_time_zone(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        search = search.param("date", format!("lt{now}"));
    }
    if !encounters.status.is_empty() {
        search = search.param("status", encounters.status.clone());
    }
    if !encounters.classes.is_empty() {
        search = search.any_of("class", encounters.classes.iter().cloned());
    }
    if !encounters.location_ids.is_empty() {
        search = search.any_of("location", encounters.location_ids.iter().cloned());
    }
    if !debug.accepted_pids.is_empty() {
        let references = debug.accepted_pids.iter().map(|id| format!("Patient/{}", id.rsplit('/').next().unwrap_or(id)));
        search = search.any_of("subject", references);
    }
    search = with_paging(settings, search);
    for (name, value) in encounters.additional.iter().filter(|(name, _)| name != "date") {
        search = search.param(name.clone(), value.clone());
    }
    match encounters.max_pages {
        Some(pages) => search.max_pages(u32::try_from(pages).unwrap_or(u32::MAX)),
        None => search,
    }
}

fn table(wards: &[WardDefinition]) -> TableDescription {
    let mut paths = WardDefinition::paths(wards);
    paths.extend(ALWAYS.map(str::to_owned));
    let column = |path: String| {
        let name = path.replace('/', "_").to_ascii_lowercase();
        Column::new(name, Origin::Element(ElementPath::new(path)), FhirType::String)
    };
    let columns = paths.into_iter().map(column).collect();
    TableDescription {
        name: "encounter".to_owned(),
        resource: Some("Encounter".to_owned()),
        prefix: String::new(),
        columns,
        melt: MeltMode::Product,
    }
}

struct Found {
    columns: Vec<String>,
    filled: HashSet<usize>,
    encounters: u64,
    without_patient: u64,
    candidates: Vec<Candidate>,
    notes: Vec<String>,
}

impl Found {
    fn new(table: &TableDescription) -> Self {
        Self {
            columns: table.columns.iter().map(|c| c.path().as_str().to_owned()).collect(),
            filled: HashSet::new(),
            encounters: 0,
            without_patient: 0,
            candidates: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn add(&mut self, batch: &Batch, wards: &[WardDefinition], zone: &TimeZone) {
        for row in 0..batch.rows() {
            let cells: Vec<Option<String>> = (0..self.columns.len()).map(|column| joined(batch, row, column)).collect();
            self.encounters += 1;
            self.filled.extend(cells.iter().enumerate().filter(|(_, cell)| cell.is_some()).map(|(i, _)| i));
            let cell = |path: &str| self.columns.iter().position(|c| c == path).and_then(|i| cells[i].as_deref());
            let Some(patient) = cell("subject/reference").and_then(|r| reference_id(r, "Patient")) else {
                self.without_patient += 1;
                continue;
            };
            let value = |condition: &Condition| cell(&condition.path);
            for (order, ward) in wards.iter().enumerate().filter(|(_, w)| w.matches(value)) {
                self.candidates.push(Candidate {
                    patient_id: patient.to_owned(),
                    encounter_id: cell("id").unwrap_or_default().to_owned(),
                    ward_name: ward.ward_name.clone(),
                    ward_order: order,
                    start: cell("period/start").and_then(|t| instant(t, zone)),
                    last_updated: cell("meta/lastUpdated").and_then(|t| instant(t, zone)),
                });
            }
        }
    }

    fn finish(mut self, settings: &Settings) -> WardSearch {
        if self.encounters == 0 {
            self.notes.push("the server has no encounter that the search for wards asks for".to_owned());
        }
        if self.without_patient > 0 {
            self.notes.push(format!("{} encounters without a patient left out of the wards", self.without_patient));
        }
        for (i, path) in self.columns.iter().enumerate() {
            if self.encounters > 0 && path != "period/end" && !self.filled.contains(&i) {
                self.notes.push(format!("no encounter has {path}; is the path in the ward patterns right?"));
            }
        }
        if let Some(pattern) = &settings.debug.pids_pattern {
            self.candidates.retain(|c| pattern.is_match(&c.patient_id).unwrap_or(false));
        }
        let (patients, several) = assign(self.candidates);
        if several > 0 {
            self.notes.push(format!("{several} patients are on more than one ward; the encounter that started last decides"));
        }
        WardSearch { patients, notes: self.notes }
    }
}

fn joined(batch: &Batch, row: usize, column: usize) -> Option<String> {
    let values: Vec<&str> = batch.cell(row, column).map(|entry| entry.text).collect();
    (!values.is_empty()).then(|| values.join(JOIN))
}
