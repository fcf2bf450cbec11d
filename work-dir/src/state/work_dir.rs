use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::Path;

use jiff::civil::DateTime;

use super::ledger::Ledger;
use super::state_file::StateFile;
use super::{leftovers, private};
use crate::{Batch, Error, ErrorKind, Layout, Status};

/// The state of a run's directory at one moment, for reading.
#[derive(Debug)]
pub struct WorkDirView(WorkDir);

impl std::ops::Deref for WorkDirView {
    type Target = WorkDir;

    fn deref(&self) -> &WorkDir {
        &self.0
    }
}

/// A run's directory, held by this process until it is dropped.
///
/// A unit is a table, or another part of a run that is done as a whole. Every change is on disk when its method returns.
#[derive(Debug)]
pub struct WorkDir {
    layout: Layout,
    statuses: StateFile<Status>,
    last_batches: StateFile<u32>,
    ledger: Ledger,
    /// Batches that finished before one with a lower number.
    ahead: BTreeMap<String, BTreeSet<u32>>,
    /// Locked as long as the directory is held; the lock ends with the process, however that ends.
    _lock: Option<File>,
}

impl WorkDir {
    /// Opens a directory, making it where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] while another run holds it; [`ErrorKind::Line`], [`ErrorKind::BatchLine`],
    /// [`ErrorKind::Twice`] or [`ErrorKind::Ledger`] when a state file is damaged; [`ErrorKind::File`] when something
    /// cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, Error> {
        private::make_dirs(path).map_err(|e| Error::file(path, e))?;
        let layout = Layout::new(path);
        let lock_path = layout.lock();
        let lock = private::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|e| Error::file(&lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::new(ErrorKind::InUse, path)),
            Err(TryLockError::Error(e)) => return Err(Error::file(&lock_path, e)),
        }
        Ok(Self {
            statuses: StateFile::read(layout.status())?,
            last_batches: StateFile::read(layout.batch_status())?,
            ledger: Ledger::read(layout.ledger())?,
            ahead: BTreeMap::new(),
            layout,
            _lock: Some(lock),
        })
    }

    /// Reads the state without holding the directory, also while a run works there; for looking only, since what is
    /// written through it would meet the run's own writing.
    ///
    /// # Errors
    /// As [`WorkDir::open`], but for [`ErrorKind::InUse`].
    pub fn look(path: &Path) -> Result<WorkDirView, Error> {
        let layout = Layout::new(path);
        Ok(WorkDirView(Self {
            statuses: StateFile::read(layout.status())?,
            last_batches: StateFile::read(layout.batch_status())?,
            ledger: Ledger::read(layout.ledger())?,
            ahead: BTreeMap::new(),
            layout,
            _lock: None,
        }))
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How far a unit has come; `None` for one that never began.
    #[must_use]
    pub fn status(&self, unit: &str) -> Option<Status> {
        self.statuses.get(unit)
    }

    /// All units with the wall time of their last change, by name.
    pub fn units(&self) -> impl Iterator<Item = (&str, DateTime, Status)> {
        self.statuses.units()
    }

    /// The last batch of a table up to which all are finished, counted from 0.
    #[must_use]
    pub fn last_batch(&self, table: &str) -> Option<u32> {
        self.last_batches.get(table)
    }

    /// How many batches of a table have begun.
    #[must_use]
    pub fn batches(&self, table: &str) -> usize {
        self.ledger.batches(table)
    }

    /// Notes a unit's status with the present time.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a name the file cannot hold, [`ErrorKind::File`] when it cannot be written.
    pub fn set(&mut self, unit: &str, status: Status) -> Result<(), Error> {
        self.set_all([unit], status)
    }

    /// Notes the status of several units at once.
    ///
    /// # Errors
    /// As [`WorkDir::set`].
    pub fn set_all<'u>(
        &mut self,
        units: impl IntoIterator<Item = &'u str>,
        status: Status,
    ) -> Result<(), Error> {
        for unit in units {
            self.statuses.set(unit, status)?;
        }
        self.statuses.write()
    }

    /// Begins units, or goes on with them: those not completed are `In Process` now. Of a unit without a line nothing
    /// is kept that an earlier load may have left. Returns the units that are to be loaded.
    ///
    /// # Errors
    /// As [`WorkDir::set`], and when something old cannot be removed.
    pub fn begin<'u>(&mut self, units: impl IntoIterator<Item = &'u str>) -> Result<BTreeSet<String>, Error> {
        let mut open = BTreeSet::new();
        let mut fresh = false;
        for unit in units {
            match self.status(unit) {
                Some(Status::Completed) => continue,
                Some(Status::InProcess | Status::Failed) => {}
                None => {
                    leftovers::remove_all(&self.layout, unit)?;
                    self.ahead.remove(unit);
                    self.last_batches.remove(unit);
                    self.ledger.cut(unit, 0);
                    fresh = true;
                }
            }
            self.statuses.set(unit, Status::InProcess)?;
            open.insert(unit.to_owned());
        }
        if fresh {
            self.last_batches.write()?;
            self.ledger.write()?;
        }
        if !open.is_empty() {
            self.statuses.write()?;
        }
        Ok(open)
    }

    /// Notes which batches are going to be loaded. Where a table's batch had another input when an earlier run began
    /// it, nothing is shifted: all that was loaded of the table is removed, it is `In Process` again, and its name is
    /// returned.
    ///
    /// # Errors
    /// When something old cannot be removed, or the state cannot be written.
    pub fn plan(&mut self, batches: &[Batch]) -> Result<BTreeSet<String>, Error> {
        let changed = self.ledger.take(batches);
        for table in &changed {
            leftovers::remove_all(&self.layout, table)?;
            self.ahead.remove(table);
            self.last_batches.remove(table);
            self.statuses.set(table, Status::InProcess)?;
        }
        if !changed.is_empty() {
            self.last_batches.write()?;
            self.statuses.write()?;
        }
        self.ledger.write()?;
        Ok(changed)
    }

    /// Notes that batches are finished, in any order: what they fetched is kept. The state file names the last batch of
    /// each table before which none is missing.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn finish_batches<'b>(
        &mut self,
        batches: impl IntoIterator<Item = (&'b str, u32)>,
    ) -> Result<(), Error> {
        let mut moved = false;
        for (table, number) in batches {
            let ahead = self.ahead.entry(table.to_owned()).or_default();
            ahead.insert(number);
            let mut next = self.last_batches.get(table).map_or(0, |last| last + 1);
            while ahead.remove(&next) {
                self.last_batches.set(table, next)?;
                moved = true;
                next += 1;
            }
        }
        if moved { self.last_batches.write() } else { Ok(()) }
    }

    /// Removes the batches of a table from this number on: the table has fewer than it had.
    ///
    /// # Errors
    /// When something cannot be removed, or the state cannot be written.
    pub fn cut(&mut self, table: &str, batches: u32) -> Result<(), Error> {
        leftovers::remove_batches(&self.layout, table, batches)?;
        if self.ledger.cut(table, batches as usize) {
            self.ledger.write()?;
        }
        match (self.last_batches.get(table), batches.checked_sub(1)) {
            (Some(last), Some(end)) if last > end => {
                self.last_batches.set(table, end)?;
                self.last_batches.write()
            }
            (Some(_), None) => {
                self.last_batches.remove(table);
                self.last_batches.write()
            }
            _ => Ok(()),
        }
    }

    /// Forgets a unit, so that it is loaded again, and removes everything that its load left. Its line goes first: a
    /// crash in between leaves a unit that never began. Nothing happens where it never began.
    ///
    /// # Errors
    /// When something cannot be removed, or the state cannot be written.
    pub fn forget(&mut self, unit: &str) -> Result<(), Error> {
        if self.statuses.remove(unit) {
            self.statuses.write()?;
        }
        if self.last_batches.remove(unit) {
            self.last_batches.write()?;
        }
        self.ahead.remove(unit);
        if self.ledger.cut(unit, 0) {
            self.ledger.write()?;
        }
        leftovers::remove_all(&self.layout, unit)
    }

    /// Removes all pages: the hub has their rows.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove_spools(&mut self) -> Result<(), Error> {
        let path = self.layout.spools();
        private::remove(&path).map_err(|e| Error::file(&path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn batch(table: &str, number: u32, input: &str) -> Batch {
        Batch {
            table: table.to_owned(),
            number,
            input: Digest::of([input]),
        }
    }

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }

    #[test]
    fn a_state_is_kept_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        work.set("a", Status::InProcess).unwrap();
        work.set("b", Status::Completed).unwrap();
        work.forget("a").unwrap();
        drop(work);
        let work = WorkDir::open(directory.path()).unwrap();
        assert_eq!(
            (work.status("a"), work.status("b")),
            (None, Some(Status::Completed))
        );
    }

    #[test]
    fn a_second_run_is_refused_while_the_first_works() {
        let directory = tempfile::tempdir().unwrap();
        let first = WorkDir::open(directory.path()).unwrap();
        assert_eq!(
            WorkDir::open(directory.path()).unwrap_err().kind(),
            ErrorKind::InUse
        );
        drop(first);
        assert!(WorkDir::open(directory.path()).is_ok());
    }

    #[test]
    fn a_name_the_file_cannot_hold_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        for name in ["", " ", "a\tb", "a\nb", "../../a", "a/b", "..", ".", "a\\b"] {
            assert_eq!(
                work.set(name, Status::Failed).unwrap_err().kind(),
                ErrorKind::Name
            );
        }
    }

    #[test]
    fn the_last_batch_is_the_one_before_which_none_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        work.finish_batches([("a", 1), ("a", 3), ("b", 0)]).unwrap();
        assert_eq!((work.last_batch("a"), work.last_batch("b")), (None, Some(0)));
        work.finish_batches([("a", 0)]).unwrap();
        assert_eq!(work.last_batch("a"), Some(1));
        drop(work);
        let mut work = WorkDir::open(directory.path()).unwrap();
        assert_eq!(work.last_batch("a"), Some(1));
        work.finish_batches([("a", 0), ("a", 2)]).unwrap();
        assert_eq!(work.last_batch("a"), Some(2), "what was finished is finished");
        work.cut("a", 1).unwrap();
        assert_eq!(work.last_batch("a"), Some(0));
    }

    #[test]
    fn a_table_that_is_overridden_leaves_nothing_and_others_keep_all() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        let layout = work.layout().clone();
        for table in ["a", "ab"] {
            work.begin([table]).unwrap();
            work.plan(&[batch(table, 0, "x"), batch(table, 1, "y")]).unwrap();
            work.finish_batches([(table, 0), (table, 1)]).unwrap();
            touch(&layout.parquet(table, 0));
            touch(&layout.parquet(table, 1));
            touch(&layout.text(table, 1));
            touch(&layout.spool(table, 1).join("journal.jsonl"));
            touch(&layout.table_page(table));
            touch(&layout.test_log(table));
            touch(&layout.process_log(table));
            work.set(table, Status::Completed).unwrap();
        }
        work.forget("a").unwrap();
        let files = |table: &str| {
            let own = [
                layout.parquet(table, 0),
                layout.parquet(table, 1),
                layout.text(table, 1),
                layout.spool(table, 1),
                layout.table_outputs(table),
                layout.test_log(table),
                layout.process_log(table),
            ];
            own.iter().filter(|path| path.exists()).count()
        };
        assert_eq!((files("a"), files("ab")), (0, 7));
        assert_eq!(
            (work.status("a"), work.last_batch("a"), work.batches("a")),
            (None, None, 0)
        );
        assert_eq!((work.last_batch("ab"), work.batches("ab")), (Some(1), 2));
    }

    /// A state file that somebody wrote: what it names is removed by an override, so it names nothing outside.
    #[test]
    fn a_path_in_a_state_file_is_refused_and_removes_nothing() {
        let base = tempfile::tempdir().unwrap();
        let precious = base.path().join("precious");
        touch(&precious.join("file"));
        let root = base.path().join("run");
        std::fs::create_dir_all(root.join("outputs")).unwrap();
        let line = "../../precious\t2026-01-02 03:04:05.000000\tCompleted\n";
        std::fs::write(Layout::new(&root).status(), line).unwrap();
        assert_eq!(WorkDir::open(&root).unwrap_err().kind(), ErrorKind::Line(1));
        std::fs::write(Layout::new(&root).status(), "").unwrap();
        let mut work = WorkDir::open(&root).unwrap();
        assert_eq!(work.forget("../../precious").unwrap_err().kind(), ErrorKind::Name);
        assert!(precious.join("file").exists());
    }

    /// Files without a line: the crash came between removing the line and removing the files.
    #[test]
    fn what_a_crash_inside_an_override_left_is_removed_when_the_table_begins() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        let layout = work.layout().clone();
        touch(&layout.parquet("a", 7));
        assert_eq!(work.begin(["a"]).unwrap().len(), 1);
        assert!(!layout.parquet("a", 7).exists());
        touch(&layout.parquet("a", 0));
        drop(work);
        let mut work = WorkDir::open(directory.path()).unwrap();
        assert_eq!(
            work.status("a"),
            Some(Status::InProcess),
            "not taken for Completed"
        );
        work.begin(["a"]).unwrap();
        assert!(layout.parquet("a", 0).exists(), "a run goes on with what it has");
    }

    #[test]
    fn a_changed_input_begins_the_table_anew_and_leaves_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        let layout = work.layout().clone();
        let planned = [batch("a", 0, "x"), batch("b", 0, "x")];
        assert!(work.plan(&planned).unwrap().is_empty());
        for table in ["a", "b"] {
            work.finish_batches([(table, 0)]).unwrap();
            touch(&layout.parquet(table, 0));
            work.set(table, Status::Completed).unwrap();
        }
        assert!(work.plan(&planned).unwrap().is_empty());
        let changed = work.plan(&[batch("a", 0, "other"), batch("b", 0, "x")]).unwrap();
        assert_eq!(changed, BTreeSet::from(["a".to_owned()]));
        assert_eq!(
            (work.status("a"), work.last_batch("a"), work.status("b")),
            (Some(Status::InProcess), None, Some(Status::Completed))
        );
        assert!(!layout.parquet("a", 0).exists() && layout.parquet("b", 0).exists());
    }
}
