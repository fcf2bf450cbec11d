//! What is asked of a resource type beside whom it belongs to, and the names of the watermarks that follow from it.

use jiff::ToSpan;
use jiff::tz::TimeZone;

use crate::config::{Settings, date_parameter, search_parameters};
use crate::run::kept::keys;

/// What is asked of a resource type beside whom it belongs to.
pub(crate) struct Narrowing {
    pub(super) parameters: Vec<(String, String)>,
    /// Name of the watermarks: the type's, and a digest of what is left out, so that a wider question finds the rest.
    pub(crate) watermark: String,
}

impl Narrowing {
    /// What the configuration says of this type; `None` where it is not to be loaded.
    pub(crate) fn of(settings: &Settings, resource: &str, zone: &TimeZone) -> Option<Self> {
        let mut parameters = Vec::new();
        let mut kept_apart = String::new();
        if let Some(filter) = settings.filters.get(resource) {
            kept_apart = keys::filter(filter);
            if let (Some(days), Some(name)) = (filter.window_days, date_parameter(resource)) {
                let today = settings.now().to_zoned(zone.clone()).date();
                let first = today.checked_sub(i64::from(days).days()).unwrap_or(today);
                parameters.push((name.to_owned(), format!("ge{first}")));
            }
            for (name, values) in [("category", &filter.categories), ("code", &filter.codes)] {
                if !values.is_empty() {
                    parameters.push((name.to_owned(), values.join(",")));
                }
            }
        }
        let debug = &settings.debug.add_search;
        let added = [debug.get("GENERAL"), debug.get(&resource.to_ascii_uppercase())];
        for text in added.into_iter().flatten() {
            if text.is_empty() {
                return None;
            }
            kept_apart.push_str(text);
            parameters.extend(search_parameters(text).unwrap_or_default());
        }
        let watermark = match kept_apart.as_str() {
            "" => resource.to_owned(),
            text => format!("{resource}?{:016x}", digest([text])),
        };
        Some(Self {
            parameters,
            watermark,
        })
    }
}

/// FNV-1a of some texts, so that they are known again without being written down.
pub(crate) fn digest<'t>(texts: impl IntoIterator<Item = &'t str>) -> u64 {
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
