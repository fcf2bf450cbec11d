//! Who is too young to be asked for.

use std::collections::{BTreeSet, HashMap};

use cds_hub::Hub;
use fhir_crack::search::Client;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use table_description::TableDescription;

use crate::Result;
use crate::config::Settings;
use crate::error::hub_error;
use crate::references::reference_id;
use crate::run::ask::elements::{by_ids, elements};
use crate::run::ask::requests::patient_parameter;
use crate::ward::instant;

/// Leaves out patients who were not older than `MIN_PATIENT_AGE` years when their first encounter began.
///
/// Those whom the hub has already, in its `table` of patients, are kept, and those whose birth date or encounters the server does not tell, so that
/// nobody vanishes for want of a date. Returns those kept, in the same order.
pub(crate) async fn old_enough(
    settings: &Settings,
    client: &Client,
    hub: &Hub,
    table: Option<&TableDescription>,
    zone: &TimeZone,
    ids: Vec<String>,
) -> Result<Vec<String>> {
    if settings.min_patient_age == 0 {
        return Ok(ids);
    }
    let known = match table {
        Some(table) => hub.known_ids(table, &ids).await,
        None => Ok(Vec::new()),
    };
    let known = known.map_err(|e| hub_error("reading the patients known", e))?;
    let known: BTreeSet<String> = known.into_iter().collect();
    let unknown: Vec<String> = ids.iter().filter(|id| !known.contains(*id)).cloned().collect();
    let young = young(settings, client, zone, &unknown).await?;
    Ok(ids.into_iter().filter(|id| !young.contains(id)).collect())
}

async fn young(
    settings: &Settings,
    client: &Client,
    zone: &TimeZone,
    ids: &[String],
) -> Result<BTreeSet<String>> {
    let at_once = settings.server.ids_at_once;
    let what = "the search for the patients' age";
    let patients = by_ids("Patient", "_id", ids, at_once);
    let born = elements(client, "Patient", patients, ["id", "birthDate"], what).await?;
    let parameter = patient_parameter(settings, "Encounter");
    let encounters = by_ids("Encounter", parameter, ids, at_once);
    let paths = ["subject/reference", "period/start"];
    let encounters = elements(client, "Encounter", encounters, paths, what).await?;
    let mut first: HashMap<String, i64> = HashMap::new();
    for [subject, start] in encounters {
        let patient = subject.as_deref().and_then(|s| reference_id(s, "Patient"));
        let start = start.and_then(|s| instant(&s, zone));
        if let (Some(patient), Some(start)) = (patient, start) {
            let earliest = first.entry(patient.to_owned()).or_insert(start);
            *earliest = start.min(*earliest);
        }
    }
    let is_young = |id: &String, born: Option<String>| {
        let born = birth_date(&born?)?;
        let start = Timestamp::from_microsecond(*first.get(id)?).ok()?;
        Some(!is_older(
            born,
            start.to_zoned(zone.clone()).datetime(),
            settings.min_patient_age,
        ))
    };
    let people = born.into_iter().filter_map(|[id, born]| Some((id?, born)));
    Ok(people
        .filter_map(|(id, born)| is_young(&id, born)?.then_some(id))
        .collect())
}

/// A birth date; of a partial one the first day.
fn birth_date(text: &str) -> Option<Date> {
    match text.len() {
        4 => Date::new(text.parse().ok()?, 1, 1).ok(),
        7 => format!("{text}-01").parse().ok(),
        _ => text.get(..10)?.parse().ok(),
    }
}

/// Whether so many years before `at` lies behind the beginning of the day of birth.
fn is_older(born: Date, at: DateTime, years: u32) -> bool {
    at.checked_sub(i64::from(years).years())
        .is_ok_and(|then| then > born.at(0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_to_the_first_encounter() {
        let at: DateTime = "2024-03-01T09:00:00".parse().expect("a moment");
        let cases = [
            ("2006-02-28", true),
            ("2006-03-01", true),
            ("2006-03-02", false),
            ("2006", true),
            ("2006-04", false),
            ("1900-01-01", true),
        ];
        for (born, expected) in cases {
            let born = birth_date(born).expect(born);
            assert_eq!(is_older(born, at, 18), expected, "{born}");
        }
        assert_eq!(birth_date("unknown"), None);
    }
}
