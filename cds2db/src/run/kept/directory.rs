//! The directory of a run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cds_hub::Hub;
use cds_hub::load::Run as HubRun;
use jiff::{SignedDuration, Zoned};
use work_dir::{FinalSignals, Id2Nr, Layout, Runs, Status, WorkDir};

use super::batches::Batches;
use super::fault::{failed, file_error, lock};
use super::hub_rows::HubRows;
use super::options::DirectoryOptions;
use super::record::Record;
use super::started_with::StartedWith;
use super::unread::{Unread, UnreadPart};
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result, Summary};

/// The directory of a run: what it set out to load, what it has, and how far each table is.
///
/// A run that was killed is continued by the next one in the same place: batches that were fetched are read from the
/// directory instead of the server, and the hub gets the same rows.
pub struct RunDirectory {
    layout: Layout,
    pub(in crate::run) work: Arc<Mutex<WorkDir>>,
    record: Mutex<Option<Record>>,
    batches: Batches,
    options: DirectoryOptions,
    notes: Vec<String>,
    unread: Unread,
    /// Says that a run has stopped before empty wards.
    empty_wards: PathBuf,
}

/// Its name, beside the runs.
const EMPTY_WARDS: &str = "empty-wards";

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

/// The tables that a run began and whose lines somebody removed from its state file: as an override would.
fn removed_by_hand(run: &Layout) -> Result<Vec<String>> {
    let Some(record) = Record::read(run)? else {
        return Ok(Vec::new());
    };
    let work = WorkDir::look(run.root()).map_err(|e| failed(run.root(), e))?;
    let is_removed = |table: &String| work.status(table).is_none() && !record.again.contains(table);
    Ok(record
        .tables
        .iter()
        .filter(|table| is_removed(table))
        .cloned()
        .collect())
}

/// Files written at a time: bringing one to the disk is waiting.
const FILES_AT_ONCE: usize = 3;

/// How long an unfinished run is continued. Later its list of patients is too old, and a new run finds what it missed:
/// watermarks move with the rows, and rows that were not handed on wait in the hub.
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
        let removed = match &newest {
            Some(newest) if !options.fresh && options.again.is_empty() && about(newest, &options)? => {
                removed_by_hand(newest)?
            }
            _ => Vec::new(),
        };
        let layout = match newest {
            Some(newest) if !removed.is_empty() => {
                notes.push(format!(
                    "goes on with the run in {}: somebody removed the lines of {} from its state file, so that these tables \
                     are loaded again in full",
                    newest.root().display(),
                    removed.join(", ")
                ));
                newest
            }
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
                        "the run in {} was not finished and is too old to go on with; this run asks for what it did not \
                         store, and hands on what it did",
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
        directory.empty_wards = base.join(EMPTY_WARDS);
        directory.load_again(&removed)?;
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
        let work = Arc::new(Mutex::new(work));
        let directory = Self {
            batches: Batches::new(&layout, &work),
            unread: Unread::of(&layout)?,
            work,
            record: Mutex::new(record),
            empty_wards: layout.root().join(EMPTY_WARDS),
            layout,
            options,
            notes: Vec::new(),
        };
        directory.load_again(&directory.forgetting())?;
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

    /// The batches of its tables.
    pub(crate) fn batches(&self) -> &Batches {
        &self.batches
    }

    /// Where parts of pages are kept that cannot be read.
    pub(in crate::run) fn unread(&self) -> &Unread {
        &self.unread
    }

    /// The parts of a run's pages that could not be read and were kept.
    ///
    /// # Errors
    /// When their list cannot be read.
    pub fn unread_parts(layout: &Layout) -> Result<Vec<UnreadPart>> {
        Unread::list(layout)
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
        let work = lock(&self.work);
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
        drop(work);
        self.load_again(chosen)
    }

    /// Removes all that the load of these tables left, so that the run loads them again in full.
    fn load_again(&self, tables: &[String]) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        if let Some(record) = lock(&self.record).as_mut() {
            record.again.extend(tables.iter().cloned());
            record.forgetting.extend(tables.iter().cloned());
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
        let mut work = lock(&self.work);
        for table in tables {
            work.forget(table).map_err(|e| self.failed(e))?;
        }
        drop(work);
        if let Some(record) = lock(&self.record).as_mut() {
            record.forgetting.clear();
            record.write(&self.layout)?;
        }
        Ok(())
    }

    /// Tables that an earlier process was about to forget.
    fn forgetting(&self) -> Vec<String> {
        let record = lock(&self.record);
        let tables = record.iter().flat_map(|record| &record.forgetting);
        tables.cloned().collect()
    }

    /// Notes which tables the run has begun.
    pub(crate) fn began<'t>(&self, tables: impl IntoIterator<Item = &'t str>) -> Result<()> {
        let mut record = lock(&self.record);
        let Some(record) = record.as_mut() else {
            return Ok(());
        };
        let before = record.tables.len();
        record.tables.extend(tables.into_iter().map(str::to_owned));
        if record.tables.len() == before {
            return Ok(());
        }
        record.write(&self.layout)
    }

    /// Tables of a run that somebody wants loaded again and that have not begun since.
    ///
    /// # Errors
    /// When the directory's files are damaged or cannot be read.
    pub fn waiting(layout: &Layout) -> Result<Vec<String>> {
        let work = WorkDir::look(layout.root()).map_err(|e| failed(layout.root(), e))?;
        let Some(record) = Record::read(layout)? else {
            return Ok(Vec::new());
        };
        let (again, forgetting) = (record.again, record.forgetting);
        Ok(again
            .into_iter()
            .filter(|table| work.status(table).is_none() || forgetting.contains(table))
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
        started_with: StartedWith,
        summary: &Summary,
    ) -> Result<()> {
        let mut record = Record::new(loaded_until, wards, patients, summary);
        record.started_with = started_with;
        record.purpose.clone_from(&self.options.purpose);
        record.write(&self.layout)?;
        *lock(&self.record) = Some(record);
        Ok(())
    }

    /// Whether a table is loaded again in full.
    pub(crate) fn in_full(&self, table: &str) -> bool {
        lock(&self.record)
            .as_ref()
            .is_some_and(|r| r.again.contains(table))
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

    /// The figures of an earlier process whose import was committed.
    pub(crate) async fn committed(&self, hub: &Hub) -> Result<Option<Summary>> {
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
        if run.is_none() {
            return Ok(None);
        }
        let summary = record.summary;
        self.batches
            .incomplete(summary.incomplete.iter().map(|line| line.resource.to_lowercase()));
        Ok(Some(summary))
    }

    /// How many files may be written at a time: texts one by one, so that numbers do not depend on the moment.
    pub(crate) fn files_at_once(&self) -> usize {
        if self.options.text.is_some() {
            1
        } else {
            FILES_AT_ONCE
        }
    }

    /// A writer of the typed rows.
    pub(crate) fn final_signals(&self) -> Result<FinalSignals> {
        let ids = Id2Nr::open(&self.layout, self.options.pseudonym.clone()).map_err(|e| self.failed(e))?;
        Ok(FinalSignals::new(self.layout.clone(), self.options.text, ids))
    }

    /// The hub has everything: open tables are completed, but for those with a batch that broke off.
    pub(crate) fn stored(&self) -> Result<()> {
        self.batches.complete()?;
        let mut record = lock(&self.record);
        if let Some(record) = record.as_mut().filter(|r| !r.again.is_empty()) {
            record.again.clear();
            record.write(&self.layout)?;
        }
        HubRows::of(&self.layout).remove()?;
        lock(&self.work).remove_spools().map_err(|e| self.failed(e))
    }

    /// The run ended with an error: what is not completed has failed and is tried again by the next run.
    pub(crate) fn failed_run(&self) {
        self.batches.fail();
    }

    /// Whether a run before this one stopped because nobody was found on any ward.
    pub(crate) fn has_seen_empty_wards(&self) -> bool {
        self.empty_wards.exists()
    }

    /// Keeps that this run stops for that reason, so that the next one does not.
    pub(crate) fn keep_empty_wards(&self) -> Result<()> {
        let text = "The last run stopped because nobody was found on any ward; the next one goes on.\n";
        std::fs::write(&self.empty_wards, text).map_err(|e| file_error(&self.empty_wards, e))
    }

    /// Somebody is on a ward: the next empty day stops again.
    pub(crate) fn forget_empty_wards(&self) -> Result<()> {
        match std::fs::remove_file(&self.empty_wards) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file_error(&self.empty_wards, e)),
            _ => Ok(()),
        }
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

    pub(in crate::run) fn failed(&self, error: work_dir::Error) -> Error {
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
