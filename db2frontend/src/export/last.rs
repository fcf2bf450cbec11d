//! Which versions of the hub stand.

use std::collections::HashMap;

use crate::frontend::Shape;
use crate::hub::Version;

/// The value of a standard column.
pub(super) fn standard<'v>(shape: &Shape, version: &'v Version, name: &str) -> &'v str {
    shape.table.position(name).map_or("", |at| version.cell(at))
}

/// Record and repetition of a version.
pub(crate) fn place_of(shape: &Shape, version: &Version) -> (String, Option<u32>) {
    let record = standard(shape, version, "record_id").to_owned();
    (record, instance_of(shape, version))
}

/// Which repetition of the form a version is; `None` where the form does not repeat in the frontend.
pub(super) fn instance_of(shape: &Shape, version: &Version) -> Option<u32> {
    let number = standard(shape, version, "redcap_repeat_instance").trim();
    // The column is text, and some writers give it decimals.
    let number = number.split_once('.').map_or(number, |(whole, _)| whole);
    shape.repeats.then(|| number.parse().ok()).flatten()
}

/// What a row is about: its subject where the form has one, else its repetition.
fn subject(shape: &Shape, version: &Version) -> String {
    match shape.subject() {
        Some(at) => version.cell(at).to_owned(),
        None => standard(shape, version, "redcap_repeat_instance").to_owned(),
    }
}

/// The last version of each row, by record and repetition: of each subject the versions the newest transfer confirmed, and of
/// two for one place the later one. `history` is in order of transfers.
pub(super) fn last_versions<'h>(shape: &Shape, history: &'h [Version]) -> Vec<&'h Version> {
    let mut newest: HashMap<(&str, String), i64> = HashMap::new();
    for version in history {
        let key = (standard(shape, version, "record_id"), subject(shape, version));
        let number = newest.entry(key).or_default();
        *number = (*number).max(version.last);
    }
    let mut by_place: HashMap<(String, Option<u32>, String), usize> = HashMap::new();
    let mut last: Vec<&Version> = Vec::new();
    for version in history {
        let of_subject = subject(shape, version);
        let key = (standard(shape, version, "record_id"), of_subject.clone());
        // A row that does not say what it is about cannot be told from another one.
        let nameless = shape.subject().is_some() && of_subject.is_empty();
        if nameless || newest.get(&key) != Some(&version.last) {
            continue;
        }
        let (record, instance) = place_of(shape, version);
        let position = *by_place.entry((record, instance, of_subject)).or_insert_with(|| {
            last.push(version);
            last.len() - 1
        });
        if let Some(place) = last.get_mut(position) {
            *place = version;
        }
    }
    last
}
