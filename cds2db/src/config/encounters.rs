//! The first request: the search for the encounters that define the wards.

use site_config::Reader;
use table_description::reference::OwnBases;

use super::import::ids;
use super::texts::{comma_list, parameters};

/// The key of further parameters.
pub(super) const ADDITIONAL: &str = "FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS";

/// The first request.
pub struct EncounterSearch {
    /// `status`, separated by commas; empty for any.
    pub status: String,
    /// `class` codes; empty for any.
    pub classes: Vec<String>,
    /// `location` ids.
    pub location_ids: Vec<String>,
    /// Further parameters as (name, value), without percent coding.
    pub additional: Vec<(String, String)>,
    /// Most pages; `None` for all.
    pub max_pages: Option<usize>,
}

impl Default for EncounterSearch {
    /// Running encounters of any class, on as many pages as there are.
    fn default() -> Self {
        Self {
            status: "in-progress".to_owned(),
            classes: Vec::new(),
            location_ids: Vec::new(),
            additional: Vec::new(),
            max_pages: None,
        }
    }
}

impl EncounterSearch {
    /// Whether the further parameters bring dates of their own, which replace the default one.
    #[must_use]
    pub fn has_own_dates(&self) -> bool {
        self.additional.iter().any(|(name, _)| name == "date")
    }

    pub(super) fn read(r: &mut Reader<'_>, ours: &OwnBases) -> Self {
        let status = r.texts("FHIR_SEARCH_ENCOUNTER_STATUS");
        Self {
            status: match status {
                Some(status) => comma_list(Some(status)).join(","),
                None => Self::default().status,
            },
            classes: comma_list(r.texts("FHIR_SEARCH_ENCOUNTER_CLASS")),
            location_ids: ids(r, "FHIR_SEARCH_ENCOUNTER_LOCATION_IDS", "Location", ours),
            additional: additional(r),
            max_pages: max_pages(r),
        }
    }
}

fn additional(r: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut additional = Vec::new();
    for text in r.texts(ADDITIONAL).unwrap_or_default() {
        match parameters(text) {
            Some(pairs) => additional.extend(pairs),
            None => r.fault(ADDITIONAL, "expected &name=value"),
        }
    }
    additional
}

fn max_pages(r: &mut Reader<'_>) -> Option<usize> {
    const KEY: &str = "MAX_ENCOUNTER_BUNDLES";
    let pages = r.number(KEY).unwrap_or(f64::INFINITY);
    if pages < 1.0 || pages.is_nan() {
        r.fault(KEY, "must be a number from 1, or inf");
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and at least 1"
    )]
    pages.is_finite().then_some(pages as usize)
}
