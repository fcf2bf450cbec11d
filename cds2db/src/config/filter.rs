//! The keys that leave resources of a type out.

use std::collections::BTreeMap;

use site_config::Reader;

use super::texts::comma_list;

/// Which resources of a type are asked for; all where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// Only those whose clinical date lies in the last so many days.
    pub window_days: Option<u32>,
    /// Only these categories, as `code` or `system|code`.
    pub categories: Vec<String>,
    /// Only these codes, as `code` or `system|code`.
    pub codes: Vec<String>,
}

/// What the keys of a time window begin with; the upper-case resource type follows.
pub const WINDOW: &str = "FHIR_SEARCH_WINDOW_DAYS_";
/// What the keys of categories begin with.
pub const CATEGORY: &str = "FHIR_SEARCH_CATEGORY_";
/// What the keys of codes begin with.
pub const CODE: &str = "FHIR_SEARCH_CODE_";

/// A resource type with its search parameters for a clinical date, a category and a code.
type Searchable = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

/// Source: <https://hl7.org/fhir/R4/searchparameter-registry.html> (R4).
const SEARCHABLE: [Searchable; 9] = [
    ("Condition", "recorded-date", Some("category"), Some("code")),
    ("Consent", "date", Some("category"), None),
    ("DiagnosticReport", "date", Some("category"), Some("code")),
    ("MedicationAdministration", "effective-time", None, Some("code")),
    ("MedicationRequest", "authoredon", Some("category"), Some("code")),
    ("MedicationStatement", "effective", Some("category"), Some("code")),
    ("Observation", "date", Some("category"), Some("code")),
    ("Procedure", "date", Some("category"), Some("code")),
    ("ServiceRequest", "authored", Some("category"), Some("code")),
];

/// The search parameter of a type's clinical date.
#[must_use]
pub fn date_parameter(resource: &str) -> Option<&'static str> {
    SEARCHABLE
        .iter()
        .find(|(name, ..)| *name == resource)
        .map(|(_, date, ..)| *date)
}

/// The filters by resource type; a type without such a parameter is a fault.
pub(super) fn filters(r: &mut Reader<'_>) -> BTreeMap<String, ResourceFilter> {
    let mut filters: BTreeMap<String, ResourceFilter> = BTreeMap::new();
    let keys: Vec<(&str, &str)> = [WINDOW, CATEGORY, CODE]
        .into_iter()
        .flat_map(|prefix| r.family(prefix).into_iter().map(move |(key, _)| (prefix, key)))
        .collect();
    for (prefix, key) in keys {
        let upper = &key[prefix.len()..];
        let allowed = |(_, _, category, code): &&Searchable| match prefix {
            CATEGORY => category.is_some(),
            CODE => code.is_some(),
            _ => true,
        };
        let found = SEARCHABLE
            .iter()
            .filter(allowed)
            .find(|(name, ..)| name.to_ascii_uppercase() == upper);
        let Some((resource, ..)) = found else {
            let names: Vec<String> = SEARCHABLE
                .iter()
                .filter(allowed)
                .map(|(name, ..)| name.to_ascii_uppercase())
                .collect();
            r.fault(key, format!("must end in one of {}", names.join(", ")));
            continue;
        };
        match prefix {
            WINDOW => {
                if let Some(days) = r.whole(key, 1..=100_000) {
                    let filter = filters.entry((*resource).to_owned()).or_default();
                    filter.window_days = u32::try_from(days).ok();
                }
            }
            _ => {
                let items = comma_list(r.texts(key));
                if items.is_empty() {
                    continue;
                }
                let filter = filters.entry((*resource).to_owned()).or_default();
                if prefix == CATEGORY {
                    filter.categories = items;
                } else {
                    filter.codes = items;
                }
            }
        }
    }
    filters
}
