//! The import of raw rows: what was asked arrives, is cracked and stored; watermarks move with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cds_hub::load::{Import, Run as HubRun};
use fhir_crack::Plan;
use jiff::tz::TimeZone;

use super::census::{Census, EVERYBODY};
use super::download::Download;
use super::waiting::Waiting;
use crate::config::Deletions;
use crate::error::{chain, hub_error};
use crate::progress::Stage;
use crate::run::ask::referenced::References;
use crate::run::ask::unanswered;
use crate::run::typed::PIDS_PER_WARD;
use crate::run::watches::Watches;
use crate::run::who::Who;
use crate::run::{Run, RunDirectory, Scope};
use crate::{Error, ErrorKind, Result, Summary};

/// Name under which the hub's lock is held.
pub(in crate::run) const MODULE: &str = "cds2db";

impl Run<'_> {
    /// Downloads into one import; returns the number of the run it belongs to.
    pub(in crate::run) async fn raw(
        &self,
        who: &Who,
        zone: &TimeZone,
        watches: &Watches,
        directory: Option<&RunDirectory>,
        summary: &mut Summary,
    ) -> Result<HubRun> {
        let requests = self.requests(&who.patients, zone, directory).await?;
        let plan = Plan::new(self.description).map_err(|e| {
            Error::new(
                ErrorKind::Description,
                "a path of the table description cannot be followed",
            )
            .because(e)
        })?;
        let lock = self
            .hub
            .lock(MODULE, "cds2db:raw")
            .await
            .map_err(|e| hub_error("taking the hub's lock", e))?;
        let mut import = self
            .hub
            .begin_import(&lock)
            .await
            .map_err(|e| hub_error("beginning the import", e))?;
        // The import of a process that died is over now, one way or the other.
        if let Some(directory) = directory
            && let Some((run, figures)) = directory.committed(self.hub).await?
        {
            drop(import);
            lock.release(true)
                .await
                .map_err(|e| hub_error("releasing the hub's lock", e))?;
            *summary = figures;
            return Ok(run);
        }
        let mut download = Download {
            directory,
            description: self.description,
            client: self.client,
            plan: Arc::new(plan),
            progress: self.progress,
            watches,
            workers: self.settings.workers(),
            waiting: Waiting::default(),
            encoding: None,
            references: References::default(),
            unanswered: Vec::new(),
            marked: self
                .hub
                .deleted()
                .await
                .map_err(|e| hub_error("reading which resources are gone", e))?,
            returned: BTreeMap::new(),
            crack: fhir_crack::Summary::default(),
        };
        self.progress.begin(Stage::Download, None);
        self.progress.begin(Stage::Store, None);
        let mut complete = download.run(requests, &mut import, summary).await?;
        self.add_unanswered_references(zone, &mut download.references)
            .await?;
        loop {
            let open = download.references.take();
            if open.is_empty() {
                break;
            }
            self.stored_references(&open, &mut download.references).await?;
            let further = self.referenced(open, zone, directory).await?;
            complete.extend(download.run(further, &mut import, summary).await?);
        }
        if let Some(batch) = self.ward_rows(who, directory) {
            summary.table(PIDS_PER_WARD).downloaded += batch.rows() as u64;
            download.store(&[batch], &mut import, summary).await?;
        }
        summary.notes.extend(left_over(&download.crack));
        self.move_watermarks(&complete, who.loaded_until, &mut import)
            .await?;
        if !matches!(self.scope, Scope::Given(given) if !given.move_watermarks) {
            unanswered::remember(&download.unanswered, who.loaded_until, &mut import).await?;
        }
        let returned = std::mem::take(&mut download.returned);
        self.mark(
            returned,
            &who.patients,
            zone,
            who.loaded_until,
            &mut import,
            summary,
        )
        .await?;
        if let Some(directory) = directory {
            summary.notes.extend(directory.batches().fetched()?);
            directory.committing(import.run(), summary)?;
        }
        let stored = import
            .commit()
            .await
            .map_err(|e| hub_error("committing the raw rows", e))?;
        lock.release(false)
            .await
            .map_err(|e| hub_error("releasing the hub's lock", e))?;
        self.progress.end(Stage::Download);
        self.progress.end(Stage::Store);
        Ok(stored.run)
    }

    /// Marks what has come back and what is gone.
    async fn mark(
        &self,
        returned: BTreeMap<String, Vec<String>>,
        patients: &[String],
        zone: &TimeZone,
        loaded_until: i64,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let failed = |e| hub_error("marking which resources are gone", e);
        for (resource, ids) in &returned {
            import.mark_returned(resource, ids).await.map_err(failed)?;
        }
        let census = Census {
            settings: self.settings,
            description: self.description,
            client: self.client,
            hub: self.hub,
            zone,
        };
        let gone = census.run(patients).await?;
        let found_by = format!("{:?}", self.settings.deletions).to_lowercase();
        for (resource, ids) in &gone.ids {
            import
                .mark_deleted(resource, ids, &found_by)
                .await
                .map_err(failed)?;
            summary.deleted.insert(resource.clone(), ids.len() as u64);
        }
        for name in &gone.read {
            let everybody = [EVERYBODY.to_owned()];
            import
                .set_watermarks(name, &everybody, loaded_until)
                .await
                .map_err(failed)?;
        }
        if self.settings.deletions != Deletions::Off {
            unanswered::census(patients, gone.failed.is_empty(), loaded_until, import).await?;
        }
        for (place, error) in &gone.failed {
            summary
                .incomplete
                .push(format!("deletions of {place}: {}", chain(error)));
        }
        Ok(())
    }
}

/// What the pages held that no table takes.
fn left_over(crack: &fhir_crack::Summary) -> Vec<String> {
    let others = crack
        .other_types
        .iter()
        .map(|(name, count)| format!("{count} {name} came along that no table takes"));
    let counts = [
        (crack.no_resource, "entries without a resource"),
        (crack.no_type, "resources without a type"),
        (crack.outcomes, "OperationOutcomes"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    others
        .chain(counts.map(|(count, what)| format!("{count} {what} came along")))
        .collect()
}
