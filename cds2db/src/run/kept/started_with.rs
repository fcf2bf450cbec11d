//! The configuration that a run was started with: a run that goes on with another one would load other patients, from
//! another server or into another hub, than it says.

use std::collections::BTreeMap;

use super::keys::list;
use crate::config::{Settings, Wards};
use crate::run::digest;
use crate::{Error, ErrorKind, Result};

/// A digest of each part of the configuration that decides what a run is about, by the part's name.
pub(crate) type StartedWith = BTreeMap<String, String>;

/// The parts of a configuration. Their texts are kept nowhere.
pub(crate) fn started_with(settings: &Settings) -> StartedWith {
    let database = &settings.database;
    let encounters = &settings.encounters;
    let additional: Vec<String> = encounters
        .additional
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let filters = settings
        .filters
        .iter()
        .map(|(name, filter)| format!("{name} {}", super::keys::filter(filter)));
    let filters: Vec<String> = filters.collect();
    let pages = encounters.max_pages.map(|pages| pages.to_string());
    let parts = [
        ("the FHIR server", vec![settings.server.endpoint.clone()]),
        (
            "the hub",
            vec![
                database.host.clone(),
                database.port.to_string(),
                database.name.clone(),
            ],
        ),
        ("the wards", wards(&settings.wards)),
        (
            "the search for encounters",
            vec![
                encounters.status.clone(),
                list(&encounters.classes),
                list(&encounters.location_ids),
                list(&additional),
                pages.unwrap_or_default(),
            ],
        ),
        ("the filters of resources", filters),
        (
            "the columns of the files",
            vec![settings.date_precision.to_string()],
        ),
        ("the age of patients", vec![settings.min_patient_age.to_string()]),
        (
            "the system of identifiers that encounters share",
            vec![settings.common_identifier_system.clone().unwrap_or_default()],
        ),
    ];
    let digest_of = |texts: Vec<String>| format!("{:016x}", digest(texts.iter().map(String::as_str)));
    parts
        .into_iter()
        .map(|(name, texts)| (name.to_owned(), digest_of(texts)))
        .collect()
}

fn wards(wards: &Wards) -> Vec<String> {
    match wards {
        Wards::None => Vec::new(),
        Wards::List(patients) => {
            let line = |p: &crate::ward::WardPatient| {
                list(&[p.ward_name.clone(), p.patient_id.clone(), p.encounter_id.clone()])
            };
            patients.iter().map(line).collect()
        }
        Wards::Patterns(wards) => wards.iter().map(crate::ward::WardDefinition::text).collect(),
    }
}

/// Refuses to go on with another configuration than the run began with.
///
/// # Errors
/// [`ErrorKind::Config`] that names what differs and the two ways on.
pub(crate) fn same(before: &StartedWith, now: &StartedWith, directory: &std::path::Path) -> Result<()> {
    let differ: Vec<&str> = before
        .iter()
        .filter(|(name, digest)| now.get(*name).is_some_and(|now| now != *digest))
        .map(|(name, _)| name.as_str())
        .collect();
    if differ.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the run in {} was interrupted, and since then the configuration has changed: {}. Go on with it as it was \
         configured, or begin a new run with --fresh",
        directory.display(),
        differ.join(", ")
    );
    Err(Error::new(ErrorKind::Config, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_not_shown() {
        let mut settings = Settings::default();
        let before = started_with(&settings);
        assert!(same(&before, &started_with(&settings), "d".as_ref()).is_ok());
        settings.server.ids_at_once = 3;
        assert!(
            same(&before, &started_with(&settings), "d".as_ref()).is_ok(),
            "how, not what"
        );
        settings.server.endpoint = "https://MARKER/fhir".to_owned();
        settings.min_patient_age = 18;
        let error = same(&before, &started_with(&settings), "d".as_ref()).expect_err("another server");
        let text = error.to_string();
        assert!(
            text.contains("the FHIR server")
                && text.contains("the age of patients")
                && text.contains("--fresh"),
            "{text}"
        );
        assert!(!text.contains("MARKER") && !text.contains("the hub,"), "{text}");
    }
}
