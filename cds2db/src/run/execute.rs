//! The order of a run: who, ask, raw, typed, kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use table_description::TableDescription;

use super::kept::started_with::{same, started_with};
use super::retrieval::{Run, ZONE};
use super::typed::PIDS_PER_WARD;
use super::watches::Watches;
use super::who::Who;
use super::{DirectoryOptions, RunDirectory, Scope};
use crate::config::Wards;
use crate::progress::Stage;
use crate::summary::{About, peak_rss_bytes};
use crate::{Error, ErrorKind, Result, Summary};

impl Run<'_> {
    /// The whole run in a directory of its own, which goes when it ends: [`Run::execute_in`] for a caller that wants to
    /// keep nothing.
    ///
    /// # Errors
    /// As [`Run::execute_in`], and when no directory can be made among the system's temporary ones.
    pub async fn execute(&self) -> Result<Summary> {
        let text = "a directory for the run cannot be made";
        let base = tempfile::Builder::new().prefix("cds2db-").tempdir();
        let base = base.map_err(|e| Error::new(ErrorKind::File, text).because(e))?;
        let directory = RunDirectory::open(base.path(), DirectoryOptions::default())?;
        self.execute_in(&directory).await
    }

    /// Finds the ward patients, downloads, cracks, melts and types into the directory, tests, and stores in the hub. A run
    /// that was killed there is continued: its patients are asked for, finished batches are not fetched again, and
    /// the hub gets the same rows.
    ///
    /// Searches that break off do not end the run: what arrived is stored, their watermarks stay, and
    /// [`Summary::incomplete`] names them; so does it the tables that a test of the data keeps from being handed on.
    ///
    /// # Errors
    /// When the search for wards breaks off (nobody knows then who is missing), when the directory cannot be used, or
    /// when the hub refuses or is lost. What was fetched is kept for the next process.
    pub async fn execute_in(&self, directory: &RunDirectory) -> Result<Summary> {
        let result = self.rooms(directory).await;
        if result.is_err() {
            directory.failed_run();
        }
        result
    }

    async fn rooms(&self, directory: &RunDirectory) -> Result<Summary> {
        let begun = Instant::now();
        let zone = TimeZone::get(ZONE).map_err(|e| Error::new(ErrorKind::Config, "time zone").because(e))?;
        let mut summary = Summary::default();
        let watches = Watches::default();

        let who = match directory.record() {
            Some(record) => {
                same(
                    &record.started_with,
                    &started_with(self.settings),
                    directory.layout().root(),
                )?;
                summary = record.began_with.clone();
                Who {
                    wards: record.wards(),
                    patients: record.patients,
                    loaded_until: record.loaded_until,
                }
            }
            None => {
                let who = self.who(&zone, &watches, directory, &mut summary).await?;
                let started_with = started_with(self.settings);
                directory.keep(
                    who.loaded_until,
                    who.wards.as_deref(),
                    &who.patients,
                    started_with,
                    &summary,
                )?;
                who
            }
        };
        summary.notes.extend(directory.notes().iter().cloned());
        directory.batches().begin(self.tables(who.wards.is_some()))?;
        directory.began(self.tables(who.wards.is_some()))?;
        // An earlier process may have come so far that nothing is left.
        if directory.batches().has_open() {
            match self.stored_before(directory).await? {
                Some(figures) => summary = figures,
                None => {
                    let fetched = self.fetch(&who, &zone, &watches, directory, &mut summary).await?;
                    self.hand_on(fetched, &who, &watches, directory, &mut summary)
                        .await?;
                }
            }
        }
        directory.stored()?;

        summary.about = self.about(&who, directory);
        summary.stages = BTreeMap::from([
            (Stage::Wards.to_string(), watches.wards.summary()),
            (Stage::Download.to_string(), watches.download.summary()),
            (Stage::Store.to_string(), watches.store.summary()),
            (Stage::Type.to_string(), watches.typed.summary()),
        ]);
        summary.judge();
        summary.seconds = begun.elapsed().as_secs_f64();
        summary.peak_rss_bytes = peak_rss_bytes();
        Ok(summary)
    }

    /// What the run was about.
    fn about(&self, who: &Who, directory: &RunDirectory) -> About {
        let wards: BTreeSet<&str> = match &self.settings.wards {
            Wards::None => BTreeSet::new(),
            Wards::List(patients) => patients.iter().map(|p| p.ward_name.as_str()).collect(),
            Wards::Patterns(wards) => wards.iter().map(|w| w.ward_name.as_str()).collect(),
        };
        let columns: usize = self.description.tables.iter().map(|t| t.columns.len()).sum();
        let until = jiff::Timestamp::from_microsecond(who.loaded_until).ok();
        About {
            server: without_login(&self.settings.server.endpoint),
            wards: wards.into_iter().map(str::to_owned).collect(),
            until: until.map(|until| until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            run: directory.record().and_then(|record| record.import),
            description: format!("{} tables, {columns} columns", self.description.tables.len()),
        }
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

/// An address without a login and without what follows a question mark.
fn without_login(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(h, p)| (h, Some(p)));
            let host = host.rsplit('@').next().unwrap_or_default();
            let path = path.map_or_else(String::new, |path| format!("/{path}"));
            format!("{scheme}://{host}{path}")
        }
        None => address.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        for (address, shown) in [
            ("https://fhir.example/r4", "https://fhir.example/r4"),
            (
                "https://me:MARKER@fhir.example:8080/r4?token=MARKER",
                "https://fhir.example:8080/r4",
            ),
            ("https://me:MARKER@fhir.example", "https://fhir.example"),
            ("me:MARKER@fhir.example", "fhir.example"),
        ] {
            assert_eq!(without_login(address), shown);
        }
    }
}
