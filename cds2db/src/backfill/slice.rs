use std::collections::BTreeSet;
use std::fmt;

use fhir_crack::search::{Client, Search};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::progress::Progress;
use crate::run::{Dates, Given, OfEncounters, Stopwatch, digest, find_wards, patients_of_encounters};
use crate::ward::id_in_list;
use crate::{Error, ErrorKind, Result};

/// One part of a backfill.
#[derive(Clone, PartialEq, Eq)]
pub enum Slice {
    /// Patients with an encounter on a configured ward that runs on this day.
    Day(Date),
    /// Patients by FHIR id.
    Patients(Vec<String>),
    /// Patients of these encounters, by FHIR id.
    Encounters(Vec<String>),
    /// Patients of the encounters with these identifiers.
    Identifiers(Vec<String>),
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name(&[]))
    }
}

impl Slice {
    /// The days from the first to the last, the last one included.
    #[must_use]
    pub fn days(first: Date, last: Date) -> Vec<Self> {
        first
            .series(1.day())
            .take_while(|day| *day <= last)
            .map(Self::Day)
            .collect()
    }

    /// A name for the log and the file of finished slices; holds no id.
    #[must_use]
    pub fn name(&self, resources: &[String]) -> String {
        let what = match self {
            Self::Day(day) => day.to_string(),
            Self::Patients(ids) => format!(
                "{} patients {:016x}",
                ids.len(),
                digest(ids.iter().map(String::as_str))
            ),
            Self::Encounters(ids) => format!(
                "{} encounters {:016x}",
                ids.len(),
                digest(ids.iter().map(String::as_str))
            ),
            Self::Identifiers(ids) => format!(
                "{} identifiers {:016x}",
                ids.len(),
                digest(ids.iter().map(String::as_str))
            ),
        };
        if resources.is_empty() {
            what
        } else {
            format!("{what} {}", resources.join(","))
        }
    }

    /// The name of the slice's directory: that of the slice without what a path cannot have.
    pub(super) fn directory_name(&self) -> String {
        self.name(&[]).replace(' ', "_")
    }

    /// The patients the slice is about, and what is to be said of them.
    pub(super) async fn patients(
        &self,
        settings: &Settings,
        client: &Client,
        zone: &TimeZone,
        progress: &dyn Progress,
    ) -> Result<Given> {
        let of = match self {
            Self::Patients(ids) => {
                let ids: BTreeSet<String> = plain(ids, "Patient", settings)?.into_iter().collect();
                return Ok(of_patients(ids));
            }
            Self::Day(day) => {
                let next = day.tomorrow().unwrap_or(*day);
                let dates = Dates::Between {
                    from: day.to_string(),
                    before: next.to_string(),
                };
                let watch = Stopwatch::default();
                let found = find_wards(settings, client, zone, progress, &watch, &dates).await?;
                found.notes.iter().for_each(|note| progress.note(note));
                return Ok(Given {
                    remarks: found.remarks,
                    incomplete: found.incomplete,
                    ..of_patients(found.patients.into_iter().map(|p| p.patient_id).collect())
                });
            }
            Self::Encounters(ids) => {
                let ids = plain(ids, "Encounter", settings)?;
                patients_of_encounters(client, searches("_id", &ids, settings)).await?
            }
            Self::Identifiers(ids) => {
                patients_of_encounters(client, searches("identifier", ids, settings)).await?
            }
        };
        Ok(Given {
            remarks: self.missing(&of).into_iter().collect(),
            ..of_patients(of.patients)
        })
    }

    /// What a list of encounters or identifiers did not lead to.
    fn missing(&self, of: &OfEncounters) -> Option<String> {
        let (asked, what): (BTreeSet<&String>, _) = match self {
            Self::Encounters(ids) => (ids.iter().collect(), "encounters"),
            Self::Identifiers(ids) => (ids.iter().collect(), "identifiers"),
            Self::Day(_) | Self::Patients(_) => return None,
        };
        let (asked, found) = (asked.len(), of.encounters.len());
        if of.patients.is_empty() {
            return Some(format!("the list of {asked} {what} leads to no patient"));
        }
        // An identifier may stand for several encounters, so more than asked for says nothing.
        (found < asked).then(|| format!("the list of {asked} {what} leads to {found} encounters only"))
    }
}

fn of_patients(patients: BTreeSet<String>) -> Given {
    Given {
        patients: patients.into_iter().collect(),
        ..Given::default()
    }
}

/// Ids without what a reference may have around them.
fn plain(ids: &[String], resource: &str, settings: &Settings) -> Result<Vec<String>> {
    let ours = settings.server.own_bases();
    let plain = |(i, id): (usize, &String)| {
        id_in_list(id, resource, &ours)
            .map(str::to_owned)
            .map_err(|fault| {
                let what = fault.expected(resource);
                Error::new(
                    ErrorKind::Config,
                    format!("entry {} of the list to load: {what}", i + 1),
                )
            })
    };
    ids.iter().enumerate().map(plain).collect()
}

fn searches(parameter: &str, ids: &[String], settings: &Settings) -> Vec<Search> {
    let batches = ids.chunks(settings.server.ids_at_once.max(1));
    batches
        .map(|ids| Search::new("Encounter").ids(parameter, ids.iter().cloned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_before_they_are_searched() {
        let mut settings = Settings::default();
        settings.server.endpoint = "http://h/fhir".to_owned();
        let list = ["Encounter/e1", "e2", "http://h/fhir/Encounter/e3/_history/2"].map(str::to_owned);
        assert_eq!(
            plain(&list, "Encounter", &settings).expect("ids"),
            ["e1", "e2", "e3"]
        );
        let error = plain(&["MARKER;x".to_owned()], "Patient", &settings).expect_err("refused");
        assert!(error.to_string().starts_with("entry 1") && !error.to_string().contains("MARKER"));
    }

    #[test]
    fn a_range_is_its_days_and_a_name_holds_no_id() {
        let day = |d: i8| Date::new(2024, 2, d).expect("a date");
        let days = Slice::days(day(28), Date::new(2024, 3, 1).expect("a date"));
        let names: Vec<_> = days.iter().map(|s| s.name(&[])).collect();
        assert_eq!(names, ["2024-02-28", "2024-02-29", "2024-03-01"]);
        let list = Slice::Patients(vec!["MARKER".to_owned()]);
        assert!(!list.name(&[]).contains("MARKER") && !format!("{list:?}").contains("MARKER"));
        assert_ne!(
            list.name(&[]),
            Slice::Patients(vec!["OTHER".to_owned()]).name(&[])
        );
    }
}
