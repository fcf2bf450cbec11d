//! The batches of a run: requests and what has become of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use fhir_crack::search::{Client, Spool};
use table_description::Description;
use work_dir::{Batch, Digest, Layout, ProcessLog, Status, WorkDir};

use super::fault::{failed, file_error, lock};
use super::keys;
use super::state_writer::StateWriter;
use crate::run::ask::requests::Request;
use crate::run::typed::PIDS_PER_WARD;
use crate::{Error, Result};

/// The batches of a run's tables: which are planned, which are fetched, and which broke off.
pub(crate) struct Batches {
    layout: Layout,
    work: Arc<Mutex<WorkDir>>,
    progress: Mutex<Progress>,
    writer: Mutex<Option<StateWriter>>,
    log: ProcessLog,
}

/// What this process has planned and done.
#[derive(Default)]
struct Progress {
    /// Tables that are not completed.
    open: BTreeSet<String>,
    /// How many batches each table has.
    counts: BTreeMap<String, u32>,
    broken: BTreeSet<String>,
    finished: BTreeSet<(String, u32)>,
    /// Number of the next file of a table that is of no batch.
    further: BTreeMap<String, u32>,
    notes: Vec<String>,
}

/// A batch and where its pages are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) table: String,
    pub(crate) number: u32,
    pub(crate) spool: Spool,
}

impl Batches {
    pub(super) fn new(layout: &Layout, work: &Arc<Mutex<WorkDir>>) -> Self {
        Self {
            layout: layout.clone(),
            work: Arc::clone(work),
            progress: Mutex::default(),
            writer: Mutex::default(),
            log: ProcessLog::new(layout.clone()),
        }
    }

    /// Begins tables, or goes on with them; those that are completed are left out from now on.
    pub(crate) fn begin<'t>(&self, tables: impl IntoIterator<Item = &'t str>) -> Result<()> {
        let open = lock(&self.work).begin(tables).map_err(|e| self.failed(e))?;
        lock(&self.progress).open = open;
        *lock(&self.writer) = Some(StateWriter::start(Arc::clone(&self.work)));
        Ok(())
    }

    /// Whether a table is to be loaded.
    pub(crate) fn is_open(&self, table: &str) -> bool {
        lock(&self.progress).open.contains(table)
    }

    /// Whether any table is.
    pub(crate) fn has_open(&self) -> bool {
        !lock(&self.progress).open.is_empty()
    }

    /// Gives each request its batch. A table whose input has changed since an earlier process began it is loaded anew.
    pub(crate) fn plan(
        &self,
        client: &Client,
        description: &Description,
        requests: &[Request],
    ) -> Result<Vec<Planned>> {
        let mut progress = lock(&self.progress);
        let mut shapes: BTreeMap<String, String> = BTreeMap::new();
        let (mut batches, mut planned) = (Vec::new(), Vec::new());
        for request in requests {
            let described = description.resource(&request.resource);
            let table = described.map_or_else(|| request.resource.to_lowercase(), |t| t.name.clone());
            let shape = shapes
                .entry(table.clone())
                .or_insert_with(|| described.map(|table| keys::table(table)).unwrap_or_default());
            let count = progress.counts.entry(table.clone()).or_default();
            let query = request.search.query();
            let input = Digest::of([client.endpoint(), &request.resource, &query, shape]);
            batches.push(Batch {
                table: table.clone(),
                number: *count,
                input,
            });
            planned.push(Planned {
                spool: Spool::new(self.layout.spool(&table, *count)),
                number: *count,
                table,
            });
            *count += 1;
        }
        let changed = lock(&self.work).plan(&batches).map_err(|e| self.failed(e))?;
        for table in changed {
            let note = format!(
                "{table}: the input of its batches has changed since this run began; it is loaded anew"
            );
            progress.notes.push(note);
            progress.open.insert(table);
        }
        Ok(planned)
    }

    /// Notes that all of a batch has been fetched and is kept.
    pub(crate) fn finished(&self, batch: &Planned, pages: u32, entries: u64) -> Result<()> {
        if let Some(writer) = lock(&self.writer).as_ref() {
            writer.finish(&batch.table, batch.number);
        }
        let of = (batch.table.clone(), batch.number);
        lock(&self.progress).finished.insert(of);
        let text = format!("fetched: {pages} pages, {entries} entries");
        self.note(&batch.table, Some(batch.number), text)
    }

    /// Notes that a page of a batch arrived and cannot be read, and forgets the batch's pages, so that they are
    /// fetched again.
    pub(crate) fn unreadable(&self, batch: &Planned) -> Result<()> {
        let pages = batch.spool.dir();
        match std::fs::remove_dir_all(pages) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(file_error(pages, e)),
            _ => {}
        }
        self.broke_off(batch)
    }

    /// Notes that a batch could not be fetched; its table will not be completed.
    pub(crate) fn broke_off(&self, batch: &Planned) -> Result<()> {
        lock(&self.progress).broken.insert(batch.table.clone());
        self.note(&batch.table, Some(batch.number), "broke off")
    }

    /// Everything is fetched: brings the state to the disk and removes batches that an earlier load had beyond these.
    /// Returns what is worth telling.
    pub(crate) fn fetched(&self) -> Result<Vec<String>> {
        if let Some(writer) = lock(&self.writer).take() {
            writer.end().map_err(|e| self.failed(e))?;
        }
        let mut progress = lock(&self.progress);
        let mut work = lock(&self.work);
        for table in &progress.open {
            let count = progress.counts.get(table).copied().unwrap_or_default();
            if work.batches(table) > count as usize {
                work.cut(table, count).map_err(|e| self.failed(e))?;
            }
        }
        Ok(std::mem::take(&mut progress.notes))
    }

    /// Whether all of a batch has been fetched.
    pub(crate) fn is_finished(&self, batch: &Planned) -> bool {
        lock(&self.progress)
            .finished
            .contains(&(batch.table.clone(), batch.number))
    }

    /// Notes that a table's rows were not handed on, so that it is not completed.
    pub(crate) fn withheld(&self, table: &str) -> Result<()> {
        lock(&self.progress).broken.insert(table.to_owned());
        self.note(table, None, "not handed on: a test stops it")
    }

    /// Notes the tables that an earlier process could not complete.
    pub(super) fn incomplete(&self, tables: impl IntoIterator<Item = String>) {
        lock(&self.progress).broken.extend(tables);
    }

    /// The number of the first file of a table that is of no batch: it follows the run's own batches.
    fn first_further(&self, table: &str) -> u32 {
        // The batch of the wards is not fetched.
        let wards = usize::from(table == PIDS_PER_WARD);
        let own = lock(&self.work).batches(table).max(wards);
        u32::try_from(own).unwrap_or(u32::MAX)
    }

    /// The number of the next file of a table that is of no batch.
    pub(crate) fn next_further(&self, table: &str) -> u32 {
        let first = self.first_further(table);
        let mut progress = lock(&self.progress);
        let next = progress.further.entry(table.to_owned()).or_insert(first);
        let number = *next;
        *next = next.saturating_add(1);
        number
    }

    /// Removes the files of a table that are of no batch.
    pub(crate) fn remove_further(&self, table: &str) -> Result<()> {
        let first = self.first_further(table);
        lock(&self.work).cut(table, first).map_err(|e| self.failed(e))
    }

    /// Adds a line to a table's log.
    pub(crate) fn note(&self, table: &str, batch: Option<u32>, text: impl fmt::Display) -> Result<()> {
        tracing::info!(table, batch, "{text}");
        self.log.add(table, batch, text).map_err(|e| self.failed(e))
    }

    /// The hub has everything: open tables are completed, but for those with a batch that broke off.
    pub(super) fn complete(&self) -> Result<()> {
        let progress = lock(&self.progress);
        let (broken, done): (Vec<&str>, Vec<&str>) = progress
            .open
            .iter()
            .map(String::as_str)
            .partition(|t| progress.broken.contains(*t));
        for table in &done {
            self.note(table, None, "completed")?;
        }
        for table in &broken {
            self.note(table, None, "failed: a batch broke off")?;
        }
        let mut work = lock(&self.work);
        work.set_all(done, Status::Completed)
            .map_err(|e| self.failed(e))?;
        if broken.is_empty() {
            return Ok(());
        }
        work.set_all(broken, Status::Failed).map_err(|e| self.failed(e))
    }

    /// What is not completed has failed.
    pub(super) fn fail(&self) {
        drop(lock(&self.writer).take().map(StateWriter::end));
        let progress = lock(&self.progress);
        let open = progress.open.iter().map(String::as_str);
        // The run's own error matters more than one of writing this down.
        let _ = lock(&self.work).set_all(open, Status::Failed);
    }

    fn failed(&self, error: work_dir::Error) -> Error {
        failed(self.layout.root(), error)
    }
}
