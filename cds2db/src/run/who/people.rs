//! Whose resources a run asks for.

use jiff::tz::TimeZone;

use super::age::old_enough;
use super::running;
use super::ward_request::Dates;
use super::wards::{self, WardSearch};
use crate::config::Deletions;
use crate::progress::Stage;
use crate::run::ask::narrowing::Narrowing;
use crate::run::ask::{requests, unanswered};
use crate::run::typed::tables::ENCOUNTER;
use crate::run::watches::Watches;
use crate::run::{Run, RunDirectory, Scope};
use crate::ward::WardPatient;
use crate::{Result, Summary};

/// Whose resources a run asks for.
pub(in crate::run) struct Who {
    /// Ward patients; `None` where the run is not about wards.
    pub(in crate::run) wards: Option<Vec<WardPatient>>,
    pub(in crate::run) patients: Vec<String>,
    /// When the run began, in microseconds since 1970-01-01T00:00:00Z.
    pub(in crate::run) loaded_until: i64,
}

impl Run<'_> {
    /// Finds out whose resources are asked for.
    pub(in crate::run) async fn who(
        &self,
        zone: &TimeZone,
        watches: &Watches,
        directory: &RunDirectory,
        summary: &mut Summary,
    ) -> Result<Who> {
        let loaded_until = self.settings.now().as_microsecond();
        let mut wards = self.wards(zone, watches, summary).await?;
        if let (Scope::Patients, Some(wards)) = (self.scope, &mut wards) {
            self.stop_before_empty_wards(wards, directory).await?;
            let missed = self.missed(zone, watches, wards, summary).await?;
            wards.extend(missed);
            summary.ward_patients = wards.len() as u64;
        }
        let patients = match self.scope {
            Scope::Given(given) => {
                summary.remarks.extend(given.remarks.iter().cloned());
                summary.incomplete.extend(given.incomplete.iter().cloned());
                given.patients.clone()
            }
            _ => {
                let wards = wards.as_deref().unwrap_or_default();
                let encounters = self.description.table(ENCOUNTER).map(|t| &**t);
                let mut patients =
                    running::of_interest(self.settings, self.hub, encounters, wards, zone).await?;
                let types = requests::patient_resources(self.description);
                let mut names: Vec<String> = types
                    .iter()
                    .filter_map(|resource| Narrowing::of(self.settings, resource, zone))
                    .map(|narrowing| narrowing.watermark)
                    .collect();
                names.extend(
                    (self.settings.deletions != Deletions::Off).then(|| unanswered::CENSUS.to_owned()),
                );
                patients.extend(unanswered::ids(self.hub, &names).await?);
                patients.sort();
                patients.dedup();
                patients
            }
        };
        let found = patients.len();
        let table = self.description.resource("Patient").map(|t| &**t);
        let patients = old_enough(self.settings, self.client, self.hub, table, zone, patients).await?;
        if found > patients.len() {
            let young = found - patients.len();
            summary
                .notes
                .push(format!("{young} patients are left out by MIN_PATIENT_AGE"));
        }
        let wards = wards.map(|mut wards| {
            wards.retain(|w| patients.binary_search(&w.patient_id).is_ok());
            wards
        });
        summary.patients = patients.len() as u64;
        Ok(Who {
            wards,
            patients,
            loaded_until,
        })
    }

    /// Finds the ward patients; `None` where the run is not about wards.
    async fn wards(
        &self,
        zone: &TimeZone,
        watches: &Watches,
        summary: &mut Summary,
    ) -> Result<Option<Vec<WardPatient>>> {
        if matches!(self.scope, Scope::Given(_)) {
            return Ok(None);
        }
        watches.wards.start();
        self.progress.begin(Stage::Wards, None);
        let WardSearch {
            patients,
            notes,
            remarks,
            incomplete,
        } = wards::find(
            self.settings,
            self.client,
            zone,
            self.progress,
            &watches.wards,
            &Dates::Configured,
        )
        .await?;
        self.progress.end(Stage::Wards);
        summary.notes.extend(notes);
        summary.remarks.extend(remarks);
        summary.incomplete.extend(incomplete);
        if patients.is_empty() && matches!(self.settings.wards, crate::config::Wards::List(_)) {
            summary.remarks.push("the list of patients is empty".to_owned());
        }
        summary.ward_patients = patients.len() as u64;
        Ok(Some(patients))
    }
}
