use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cds_hub::Hub;
use cds_hub::load::{Import, Run as HubRun};
use fhir_crack::search::{Client, Search};
use fhir_crack::{Batch, BatchBuilder, Plan};
use jiff::tz::TimeZone;
use table_description::typing::Zone;
use table_description::{Description, TableDescription};

use super::age::old_enough;
use super::download::{Download, Waiting, chain};
use super::earlier::{Earlier, none_refused, remember_refusal};
use super::gone::{Census, EVERYBODY};
use super::referenced::References;
use super::requests::{self, Narrowing, Request};
use super::stopwatch::Stopwatch;
use super::typed::{PIDS_PER_WARD, Typing};
use super::wards::{self, Dates, WardSearch};
use super::{RunDirectory, Scope, gate, patients, referenced, signals, unanswered};
use crate::config::{Deletions, Settings};
use crate::progress::{Progress, Stage};
use crate::summary::peak_rss_bytes;
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result, Summary};

/// What one run works with.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    /// The configuration.
    pub settings: &'r Settings,
    /// The tables.
    pub description: &'r Description,
    /// The FHIR server.
    pub client: &'r Client,
    /// The hub.
    pub hub: &'r Hub,
    /// Which resources are asked for.
    pub scope: &'r Scope,
    /// Takes the events.
    pub progress: &'r dyn Progress,
}

/// Name under which the hub's lock is held.
const MODULE: &str = "cds2db";
/// Marker of a day without any ward patient.
const EMPTY_DATA: &str = "EMPTY_DATA";
/// Ids whose watermarks move with one statement.
const IDS_AT_ONCE: usize = 2_000;
/// The zone of date-times without an offset.
pub(crate) const ZONE: &str = "Europe/Berlin";

/// One stopwatch a stage.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) wards: Stopwatch,
    pub(crate) download: Stopwatch,
    pub(crate) store: Stopwatch,
    pub(crate) typed: Stopwatch,
}

/// Whose resources a run asks for.
struct Who {
    /// Ward patients; `None` where the run is not about wards.
    wards: Option<Vec<WardPatient>>,
    patients: Vec<String>,
    /// When the run began, in microseconds since 1970-01-01T00:00:00Z.
    loaded_until: i64,
}

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
        let WardSearch { patients, notes } = wards::find(
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
        summary.ward_patients = patients.len() as u64;
        Ok(Some(patients))
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

    /// Finds out whose resources are asked for.
    async fn who(&self, zone: &TimeZone, watches: &Watches, summary: &mut Summary) -> Result<Who> {
        let loaded_until = self.settings.now().as_microsecond();
        let wards = self.wards(zone, watches, summary).await?;
        let patients = match self.scope {
            Scope::Given(given) => given.patients.clone(),
            _ => {
                let wards = wards.as_deref().unwrap_or_default();
                let mut patients = patients::of_interest(self.settings, self.hub, wards, zone).await?;
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
        let patients = old_enough(self.settings, self.client, self.hub, zone, patients).await?;
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

    /// Downloads into one import; returns the number of the run it belongs to.
    async fn raw(
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
            workers: workers(self.settings),
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

    /// The rows of `pids_per_ward`, where they are to be stored.
    fn ward_rows(&self, who: &Who, directory: Option<&RunDirectory>) -> Option<Batch> {
        let open = directory.is_none_or(|directory| directory.batches().is_open(PIDS_PER_WARD));
        let wards = who.wards.as_ref().filter(|_| open)?;
        ward_batch(self.description, wards)
    }

    async fn typed(
        &self,
        run: HubRun,
        who: &Who,
        watches: &Watches,
        directory: Option<&RunDirectory>,
        summary: &mut Summary,
    ) -> Result<()> {
        let zone = Zone::berlin();
        let lock = self
            .hub
            .lock(MODULE, "cds2db:typed")
            .await
            .map_err(|e| hub_error("taking the hub's lock", e))?;
        let mut import = self
            .hub
            .continue_import(&lock, run)
            .await
            .map_err(|e| hub_error("beginning the typed import", e))?;
        self.progress.begin(Stage::Type, None);
        let mut typing = Typing::new(
            self.settings,
            self.hub,
            self.description,
            &zone,
            self.progress,
            watches,
        );
        if let Some(directory) = directory {
            typing.prepare(summary).await?;
            let wards = self.ward_rows(who, Some(directory));
            signals::write(self, directory, &mut typing, workers(self.settings), wards).await?;
            let earlier = Earlier::write(self, directory, &mut typing, run, summary).await?;
            let passed = gate::pass(directory, self.description, &earlier, summary).await;
            if let Err(refusal) = passed {
                if refusal.kind() == ErrorKind::Data {
                    remember_refusal(import, &earlier, who.loaded_until).await?;
                }
                return Err(refusal);
            }
        } else {
            none_refused(self.hub, self.description, run).await?;
        }
        typing.run(&mut import, summary).await?;
        import
            .commit()
            .await
            .map_err(|e| hub_error("committing the typed rows", e))?;
        lock.release(false)
            .await
            .map_err(|e| hub_error("releasing the hub's lock", e))?;
        let confirmed = self
            .hub
            .confirmed(run)
            .await
            .map_err(|e| hub_error("counting the confirmed rows", e))?;
        for table in &self.description.tables {
            if let Some(&rows) = confirmed.get(&table.name) {
                summary.table(&table.name).typed_seen = rows;
            }
        }
        self.progress.end(Stage::Type);
        Ok(())
    }

    async fn requests(
        &self,
        patients: &[String],
        zone: &TimeZone,
        directory: Option<&RunDirectory>,
    ) -> Result<Vec<Request>> {
        let open = |resource: &String| self.is_open(resource, directory);
        if *self.scope == Scope::Everything {
            let resources = self
                .description
                .resources()
                .filter_map(|t| t.resource.clone())
                .filter(open);
            let request = |resource: String| {
                let search = requests::with_paging(self.settings, Search::new(resource.clone()));
                Request {
                    watermark: resource.clone(),
                    resource,
                    search,
                }
            };
            return Ok(resources.map(request).collect());
        }
        let mut requests = Vec::new();
        // Shared by the searches of all types.
        let shared: Vec<Arc<str>> = patients.iter().map(|id| Arc::from(id.as_str())).collect();
        let wanted = |resource: &String| match self.scope {
            Scope::Given(given) => given.resources.is_empty() || given.resources.contains(resource),
            _ => true,
        };
        for resource in requests::patient_resources(self.description)
            .into_iter()
            .filter(|resource| wanted(resource) && open(resource))
        {
            let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) else {
                continue;
            };
            let watermarks = match self.scope {
                Scope::Given(_) => BTreeMap::new(),
                _ if self.is_in_full(&resource, directory) => BTreeMap::new(),
                _ => self.watermarks(&narrowing.watermark, patients).await?,
            };
            requests.extend(requests::by_patient(
                self.settings,
                &resource,
                &narrowing,
                &shared,
                &watermarks,
                zone,
            ));
        }
        Ok(requests)
    }

    /// Whether a type is to be loaded: an earlier process has not completed it.
    fn is_open(&self, resource: &str, directory: Option<&RunDirectory>) -> bool {
        let (Some(directory), Some(table)) = (directory, self.description.resource(resource)) else {
            return true;
        };
        directory.batches().is_open(&table.name)
    }

    /// Whether a type is loaded again without regard to what had changed.
    fn is_in_full(&self, resource: &str, directory: Option<&RunDirectory>) -> bool {
        let (Some(directory), Some(table)) = (directory, self.description.resource(resource)) else {
            return false;
        };
        directory.in_full(&table.name)
    }

    async fn watermarks(&self, resource: &str, ids: &[String]) -> Result<BTreeMap<String, i64>> {
        let marks = self
            .hub
            .watermarks(resource, ids)
            .await
            .map_err(|e| hub_error("reading the watermarks", e))?;
        Ok(marks.into_iter().collect())
    }

    /// Requests for referenced resources by id; those loaded before are only asked for if they have changed.
    async fn referenced(
        &self,
        open: BTreeMap<String, std::collections::BTreeSet<String>>,
        zone: &TimeZone,
        directory: Option<&RunDirectory>,
    ) -> Result<Vec<Request>> {
        let mut requests = Vec::new();
        if *self.scope == Scope::Everything {
            return Ok(requests);
        }
        let targets = referenced::targets(self.description);
        for (resource, ids) in open
            .into_iter()
            .filter(|(resource, _)| targets.contains(resource) && self.is_open(resource, directory))
        {
            let ids: Vec<String> = ids.into_iter().collect();
            let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) else {
                continue;
            };
            let watermarks = match self.is_in_full(&resource, directory) {
                true => BTreeMap::new(),
                false => self.watermarks(&narrowing.watermark, &ids).await?,
            };
            let ids: Vec<Arc<str>> = ids.into_iter().map(Arc::from).collect();
            let more = requests::by_id(self.settings, &resource, &narrowing, &ids, &watermarks, zone);
            requests.extend(more);
        }
        Ok(requests)
    }

    /// Adds referenced resources that an earlier run asked for in vain.
    async fn add_unanswered_references(&self, zone: &TimeZone, references: &mut References) -> Result<()> {
        if *self.scope != Scope::Patients {
            return Ok(());
        }
        for resource in referenced::targets(self.description) {
            if let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) {
                for id in unanswered::ids(self.hub, &[narrowing.watermark]).await? {
                    references.add(&resource, &id);
                }
            }
        }
        Ok(())
    }

    /// What the hub's versions of these resources refer to: a resource that has not changed is not sent again, but what
    /// it refers to may have.
    async fn stored_references(
        &self,
        open: &BTreeMap<String, std::collections::BTreeSet<String>>,
        references: &mut References,
    ) -> Result<()> {
        if *self.scope == Scope::Everything {
            return Ok(());
        }
        for (resource, ids) in open {
            let Some(table) = self
                .description
                .resources()
                .find(|t| t.resource.as_ref() == Some(resource))
            else {
                continue;
            };
            let Some(id) = table
                .position_of_path("id")
                .map(|position| &table.columns[position].name)
            else {
                continue;
            };
            for column in table.columns.iter().filter(|c| !c.reference_targets.is_empty()) {
                let sql = format!(
                    "SELECT DISTINCT \"{}\" FROM cds2db_out.\"v_{}_last_version\" WHERE \"{id}\" = ANY ($1)",
                    column.name, table.name
                );
                let rows = self
                    .hub
                    .select_text(&sql, &[ids.iter().cloned().collect()])
                    .await
                    .map_err(|e| hub_error("reading what referenced resources refer to", e))?;
                for reference in rows.into_iter().flatten().flatten() {
                    references.add_reference(&reference, column);
                }
            }
        }
        Ok(())
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

    /// Moves the watermarks of what was answered in full, in the same transaction as its rows.
    async fn move_watermarks(
        &self,
        complete: &[Request],
        loaded_until: i64,
        import: &mut Import<'_>,
    ) -> Result<()> {
        if matches!(self.scope, Scope::Given(given) if !given.move_watermarks) {
            return Ok(());
        }
        let mut moved: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for request in complete {
            let ids = moved.entry(&request.watermark).or_default();
            ids.extend(request.ids().iter().map(|id| (**id).to_owned()));
            if ids.len() >= IDS_AT_ONCE {
                move_watermark(&request.watermark, &std::mem::take(ids), loaded_until, import).await?;
            }
        }
        for (watermark, ids) in moved {
            move_watermark(watermark, &ids, loaded_until, import).await?;
        }
        Ok(())
    }
}

async fn move_watermark(
    watermark: &str,
    ids: &[String],
    loaded_until: i64,
    import: &mut Import<'_>,
) -> Result<()> {
    import
        .set_watermarks(watermark, ids, loaded_until)
        .await
        .map_err(|e| hub_error("moving the watermarks", e))
}

fn hub_error(place: &str, error: cds_hub::Error) -> Error {
    Error::new(ErrorKind::Hub, place).because(error)
}

fn workers(settings: &Settings) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    match settings.server.max_cores {
        0 => cores,
        most => most.min(cores),
    }
}

/// The rows of `pids_per_ward`: plain values without an index. A day without patients leaves a marker, so that the
/// readers see an empty day and not the last full one.
fn ward_batch(description: &Description, wards: &[WardPatient]) -> Option<Batch> {
    let table: &Arc<TableDescription> = description.table(PIDS_PER_WARD)?;
    let column = |name: &str| table.position(name);
    let (ward, patient, encounter) = (
        column("ward_name")?,
        column("patient_id")?,
        column("encounter_id")?,
    );
    let mut builder = BatchBuilder::new(Arc::clone(table));
    for row in wards {
        builder.begin_row();
        for (column, text) in [
            (ward, &row.ward_name),
            (patient, &row.patient_id),
            (encounter, &row.encounter_id),
        ] {
            if !text.is_empty() {
                builder.push(column, &[], text);
            }
        }
    }
    if wards.is_empty() {
        builder.begin_row();
        builder.push(patient, &[], EMPTY_DATA);
        builder.push(encounter, &[], EMPTY_DATA);
    }
    Some(builder.finish())
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
