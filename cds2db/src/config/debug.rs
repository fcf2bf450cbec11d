//! Settings that must be off in real operation.

use std::collections::BTreeMap;

use fancy_regex::Regex;
use site_config::{FlatToml, Reader};
use table_description::reference::OwnBases;

use super::import::ids;
use super::texts::{moment, owned, parameters};

/// What the keys of added parameters begin with; the upper-case resource type or `GENERAL` follows.
const ADD_SEARCH: &str = "DEBUG_ADD_FHIR_SEARCH_";

/// Settings that must be off in real operation.
#[derive(Default)]
pub struct DebugSettings {
    /// Names of all `DEBUG_` keys in use, for the warning at the end of a run.
    pub active: Vec<String>,
    /// Encounters that started after this moment.
    pub starts_after: Option<String>,
    /// And at or before this one.
    pub starts_at_or_before: Option<String>,
    /// Only encounters of these patients, by FHIR id.
    pub accepted_pids: Vec<String>,
    /// Parameters added per upper-case resource name or `GENERAL`; an empty text skips the resource. Their watermarks are
    /// kept apart from those of the whole resource.
    pub add_search: BTreeMap<String, String>,
    /// No `_lastUpdated`.
    pub ignore_last_update: bool,
    /// Resources that stay raw.
    pub skip_melting: Vec<String>,
    /// Only patients whose id matches.
    pub pids_pattern: Option<Regex>,
}

impl DebugSettings {
    pub(super) fn read(r: &mut Reader<'_>, toml: &FlatToml, ours: &OwnBases) -> Self {
        let pattern = r.filled("DEBUG_FILTER_PIDS_PATTERN").map(Regex::new);
        if let Some(Err(_)) = pattern {
            r.fault("DEBUG_FILTER_PIDS_PATTERN", "is not a valid regular expression");
        }
        Self {
            active: toml
                .keys()
                .filter(|k| k.starts_with("DEBUG_"))
                .map(str::to_owned)
                .collect(),
            starts_after: moment(r, "DEBUG_ENCOUNTER_STARTS_AFTER"),
            starts_at_or_before: moment(r, "DEBUG_ENCOUNTER_STARTS_AT_OR_BEFORE"),
            accepted_pids: ids(r, "DEBUG_ENCOUNTER_ACCEPTED_PIDS", "Patient", ours),
            add_search: add_search(r),
            ignore_last_update: r.flag("DEBUG_IGNORE_LAST_UPDATE_DATE").unwrap_or(false),
            skip_melting: owned(r.texts("DEBUG_SKIP_MELTING_RESOURCES")),
            pids_pattern: pattern.and_then(Result::ok),
        }
    }
}

fn add_search(r: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut added = BTreeMap::new();
    for (key, _) in r.family(ADD_SEARCH) {
        let Some(text) = r.text(key) else { continue };
        if parameters(text).is_none() {
            r.fault(key, "expected name=value, several joined by &");
        }
        added.insert(key[ADD_SEARCH.len()..].to_owned(), text.to_owned());
    }
    added
}
