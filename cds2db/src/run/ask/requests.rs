//! Searches for the resources of patients and for resources by id.

use std::collections::BTreeMap;
use std::sync::Arc;

use fhir_crack::search::Search;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use table_description::{Description, TableDescription};

use super::narrowing::Narrowing;
use crate::config::Settings;
use crate::summary::Incomplete;

/// One search of the download and whom it is for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) resource: String,
    /// Name of its watermarks.
    pub(crate) watermark: String,
    pub(crate) search: Search,
    pub(crate) extent: Extent,
}

/// How much a search asks for, as a bulk export may be asked for it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What was changed since a moment, or everything.
    Since(Option<String>),
    /// What an export cannot say.
    Narrowed,
}

impl Request {
    /// Patients (or, for referenced resources, ids) whose watermark moves when the search is complete.
    pub(crate) fn ids(&self) -> &[Arc<str>] {
        self.search.listed_ids()
    }

    /// The same for a part of its ids.
    pub(crate) fn of(&self, ids: Vec<Arc<str>>) -> Self {
        let mut request = self.clone();
        if let Some(parameter) = self.search.list_param() {
            request.search = self.search.clone().ids(parameter, ids);
        }
        request
    }

    /// What the summary says of the request where it ends early: type and how many, never who.
    pub(crate) fn incomplete(&self, cause: String) -> Incomplete {
        let place = match self.ids().len() {
            0 => String::new(),
            n => format!("of {n} ids"),
        };
        Incomplete {
            resource: self.resource.clone(),
            place,
            cause,
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

/// Resources changed since this moment are asked for: the start of the day before the watermark's. The moment is written
/// with its offset, since servers read a bare date in a zone of their own, and then a gap could open at midnight.
pub(crate) fn since(watermark: i64, zone: &TimeZone) -> Option<String> {
    let at = Timestamp::from_microsecond(watermark).ok()?;
    let day = at.to_zoned(zone.clone()).date().checked_sub(1.day()).ok()?;
    let start = day.to_zoned(zone.clone()).ok()?;
    Some(start.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// The parameter by which the resources of patients are searched.
pub(crate) fn patient_parameter(settings: &Settings, resource: &str) -> &'static str {
    match (resource, settings.server.by_subject) {
        ("Patient", _) => "_id",
        (_, true) => "subject",
        (_, false) => "patient",
    }
}

/// The searches for one resource type: patients grouped by the day they were last loaded, in batches.
pub(crate) fn by_patient(
    settings: &Settings,
    resource: &str,
    narrowing: &Narrowing,
    patients: &[Arc<str>],
    watermarks: &BTreeMap<String, i64>,
    zone: &TimeZone,
) -> Vec<Request> {
    // Patient itself is always loaded, as the original does: it renews the date of the last check.
    let none = BTreeMap::new();
    let known = if resource == "Patient" { &none } else { watermarks };
    let parameter = patient_parameter(settings, resource);
    in_groups(settings, resource, parameter, narrowing, patients, known, zone)
}

/// The searches for referenced resources by id.
pub(crate) fn by_id(
    settings: &Settings,
    resource: &str,
    narrowing: &Narrowing,
    ids: &[Arc<str>],
    watermarks: &BTreeMap<String, i64>,
    zone: &TimeZone,
) -> Vec<Request> {
    in_groups(settings, resource, "_id", narrowing, ids, watermarks, zone)
}

/// Ids grouped by the day they were last loaded, in batches.
pub(super) fn in_groups(
    settings: &Settings,
    resource: &str,
    parameter: &str,
    narrowing: &Narrowing,
    ids: &[Arc<str>],
    watermarks: &BTreeMap<String, i64>,
    zone: &TimeZone,
) -> Vec<Request> {
    let mut groups: BTreeMap<Option<String>, Vec<Arc<str>>> = BTreeMap::new();
    for id in ids {
        let watermark = watermarks
            .get(&**id)
            .filter(|_| !settings.debug.ignore_last_update);
        groups
            .entry(watermark.and_then(|w| since(*w, zone)))
            .or_default()
            .push(id.clone());
    }
    let mut requests = Vec::new();
    for (since, ids) in groups {
        for ids in ids.chunks(settings.server.ids_at_once.max(1)) {
            let mut search = Search::new(resource).ids(parameter, ids.iter().cloned());
            if let Some(count) = settings.server.count {
                search = search.count(count);
            }
            for (name, value) in &narrowing.parameters {
                search = search.param(name.clone(), value.clone());
            }
            if let Some(since) = &since {
                search = search.param("_lastUpdated", format!("gt{since}"));
            }
            requests.push(Request {
                resource: resource.to_owned(),
                watermark: narrowing.watermark.clone(),
                search,
                extent: match narrowing.parameters.is_empty() {
                    true => Extent::Since(since.clone()),
                    false => Extent::Narrowed,
                },
            });
        }
    }
    requests
}

/// Adds page size and sort order as configured; the order only goes with searches that are sent by GET.
pub(crate) fn with_paging(settings: &Settings, mut search: Search) -> Search {
    if let Some(count) = settings.server.count {
        search = search.count(count);
    }
    if let Some(sort) = &settings.server.sort {
        search = search.sort(sort.clone());
    }
    search
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ResourceFilter;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled")
    }

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a moment").as_microsecond()
    }

    /// At least a day lies between the moment asked for and the watermark, also round midnight and changes of the clock.
    #[test]
    fn trap_17_the_days_overlap_in_every_zone_of_a_server() {
        let cases = [
            ("2024-05-03T01:00:00Z", "2024-05-02T00:00:00+02:00"),
            ("2024-05-02T22:30:00Z", "2024-05-02T00:00:00+02:00"),
            ("2024-05-02T21:59:59Z", "2024-05-01T00:00:00+02:00"),
            ("2024-03-31T12:00:00Z", "2024-03-30T00:00:00+01:00"),
            ("2024-10-28T00:30:00Z", "2024-10-27T00:00:00+02:00"),
        ];
        for (watermark, expected) in cases {
            let text = since(micros(watermark), &berlin()).expect("a moment");
            assert_eq!(text, expected);
            assert!(micros(watermark) - micros(&text) >= 24 * 3_600_000_000);
        }
    }

    #[test]
    fn trap_17_patient_is_always_asked_for_in_full_and_others_since_their_own_watermark() {
        let mut settings = Settings::default();
        settings.server.ids_at_once = 2;
        let ids = ["a", "b", "c", "d"].map(Arc::from);
        let watermarks = BTreeMap::from([
            ("a".to_owned(), micros("2024-05-03T10:00:00Z")),
            ("b".to_owned(), micros("2024-05-03T20:00:00Z")),
        ]);
        let queries = |resource: &str| {
            let narrowing = Narrowing::of(&settings, resource, &berlin()).expect("loaded");
            let requests = by_patient(&settings, resource, &narrowing, &ids, &watermarks, &berlin());
            requests.iter().map(|r| r.search.query()).collect::<Vec<_>>()
        };
        assert_eq!(queries("Patient"), ["_id=a,b", "_id=c,d"]);
        assert_eq!(
            queries("Condition"),
            [
                "patient=c,d",
                "patient=a,b&_lastUpdated=gt2024-05-02T00:00:00%2B02:00"
            ]
        );
    }

    #[test]
    fn trap_30_a_filter_narrows_the_search_and_has_watermarks_of_its_own() {
        let mut settings = Settings {
            now: Some("2024-05-03T10:00:00Z".parse().expect("a moment")),
            ..Settings::default()
        };
        let narrowing = |settings: &Settings, resource: &str| {
            Narrowing::of(settings, resource, &berlin()).expect("loaded")
        };
        assert!(
            narrowing(&settings, "Observation").parameters.is_empty(),
            "everything by default"
        );
        let filter = ResourceFilter {
            window_days: Some(30),
            categories: vec!["laboratory".to_owned()],
            codes: vec!["http://loinc.org|2160-0".to_owned(), "x".to_owned()],
        };
        settings.filters.insert("Observation".to_owned(), filter);
        let narrowed = narrowing(&settings, "Observation");
        let parameters: Vec<_> = narrowed
            .parameters
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_eq!(
            parameters,
            [
                "date=ge2024-04-03",
                "category=laboratory",
                "code=http://loinc.org|2160-0,x"
            ]
        );
        assert_ne!(narrowed.watermark, "Observation");
        assert_eq!(narrowing(&settings, "Condition").watermark, "Condition");
        settings
            .debug
            .add_search
            .insert("CONDITION".to_owned(), String::new());
        assert!(
            Narrowing::of(&settings, "Condition", &berlin()).is_none(),
            "an empty text skips the type"
        );
    }
}
