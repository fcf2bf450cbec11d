//! Stays that began and ended between the last run and this one: no list of who is there has them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ward_request::Dates;
use super::wards;
use crate::config::Wards;
use crate::error::hub_error;
use crate::run::Run;
use crate::run::typed::tables::ENCOUNTER;
use crate::run::watches::Watches;
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result, Summary};

impl Run<'_> {
    /// Patients who came to a ward and left it since the last run, each with an encounter that the hub does not know; nobody
    /// where that is not asked for, and in the first run.
    pub(super) async fn missed(
        &self,
        zone: &TimeZone,
        watches: &Watches,
        listed: &[WardPatient],
        summary: &mut Summary,
    ) -> Result<Vec<WardPatient>> {
        let encounters = self.description.table(ENCOUNTER);
        let (true, Wards::Patterns(_), Some(encounters)) =
            (self.settings.stays_between_runs, &self.settings.wards, encounters)
        else {
            return Ok(Vec::new());
        };
        let failed = |e| hub_error("reading what the last run had seen", e);
        let last = self.hub.last_watermark("Encounter").await.map_err(failed)?;
        let Some(last) = last.and_then(|micros| Timestamp::from_microsecond(micros).ok()) else {
            return Ok(Vec::new());
        };
        let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
        let tomorrow = day(self.settings.now()).tomorrow();
        let tomorrow =
            tomorrow.map_err(|e| Error::new(ErrorKind::Config, "the day of the run").because(e))?;
        let dates = Dates::Between {
            from: day(last).to_string(),
            before: tomorrow.to_string(),
        };
        let found = wards::find(
            self.settings,
            self.client,
            zone,
            self.progress,
            &watches.wards,
            &dates,
        )
        .await?;
        summary.incomplete.extend(found.incomplete);
        let mut missed = found.patients;
        let there: BTreeSet<&str> = listed.iter().map(|p| p.patient_id.as_str()).collect();
        missed.retain(|p| !there.contains(p.patient_id.as_str()));
        let ids: Vec<String> = missed.iter().map(|p| p.encounter_id.clone()).collect();
        let known = self.hub.known_ids(encounters, &ids).await.map_err(failed)?;
        let known: BTreeSet<String> = known.into_iter().collect();
        missed.retain(|p| !known.contains(&p.encounter_id));
        if !missed.is_empty() {
            summary.notes.push(format!(
                "{} patients came to a ward and left it since the last run; they are listed once",
                missed.len()
            ));
        }
        Ok(missed)
    }
}
