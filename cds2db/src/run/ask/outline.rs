//! What a run asks for, told without asking.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use table_description::Description;

use super::narrowing::Narrowing;
use super::requests::{in_groups, patient_parameter, patient_resources};
use crate::config::Settings;

/// What a run asks for, without asking: one line a resource type, ids and moments left open.
pub(crate) fn outline(settings: &Settings, description: &Description, zone: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    let of_patients = patient_resources(description);
    let referenced = super::referenced::targets(description);
    for resource in of_patients.iter().chain(&referenced) {
        let Some(narrowing) = Narrowing::of(settings, resource, zone) else {
            lines.push(format!(
                "{resource} is not loaded: DEBUG_ADD_FHIR_SEARCH_ has an empty text for it"
            ));
            continue;
        };
        let (parameter, whose) = if of_patients.contains(resource) {
            (patient_parameter(settings, resource), "patients")
        } else {
            ("_id", "referenced ids")
        };
        let none = BTreeMap::new();
        let ids = [format!("<{whose}>").into()];
        let query = in_groups(settings, resource, parameter, &narrowing, &ids, &none, zone)
            .first()
            .map(|request| {
                request
                    .search
                    .query()
                    .replace("%3C", "<")
                    .replace("%3E", ">")
                    .replace("%20", " ")
            })
            .unwrap_or_default();
        let since = match (resource.as_str(), settings.debug.ignore_last_update) {
            ("Patient", _) | (_, true) => "",
            _ => "&_lastUpdated=gt<the day before they were last loaded, where they were>",
        };
        lines.push(format!("POST {resource}/_search {query}{since}"));
    }
    lines
}
