use std::collections::BTreeMap;

use fhir_crack::search::Search;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use table_description::{Description, TableDescription};

use crate::config::Settings;

/// One search of the download and whom it is for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) resource: String,
    /// Patients (or, for referenced resources, ids) whose watermark moves when the search is complete.
    pub(crate) ids: Vec<String>,
    pub(crate) search: Search,
}

impl Request {
    /// What the summary says of the request where it ends early: type and how many, never who.
    pub(crate) fn place(&self) -> String {
        match self.ids.len() {
            0 => self.resource.clone(),
            n => format!("{} of {n} ids", self.resource),
        }
    }
}

/// Whether resources of this table belong to a patient and are searched by his id.
pub(crate) fn belongs_to_patient(table: &TableDescription) -> bool {
    let has = |path| table.position_of_path(path).is_some();
    table.resource.as_deref() == Some("Patient") || has("subject/reference") || has("patient/reference")
}

/// The resource types searched by patient, in alphabetical order.
pub(crate) fn patient_resources(description: &Description) -> Vec<String> {
    let tables = description.resources().filter(|t| belongs_to_patient(t));
    let mut names: Vec<String> = tables.filter_map(|t| t.resource.clone()).collect();
    names.sort();
    names
}

/// `_lastUpdated` asks from the day before the watermark's, so that clocks and zones cannot open a gap.
pub(crate) fn since(watermark: i64, zone: &TimeZone) -> Option<String> {
    let at = Timestamp::from_microsecond(watermark).ok()?;
    let day = at.to_zoned(zone.clone()).date().checked_sub(1.day()).ok()?;
    Some(day.to_string())
}

/// The searches for one resource type: patients grouped by the day they were last loaded, in batches.
pub(crate) fn by_patient(
    settings: &Settings,
    resource: &str,
    patients: &[String],
    watermarks: &BTreeMap<String, i64>,
    zone: &TimeZone,
) -> Vec<Request> {
    let debug = &settings.debug;
    let upper = resource.to_ascii_uppercase();
    let added = [debug.add_search.get("GENERAL"), debug.add_search.get(&upper)];
    if added.iter().flatten().any(|text| text.is_empty()) {
        return Vec::new();
    }
    // Patient itself is always loaded, as the original does: it renews the date of the last check.
    let none = BTreeMap::new();
    let known = if resource == "Patient" { &none } else { watermarks };
    let parameter = match (resource, settings.server.by_subject) {
        ("Patient", _) => "_id",
        (_, true) => "subject",
        (_, false) => "patient",
    };
    let added: Vec<(&str, &str)> = added.iter().flatten().flat_map(|text| pairs(text)).collect();
    in_groups(settings, resource, parameter, patients, known, &added, zone)
}

/// The searches for referenced resources by id.
pub(crate) fn by_id(
    settings: &Settings,
    resource: &str,
    ids: &[String],
    watermarks: &BTreeMap<String, i64>,
    zone: &TimeZone,
) -> Vec<Request> {
    let upper = resource.to_ascii_uppercase();
    match settings.debug.add_search.get(&upper).map(String::as_str) {
        Some("") => Vec::new(),
        added => {
            let added: Vec<_> = added.into_iter().flat_map(pairs).collect();
            in_groups(settings, resource, "_id", ids, watermarks, &added, zone)
        }
    }
}

/// Ids grouped by the day they were last loaded, in batches.
fn in_groups(
    settings: &Settings,
    resource: &str,
    parameter: &str,
    ids: &[String],
    watermarks: &BTreeMap<String, i64>,
    added: &[(&str, &str)],
    zone: &TimeZone,
) -> Vec<Request> {
    let mut groups: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for id in ids {
        let watermark = watermarks.get(id).filter(|_| !settings.debug.ignore_last_update);
        groups
            .entry(watermark.and_then(|w| since(*w, zone)))
            .or_default()
            .push(id.clone());
    }
    let mut requests = Vec::new();
    for (day, ids) in groups {
        for ids in ids.chunks(settings.server.ids_at_once.max(1)) {
            let mut search = Search::new(resource).ids(parameter, ids.iter().cloned());
            if let Some(day) = &day {
                search = search.param("_lastUpdated", format!("gt{day}"));
            }
            search = with_paging(settings, search);
            for (name, value) in added {
                search = search.param(*name, *value);
            }
            requests.push(Request {
                resource: resource.to_owned(),
                ids: ids.to_vec(),
                search,
            });
        }
    }
    requests
}

/// Adds page size and sort order as configured.
pub(crate) fn with_paging(settings: &Settings, mut search: Search) -> Search {
    if let Some(count) = settings.server.count {
        search = search.count(count);
    }
    if let Some(sort) = &settings.server.sort {
        search = search.param("_sort", sort.clone());
    }
    search
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter_map(|pair| pair.split_once('='))
}
