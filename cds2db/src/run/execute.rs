//! The order of a run: who is asked for, what is asked, raw rows, typed rows; the directory keeps all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use table_description::TableDescription;

use super::retrieval::{Run, ZONE};
use super::typed::PIDS_PER_WARD;
use super::watches::Watches;
use super::who::Who;
use super::{RunDirectory, Scope};
use crate::progress::Stage;
use crate::summary::peak_rss_bytes;
use crate::{Error, ErrorKind, Result, Summary};

impl Run<'_> {
    /// Finds the ward patients, downloads, stores, melts, types and stores again.
    ///
    /// Searches that break off do not end the run: what arrived is stored, their watermarks stay, and
    /// [`Summary::incomplete`] names them.
    ///
    /// # Errors
    /// When the search for wards breaks off (nobody knows then who is missing), when a page is not FHIR, or when the
    /// hub refuses or is lost. What an earlier step has stored stays stored.
    pub async fn execute(&self) -> Result<Summary> {
        self.execute_with(None).await
    }

    /// The same in a directory that keeps what was fetched and the typed rows. A run that was killed there is gone on
    /// with: its patients are asked for, finished batches are not fetched again, and the hub gets the same rows.
    ///
    /// # Errors
    /// As [`Run::execute`], and when the directory cannot be used.
    pub async fn execute_in(&self, directory: &RunDirectory) -> Result<Summary> {
        let result = self.execute_with(Some(directory)).await;
        if result.is_err() {
            directory.failed_run();
        }
        result
    }

    async fn execute_with(&self, directory: Option<&RunDirectory>) -> Result<Summary> {
        let begun = Instant::now();
        let zone = TimeZone::get(ZONE).map_err(|e| Error::new(ErrorKind::Config, "time zone").because(e))?;
        let mut summary = Summary::default();
        let watches = Watches::default();

        let who = match directory.and_then(RunDirectory::record) {
            Some(record) => {
                summary = record.summary.clone();
                Who {
                    wards: record.wards(),
                    patients: record.patients,
                    loaded_until: record.loaded_until,
                }
            }
            None => {
                let who = self.who(&zone, &watches, &mut summary).await?;
                if let Some(directory) = directory {
                    directory.keep(who.loaded_until, who.wards.as_deref(), &who.patients, &summary)?;
                }
                who
            }
        };
        if let Some(directory) = directory {
            summary.notes.extend(directory.notes().iter().cloned());
            directory.batches().begin(self.tables(who.wards.is_some()))?;
        }
        // An earlier process may have come so far that nothing is left.
        if directory.is_none_or(|directory| directory.batches().has_open()) {
            let run = self.raw(&who, &zone, &watches, directory, &mut summary).await?;
            self.typed(run, &who, &watches, directory, &mut summary).await?;
        }
        if let Some(directory) = directory {
            directory.stored()?;
        }

        summary.stages = BTreeMap::from([
            (Stage::Wards.to_string(), watches.wards.summary()),
            (Stage::Download.to_string(), watches.download.summary()),
            (Stage::Store.to_string(), watches.store.summary()),
            (Stage::Type.to_string(), watches.typed.summary()),
        ]);
        summary.complete = summary.incomplete.is_empty();
        summary.seconds = begun.elapsed().as_secs_f64();
        summary.peak_rss_bytes = peak_rss_bytes();
        Ok(summary)
    }

    /// The tables that the run is about.
    fn tables(&self, wards: bool) -> impl Iterator<Item = &str> {
        let of_run = move |table: &&Arc<TableDescription>| match (&table.resource, self.scope) {
            (Some(resource), Scope::Given(given)) => {
                given.resources.is_empty() || given.resources.contains(resource)
            }
            (Some(_), _) => true,
            (None, _) => wards && table.name == PIDS_PER_WARD,
        };
        let tables = self.description.tables.iter().filter(of_run);
        tables.map(|table| table.name.as_str())
    }
}
