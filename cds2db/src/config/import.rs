//! What a backfill loads.

use std::path::Path;

use site_config::{Reader, resolve};
use table_description::reference::OwnBases;

use super::texts::{comma_list, moment};
use crate::ward::{ids_in_line, lines_of_list};

/// What a backfill loads; at most one of range, patients, encounters and identifiers is set.
#[derive(Default)]
pub struct ImportSettings {
    /// Start of the range, `YYYY-MM-DD[ HH:MM[:SS]]`.
    pub range_start: Option<String>,
    /// Its end.
    pub range_end: Option<String>,
    /// Patients by FHIR id.
    pub patients: Vec<String>,
    /// Encounters by FHIR id.
    pub encounters: Vec<String>,
    /// Identifiers of encounters, as `value` or `system|value`.
    pub identifiers: Vec<String>,
    /// Only these resource types, without moving the watermarks; all where empty.
    pub resources: Vec<String>,
}

impl ImportSettings {
    pub(super) fn read(r: &mut Reader<'_>, file: &Path, ours: &OwnBases) -> Self {
        let mut settings = Self {
            range_start: moment(r, "DATA_IMPORT_RANGE_START"),
            range_end: moment(r, "DATA_IMPORT_RANGE_END"),
            patients: ids(r, "DATA_IMPORT_FHIR_PIDS", "Patient", ours),
            encounters: ids(r, "DATA_IMPORT_FHIR_ENC_IDS", "Encounter", ours),
            identifiers: comma_list(r.texts("DATA_IMPORT_IDENTIFIERS")),
            resources: resources(r),
        };
        settings.patients.extend(ids_of_file(
            r,
            "DATA_IMPORT_PATH_TO_FHIR_PIDS",
            "Patient",
            file,
            ours,
        ));
        settings.encounters.extend(ids_of_file(
            r,
            "DATA_IMPORT_PATH_TO_FHIR_ENC_IDS",
            "Encounter",
            file,
            ours,
        ));
        for key in [
            "DATA_IMPORT_PATH_TO_IDENTIFIERS",
            "DATA_IMPORT_PATH_TO_FHIR_IDENTIFIERS",
        ] {
            if let Some(text) = text_of(r, key, file) {
                let lines = lines_of_list(&text).map(|(_, line)| line.to_owned());
                settings.identifiers.extend(lines);
            }
        }
        if let (Some(start), Some(end)) = (&settings.range_start, &settings.range_end)
            && end <= start
        {
            r.fault(
                "DATA_IMPORT_RANGE_END",
                "must be later than DATA_IMPORT_RANGE_START",
            );
        }
        settings.refuse_two(r);
        settings
    }

    fn refuse_two(&self, r: &mut Reader<'_>) {
        let given = [
            ("DATA_IMPORT_RANGE_START", self.range_start.is_some()),
            ("DATA_IMPORT_FHIR_PIDS", !self.patients.is_empty()),
            ("DATA_IMPORT_FHIR_ENC_IDS", !self.encounters.is_empty()),
            ("DATA_IMPORT_IDENTIFIERS", !self.identifiers.is_empty()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given).map(|(key, _)| *key);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            r.fault(
                second,
                format!("cannot stand beside {first}: a backfill loads one of them"),
            );
        }
    }
}

/// The ids of a key: a list, or one text with the ids separated by commas.
pub(super) fn ids(r: &mut Reader<'_>, key: &str, resource: &str, ours: &OwnBases) -> Vec<String> {
    let mut found = Vec::new();
    for (i, item) in r.texts(key).unwrap_or_default().iter().enumerate() {
        if item.trim().is_empty() {
            continue;
        }
        match ids_in_line(item, resource, ours) {
            Ok(ids) => found.extend(ids.into_iter().map(str::to_owned)),
            Err(fault) => r.fault(key, format!("entry {}: {}", i + 1, fault.expected(resource))),
        }
    }
    found
}

/// The ids of the file that a key names; each line that holds no id is a fault.
fn ids_of_file(r: &mut Reader<'_>, key: &str, resource: &str, file: &Path, ours: &OwnBases) -> Vec<String> {
    let Some(text) = text_of(r, key, file) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (line, text) in lines_of_list(&text) {
        match ids_in_line(text, resource, ours) {
            Ok(ids) => found.extend(ids.into_iter().map(str::to_owned)),
            Err(fault) => r.fault(key, format!("line {line}: {}", fault.expected(resource))),
        }
    }
    if found.is_empty() {
        r.fault(key, "names a file without an id");
    }
    found
}

/// The text of the file that a key names.
pub(super) fn text_of(r: &mut Reader<'_>, key: &str, file: &Path) -> Option<String> {
    let path = resolve(r.filled(key)?, file);
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
                kind => kind.to_string(),
            };
            r.fault(key, format!("cannot be read: {why}"));
            None
        }
    }
}

/// The types of `DATA_IMPORT_RESOURCE_TYPES`. Encounters decide who is loaded and so cannot be loaded apart.
fn resources(r: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "DATA_IMPORT_RESOURCE_TYPES";
    let named = comma_list(r.texts(KEY));
    let description = table_description::default_description();
    let mut found = Vec::new();
    for name in named {
        let known = description
            .tables
            .iter()
            .filter_map(|t| t.resource.as_deref())
            .find(|resource| resource.eq_ignore_ascii_case(&name));
        match known {
            Some("Encounter") => r.fault(
                KEY,
                "Encounter decides which patients are loaded and cannot be loaded apart",
            ),
            Some(resource) => found.push(resource.to_owned()),
            None => r.fault(KEY, "names a type that no table takes"),
        }
    }
    found
}
