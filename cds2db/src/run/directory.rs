use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cds_hub::Hub;
use cds_hub::load::Run as HubRun;
use fhir_crack::search::{Client, Spool};
use jiff::{SignedDuration, Zoned};
use table_description::Description;
use work_dir::{
    Batch, Digest, FinalSignals, Id2Nr, Layout, ProcessLog, Pseudonym, Runs, Status, TextForm, WorkDir,
    write_rep_configs,
};

use super::record::Record;
use super::requests::Request;
use super::state_writer::StateWriter;
use super::typed::PIDS_PER_WARD;
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result, Summary};

/// How a run uses its directory.
#[derive(Clone, Debug, Default)]
pub struct DirectoryOptions {
    /// Begin a new run, even where one is unfinished.
    pub fresh: bool,
    /// Load these tables again, by name or `all`: in the last run's directory, whether it is finished or not.
    pub again: Vec<String>,
    /// Text beside Parquet.
    pub text: Option<TextForm>,
    /// Let failed tests of the data warn where they would stop the run.
    pub warn_only: bool,
    /// Put pseudonyms into ID2NR.
    pub pseudonym: Option<Pseudonym>,
    /// Directories of runs to keep, this one counted; 0 keeps all.
    pub most_runs: usize,
    /// What the run is about: one about something else is not gone on with.
    pub purpose: String,
}

/// The directory of a run: what it set out to load, what it has, and how far each table is.
///
/// A run that was killed is continued by the next one in the same place: batches that were fetched are read from the
/// directory instead of the server, and the hub gets the same rows.
pub struct RunDirectory {
    layout: Layout,
    work: Arc<Mutex<WorkDir>>,
    record: Mutex<Option<Record>>,
    progress: Mutex<Progress>,
    writer: Mutex<Option<StateWriter>>,
    log: ProcessLog,
    options: DirectoryOptions,
    notes: Vec<String>,
}

/// What this process has planned and done.
#[derive(Default)]
struct Progress {
    /// Tables that are not completed.
    open: BTreeSet<String>,
    /// How many batches each table has.
    counts: BTreeMap<String, u32>,
    broken: BTreeSet<String>,
    notes: Vec<String>,
}

/// A batch and where its pages are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) table: String,
    pub(crate) number: u32,
    pub(crate) spool: Spool,
}

/// Whether an unfinished run is about the same as this one.
fn about(run: &Layout, options: &DirectoryOptions) -> Result<bool> {
    let record = Record::read(run)?;
    Ok(record.is_none_or(|record| record.purpose == options.purpose))
}

/// Whether an unfinished run is young enough to be gone on with, or has tables that somebody wants loaded again.
fn is_young(run: &Layout) -> Result<bool> {
    let again = Record::read(run)?.is_some_and(|record| !record.again.is_empty());
    let age = Runs::begun(run).map(|at| Zoned::now().datetime().duration_since(at));
    Ok(again || age.is_some_and(|age| age < CONTINUED))
}

/// How long an unfinished run is continued. Later its list of patients is too old, and a new run finds what it missed,
/// since its watermarks have not moved.
const CONTINUED: SignedDuration = SignedDuration::from_hours(24);

impl RunDirectory {
    /// The directory of the unfinished run below `base`, or one for a new run.
    ///
    /// # Errors
    /// When another run works there, when its state is damaged, or when something cannot be read or written.
    pub fn open(base: &Path, options: DirectoryOptions) -> Result<Self> {
        let runs = Runs::below(base);
        let newest = runs.all().map_err(|e| failed(base, e))?.pop();
        let mut notes = Vec::new();
        let layout = match newest {
            Some(newest) if !options.again.is_empty() => newest,
            None if !options.again.is_empty() => {
                let text = format!("{} has no run whose tables could be loaded again", base.display());
                return Err(Error::new(ErrorKind::File, text));
            }
            Some(newest) if !options.fresh && !newest.is_finished() && about(&newest, &options)? => {
                if is_young(&newest)? {
                    notes.push(format!("goes on with the run in {}", newest.root().display()));
                    newest
                } else {
                    notes.push(format!(
                        "the run in {} was not finished and is too old to go on with; its watermarks did not move, so this \
                         run asks for what it missed",
                        newest.root().display()
                    ));
                    runs.create().map_err(|e| failed(base, e))?
                }
            }
            _ => runs.create().map_err(|e| failed(base, e))?,
        };
        let most_runs = options.most_runs;
        let mut directory = Self::at(layout, options)?;
        directory.notes = notes;
        runs.keep(most_runs).map_err(|e| failed(base, e))?;
        Ok(directory)
    }

    /// A directory that is there already.
    ///
    /// # Errors
    /// As [`RunDirectory::open`].
    pub fn at(layout: Layout, options: DirectoryOptions) -> Result<Self> {
        let work = WorkDir::open(layout.root()).map_err(|e| failed(layout.root(), e))?;
        let record = Record::read(&layout)?;
        let directory = Self {
            log: ProcessLog::new(layout.clone()),
            work: Arc::new(Mutex::new(work)),
            record: Mutex::new(record),
            progress: Mutex::default(),
            writer: Mutex::default(),
            layout,
            options,
            notes: Vec::new(),
        };
        directory.override_tables(&directory.options.again)?;
        Ok(directory)
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether no test of the data stops the run.
    pub(crate) fn warn_only(&self) -> bool {
        self.options.warn_only
    }

    /// What is worth telling about the choice of the directory.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether an earlier process began the run.
    #[must_use]
    pub fn is_continued(&self) -> bool {
        lock(&self.record).is_some()
    }

    /// Forgets tables and removes all that their load left, so that the run loads them again, in full: without regard
    /// to what had changed. `all` means all tables.
    ///
    /// # Errors
    /// When there is no such table, or something cannot be written or removed.
    pub fn override_tables(&self, tables: &[String]) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        let mut work = lock(&self.work);
        let known: Vec<String> = work.units().map(|(name, ..)| name.to_owned()).collect();
        let chosen = if tables.iter().any(|t| t == "all") {
            &known
        } else {
            tables
        };
        if let Some(unknown) = chosen.iter().find(|t| !known.contains(t)) {
            let text = format!(
                "the run in {} has no table {unknown}; it has {}",
                self.layout.root().display(),
                known.join(", ")
            );
            return Err(Error::new(ErrorKind::File, text));
        }
        if let Some(record) = lock(&self.record).as_mut() {
            record.again.extend(chosen.iter().cloned());
            record.import = None;
            record.write(&self.layout)?;
        }
        std::fs::remove_file(self.layout.summary())
            .or_else(|e| {
                if e.kind() == std::io::ErrorKind::NotFound {
                    Ok(())
                } else {
                    Err(e)
                }
            })
            .map_err(|e| file_error(&self.layout.summary(), e))?;
        for table in chosen {
            work.forget(table).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// Tables of a run that somebody wants loaded again and that have not begun since.
    ///
    /// # Errors
    /// When the directory's files are damaged or cannot be read.
    pub fn waiting(layout: &Layout) -> Result<Vec<String>> {
        let work = WorkDir::look(layout.root()).map_err(|e| failed(layout.root(), e))?;
        let again = Record::read(layout)?
            .map(|record| record.again)
            .unwrap_or_default();
        Ok(again
            .into_iter()
            .filter(|table| work.status(table).is_none())
            .collect())
    }

    /// What the run set out to load, as an earlier process found it.
    pub(crate) fn record(&self) -> Option<Record> {
        lock(&self.record).clone()
    }

    /// Keeps what the run sets out to load.
    pub(crate) fn keep(
        &self,
        loaded_until: i64,
        wards: Option<&[WardPatient]>,
        patients: &[String],
        summary: &Summary,
    ) -> Result<()> {
        let mut record = Record::new(loaded_until, wards, patients, summary);
        record.purpose.clone_from(&self.options.purpose);
        record.write(&self.layout)?;
        *lock(&self.record) = Some(record);
        Ok(())
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

    /// Whether a table is loaded again in full.
    pub(crate) fn in_full(&self, table: &str) -> bool {
        lock(&self.record)
            .as_ref()
            .is_some_and(|r| r.again.contains(table))
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
                .or_insert_with(|| format!("{described:?}"));
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
    pub(crate) fn finished(&self, table: &str, number: u32, pages: u32, entries: u64) -> Result<()> {
        if let Some(writer) = lock(&self.writer).as_ref() {
            writer.finish(table, number);
        }
        self.note(
            table,
            Some(number),
            format!("fetched: {pages} pages, {entries} entries"),
        )
    }

    /// Notes that a page of a batch arrived and cannot be read, and forgets the batch's pages, so that they are
    /// fetched again.
    pub(crate) fn unreadable(&self, batch: &Planned) -> Result<()> {
        let pages = batch.spool.dir();
        match std::fs::remove_dir_all(pages) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(file_error(pages, e)),
            _ => {}
        }
        self.broke_off(&batch.table, batch.number)
    }

    /// Notes that a batch could not be fetched; its table will not be completed.
    pub(crate) fn broke_off(&self, table: &str, number: u32) -> Result<()> {
        lock(&self.progress).broken.insert(table.to_owned());
        self.note(table, Some(number), "broke off")
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

    /// The import is about to be committed: if this process dies meanwhile, the next one asks the hub whether it was.
    pub(crate) fn committing(&self, run: HubRun, summary: &Summary) -> Result<()> {
        if let Some(record) = lock(&self.record).as_mut() {
            record.import = Some(run.number());
            record.summary = summary.clone();
            record.write(&self.layout)?;
        }
        Ok(())
    }

    /// The run of the raw rows that an earlier process committed, and its figures.
    pub(crate) async fn committed(&self, hub: &Hub) -> Result<Option<(HubRun, Summary)>> {
        let Some(record) = self.record() else {
            return Ok(None);
        };
        let Some(number) = record.import else {
            return Ok(None);
        };
        let run = hub
            .known_run(number)
            .await
            .map_err(|e| Error::new(ErrorKind::Hub, "asking for the run's import").because(e))?;
        if run.is_some() {
            self.find_broken()?;
        }
        Ok(run.map(|run| (run, record.summary)))
    }

    /// Finds the batches that an earlier process could not fetch in full.
    fn find_broken(&self) -> Result<()> {
        let mut progress = lock(&self.progress);
        let progress = &mut *progress;
        for table in &progress.open {
            let batches = u32::try_from(lock(&self.work).batches(table)).unwrap_or(u32::MAX);
            for number in 0..batches {
                let pages = Spool::new(self.layout.spool(table, number)).complete_pages();
                let pages = pages.map_err(|e| {
                    Error::new(ErrorKind::File, format!("the pages of batch {number} of {table}")).because(e)
                })?;
                if pages.is_none() {
                    progress.broken.insert(table.clone());
                }
            }
        }
        Ok(())
    }

    /// The batches of open tables that have pages, in order.
    pub(crate) fn kept_batches(&self) -> Result<Vec<Planned>> {
        let kept = self
            .layout
            .spooled()
            .map_err(|e| file_error(&self.layout.spools(), e))?;
        let progress = lock(&self.progress);
        let open = kept
            .into_iter()
            .filter(|kept| progress.open.contains(&kept.table));
        let planned = open.map(|kept| Planned {
            table: kept.table,
            number: kept.batch,
            spool: Spool::new(kept.path),
        });
        Ok(planned.collect())
    }

    /// Whether a batch of a table could not be fetched in full.
    pub(crate) fn is_broken(&self, table: &str) -> bool {
        lock(&self.progress).broken.contains(table)
    }

    /// The number of the first file of a table that holds rows of earlier runs: it follows the run's own batches.
    pub(crate) fn first_earlier(&self, table: &str) -> u32 {
        // The batch of the wards is not fetched.
        let wards = usize::from(table == PIDS_PER_WARD);
        let own = lock(&self.work).batches(table).max(wards);
        u32::try_from(own).unwrap_or(u32::MAX)
    }

    /// Removes the files of a table that hold rows of earlier runs.
    pub(crate) fn remove_earlier(&self, table: &str) -> Result<()> {
        let first = self.first_earlier(table);
        lock(&self.work).cut(table, first).map_err(|e| self.failed(e))
    }

    /// A writer of the typed rows.
    pub(crate) fn final_signals(&self) -> Result<FinalSignals> {
        let ids = Id2Nr::open(&self.layout, self.options.pseudonym.clone()).map_err(|e| self.failed(e))?;
        Ok(FinalSignals::new(self.layout.clone(), self.options.text, ids))
    }

    /// Adds a line to a table's log.
    pub(crate) fn note(&self, table: &str, batch: Option<u32>, text: impl fmt::Display) -> Result<()> {
        tracing::info!(table, batch, "{text}");
        self.log.add(table, batch, text).map_err(|e| self.failed(e))
    }

    /// The hub has everything: open tables are completed, but for those with a batch that broke off.
    pub(crate) fn stored(&self) -> Result<()> {
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
        if !broken.is_empty() {
            work.set_all(broken, Status::Failed).map_err(|e| self.failed(e))?;
        }
        drop((work, progress));
        let mut record = lock(&self.record);
        if let Some(record) = record.as_mut().filter(|r| !r.again.is_empty()) {
            record.again.clear();
            record.write(&self.layout)?;
        }
        lock(&self.work).remove_spools().map_err(|e| self.failed(e))
    }

    /// The run ended with an error: what is not completed has failed and is tried again by the next run.
    pub(crate) fn failed_run(&self) {
        drop(lock(&self.writer).take().map(StateWriter::end));
        let progress = lock(&self.progress);
        let open = progress.open.iter().map(String::as_str);
        // The run's own error matters more than one of writing this down.
        let _ = lock(&self.work).set_all(open, Status::Failed);
    }

    /// A part of a run that is no table, such as the dataprocessor, and whether it is still to do.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin_part(&self, name: &str) -> Result<bool> {
        let open = lock(&self.work).begin([name]).map_err(|e| self.failed(e))?;
        Ok(!open.is_empty())
    }

    /// Notes how a part ended.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn end_part(&self, name: &str, status: Status) -> Result<()> {
        lock(&self.work).set(name, status).map_err(|e| self.failed(e))
    }

    /// Writes what whoever loads the rows elsewhere needs, removes the pages and writes the figures; the run is finished
    /// with that, and the report is written.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(&self, description: &Description, summary: &Summary) -> Result<()> {
        write_rep_configs(&self.layout, description).map_err(|e| self.failed(e))?;
        lock(&self.work).remove_spools().map_err(|e| self.failed(e))?;
        summary.write(self.layout.root())?;
        super::gate::report(&self.layout, description)
    }

    fn failed(&self, error: work_dir::Error) -> Error {
        failed(self.layout.root(), error)
    }
}

impl fmt::Debug for RunDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunDirectory")
            .field("root", &self.layout.root())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(directory: &Path, error: work_dir::Error) -> Error {
    Error::new(
        ErrorKind::File,
        format!("the run's directory {}", directory.display()),
    )
    .because(error)
}

fn file_error(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be used", path.display())).because(error)
}
