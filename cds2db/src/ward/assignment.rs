//! One ward for each patient, and the moments that decide.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An encounter that a ward's definition took.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// FHIR id of the patient, without the type.
    pub patient_id: String,
    /// FHIR id of the encounter.
    pub encounter_id: String,
    /// The ward that took it.
    pub ward_name: String,
    /// Position of the ward among the definitions, counted from 0.
    pub ward_order: usize,
    /// Start of the encounter in microseconds since 1970-01-01T00:00:00Z.
    pub start: Option<i64>,
    /// `meta.lastUpdated` of the encounter in microseconds since 1970-01-01T00:00:00Z.
    pub last_updated: Option<i64>,
}

/// A patient and the one ward he lies on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WardPatient {
    /// FHIR id of the patient, without the type.
    pub patient_id: String,
    /// FHIR id of the encounter that decided; empty where the list in a text file did.
    pub encounter_id: String,
    /// The ward's name.
    pub ward_name: String,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("ward_order", &self.ward_order)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WardPatient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WardPatient").finish_non_exhaustive()
    }
}

/// One ward for each patient: the encounter that started last, then the one updated last, then the first by
/// encounter id and order of the wards. An unknown start or update counts as the oldest, so no patient is lost.
///
/// The result is sorted by patient; the second value counts the patients that were on more than one ward.
#[must_use]
pub fn assign(candidates: Vec<Candidate>) -> (Vec<WardPatient>, usize) {
    let mut best: BTreeMap<String, (Candidate, bool)> = BTreeMap::new();
    for candidate in candidates {
        match best.get_mut(&candidate.patient_id) {
            None => {
                best.insert(candidate.patient_id.clone(), (candidate, false));
            }
            Some((current, several)) => {
                *several |= current.ward_name != candidate.ward_name;
                if precedes(&candidate, current) == Ordering::Less {
                    *current = candidate;
                }
            }
        }
    }
    let several = best.values().filter(|(_, several)| *several).count();
    let patients = best
        .into_values()
        .map(|(c, _)| WardPatient {
            patient_id: c.patient_id,
            encounter_id: c.encounter_id,
            ward_name: c.ward_name,
        })
        .collect();
    (patients, several)
}

/// `Less` where `a` is to be taken before `b`.
fn precedes(a: &Candidate, b: &Candidate) -> Ordering {
    b.start
        .cmp(&a.start)
        .then(b.last_updated.cmp(&a.last_updated))
        .then_with(|| a.encounter_id.cmp(&b.encounter_id))
        .then(a.ward_order.cmp(&b.ward_order))
}

/// The instant of a FHIR date-time in microseconds since 1970-01-01T00:00:00Z; partial dates are the start of
/// their period and times without an offset are wall time of `zone`. `None` for anything else.
///
/// Source: <https://hl7.org/fhir/R4/datatypes.html#dateTime> (R4).
#[must_use]
pub fn instant(text: &str, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_microsecond());
    }
    let civil = match text.len() {
        4 => Date::new(text.parse().ok()?, 1, 1).ok()?.at(0, 0, 0, 0),
        7 => format!("{text}-01").parse::<Date>().ok()?.at(0, 0, 0, 0),
        10 => text.parse::<Date>().ok()?.at(0, 0, 0, 0),
        _ => text.parse::<DateTime>().ok()?,
    };
    Some(zone.to_timestamp(civil).ok()?.as_microsecond())
}

/// Whether all of the period that a FHIR date-time means lies before a wall time of `zone`; no text means such a period
/// otherwise.
#[must_use]
pub fn ends_before(text: &str, moment: DateTime, zone: &TimeZone) -> bool {
    let text = text.trim();
    let last = match text.len() {
        4 => text.parse().ok().and_then(|year| Date::new(year, 12, 31).ok()),
        7 => format!("{text}-01").parse::<Date>().ok().map(Date::last_of_month),
        10 => text.parse::<Date>().ok(),
        _ => {
            let before = zone
                .to_timestamp(moment)
                .map(jiff::Timestamp::as_microsecond)
                .ok();
            return instant(text, zone)
                .zip(before)
                .is_some_and(|(start, before)| start < before);
        }
    };
    last.is_some_and(|last| last < moment.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(
        patient: &str,
        encounter: &str,
        ward: usize,
        start: Option<i64>,
        updated: Option<i64>,
    ) -> Candidate {
        Candidate {
            patient_id: patient.to_owned(),
            encounter_id: encounter.to_owned(),
            ward_name: format!("W{ward}"),
            ward_order: ward,
            start,
            last_updated: updated,
        }
    }

    #[test]
    fn latest_start_then_latest_update_then_first() {
        let cases: [(&str, [Candidate; 2], &str); 5] = [
            (
                "start",
                [
                    candidate("p", "a", 0, Some(1), Some(9)),
                    candidate("p", "b", 1, Some(2), None),
                ],
                "b",
            ),
            (
                "update",
                [
                    candidate("p", "a", 0, Some(1), Some(1)),
                    candidate("p", "b", 1, Some(1), Some(2)),
                ],
                "b",
            ),
            (
                "id",
                [
                    candidate("p", "b", 0, Some(1), Some(1)),
                    candidate("p", "a", 1, Some(1), Some(1)),
                ],
                "a",
            ),
            (
                "unknown start is oldest",
                [
                    candidate("p", "a", 0, None, Some(9)),
                    candidate("p", "b", 1, Some(1), None),
                ],
                "b",
            ),
            (
                "nothing known",
                [
                    candidate("p", "a", 0, None, None),
                    candidate("p", "a", 1, None, None),
                ],
                "a",
            ),
        ];
        for (name, candidates, expected) in cases {
            let (patients, several) = assign(candidates.to_vec());
            assert_eq!(patients.len(), 1, "{name}");
            assert_eq!(patients[0].encounter_id, expected, "{name}");
            assert_eq!(several, 1, "{name}");
        }
    }

    #[test]
    fn trap_10_a_patient_without_start_and_update_does_not_vanish() {
        let (patients, _) = assign(vec![
            candidate("p", "a", 0, None, None),
            candidate("q", "b", 0, Some(1), None),
        ]);
        assert_eq!(patients.len(), 2);
    }

    #[test]
    fn trap_11_instants_are_compared_not_texts() {
        let berlin = TimeZone::get("Europe/Berlin").expect("bundled");
        let at = |text| instant(text, &berlin).expect(text);
        assert!(at("2024-06-01T09:00:00Z") > at("2024-06-01T10:00:00+02:00"));
        assert_eq!(at("2024-06-01T10:00:00"), at("2024-06-01T08:00:00Z"));
        assert!(at("2024-10-27T02:30:00+02:00") < at("2024-10-27T02:30:00+01:00"));
        assert_eq!(at("2024"), at("2024-01-01T00:00:00+01:00"));
        assert_eq!(at("2024-05"), at("2024-05-01"));
        assert_eq!(instant("yesterday", &berlin), None);
    }

    #[test]
    fn a_start_is_before_a_moment_where_all_of_its_period_is() {
        let berlin = TimeZone::get("Europe/Berlin").expect("bundled");
        let moment = Date::new(2025, 1, 11).expect("a date").at(10, 0, 0, 0);
        for (text, before) in [
            ("2025-01-11T09:59:59+01:00", true),
            ("2025-01-11T08:59:59Z", true),
            ("2025-01-11T09:00:00Z", false),
            ("2025-01-11T10:00:00+01:00", false),
            ("2025-01-11", false),
            ("2025-01-10", true),
            ("2025-01", false),
            ("2024-12", true),
            ("2025", false),
            ("2024", true),
            ("yesterday", false),
            ("", false),
        ] {
            assert_eq!(ends_before(text, moment, &berlin), before, "{text}");
        }
    }
}
