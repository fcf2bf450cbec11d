use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::DateTime;

use crate::{Error, ErrorKind, Status};

/// A run's directory, held by this process until it is dropped.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    units: BTreeMap<String, (DateTime, Status)>,
    /// Locked as long as the directory is held; the lock ends with the process, however that ends.
    _lock: File,
}

const STATE: &str = "loading_status.state";
const LOCK: &str = "work.lock";

impl WorkDir {
    /// Opens a directory, making it where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] while another run holds it, [`ErrorKind::Line`] when the state file is damaged,
    /// [`ErrorKind::File`] when something cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(path).map_err(|e| Error::file(path, e))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path);
        let lock = lock.map_err(|e| Error::file(&lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::new(ErrorKind::InUse, path)),
            Err(TryLockError::Error(e)) => return Err(Error::file(&lock_path, e)),
        }
        let units = read(&path.join(STATE))?;
        Ok(Self {
            path: path.to_owned(),
            units,
            _lock: lock,
        })
    }

    /// How far a unit has come; `None` for one that never began.
    #[must_use]
    pub fn status(&self, unit: &str) -> Option<Status> {
        self.units.get(unit).map(|(_, status)| *status)
    }

    /// All units with the wall time of their last change, by name.
    pub fn units(&self) -> impl Iterator<Item = (&str, DateTime, Status)> {
        self.units
            .iter()
            .map(|(name, (at, status))| (name.as_str(), *at, *status))
    }

    /// Notes a unit's status with the present time; it is on disk when this returns.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a name the file cannot hold, [`ErrorKind::File`] when it cannot be written.
    pub fn set(&mut self, unit: &str, status: Status) -> Result<(), Error> {
        if unit.is_empty() || unit.contains(['\t', '\n', '\r']) {
            return Err(Error::new(ErrorKind::Name, &self.path.join(STATE)));
        }
        self.units
            .insert(unit.to_owned(), (Zoned::now().datetime(), status));
        self.write()
    }

    /// Forgets a unit, so that it is loaded again. Nothing happens where it never began.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the file cannot be written.
    pub fn forget(&mut self, unit: &str) -> Result<(), Error> {
        if self.units.remove(unit).is_none() {
            return Ok(());
        }
        self.write()
    }

    /// Writes the whole file beside the old one and puts it in its place.
    fn write(&self) -> Result<(), Error> {
        let path = self.path.join(STATE);
        let part = self.path.join(format!("{STATE}.part"));
        let line = |(name, (at, status)): (&String, &(DateTime, Status))| {
            format!("{name}\t{}\t{status}\n", at.strftime("%Y-%m-%d %H:%M:%S%.6f"))
        };
        let text: String = self.units.iter().map(line).collect();
        let replace = || -> std::io::Result<()> {
            let mut file = File::create(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &path)?;
            File::open(&self.path)?.sync_all()
        };
        replace().map_err(|e| Error::file(&path, e))
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, (DateTime, Status)>, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(Error::file(path, e)),
    };
    let mut units = BTreeMap::new();
    for (i, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let (name, at, status) = unit(line).ok_or_else(|| Error::new(ErrorKind::Line(i + 1), path))?;
        units.insert(name.to_owned(), (at, status));
    }
    Ok(units)
}

/// A line in the order of this crate, or with date and time first.
fn unit(line: &str) -> Option<(&str, DateTime, Status)> {
    let mut fields = line.split('\t');
    let (first, second, third) = (fields.next()?, fields.next()?, fields.next()?);
    let status = Status::from_word(third.trim()).filter(|_| fields.next().is_none())?;
    let (name, at) = match second.trim().parse::<DateTime>() {
        Ok(at) => (first, at),
        Err(_) => (second, first.trim().parse().ok()?),
    };
    (!name.is_empty()).then_some((name, at, status))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn both_orders_of_columns_are_read() {
        for line in [
            "labs\t2024-05-06 07:08:09.5\tCompleted",
            "2024-05-06 07:08:09.5\tlabs\tCompleted",
        ] {
            let (name, at, status) = unit(line).unwrap();
            assert_eq!(
                (name, at.to_string().as_str(), status),
                ("labs", "2024-05-06T07:08:09.5", Status::Completed)
            );
        }
    }

    #[test]
    fn a_damaged_line_is_named_with_a_way_out() {
        for damaged in [
            "labs\t2024-05-06 07:0",
            "labs\tsometime\tCompleted",
            "labs\t2024-05-06 07:08:09\tcompleted",
            "a\tb\tc\td",
        ] {
            let directory = tempfile::tempdir().unwrap();
            let text = format!("ok\t2024-05-06 07:08:09\tFailed\n{damaged}\n");
            std::fs::write(directory.path().join(STATE), text).unwrap();
            let error = WorkDir::open(directory.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Line(2), "{damaged}");
            assert!(error.to_string().contains("remove the line"), "{error}");
        }
    }

    #[test]
    fn a_name_the_file_cannot_hold_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut work = WorkDir::open(directory.path()).unwrap();
        for name in ["", "a\tb", "a\nb"] {
            assert_eq!(
                work.set(name, Status::Failed).unwrap_err().kind(),
                ErrorKind::Name
            );
        }
    }

    /// What the original system left behind, where it is at hand.
    #[test]
    fn recorded_state_files_are_read() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/etl/loading_status.state");
        if !recorded.exists() {
            println!("SKIPPED: ../shared is absent, no recorded state file was read");
            return;
        }
        assert!(
            read(&recorded)
                .unwrap()
                .values()
                .all(|(_, status)| *status == Status::Completed)
        );
    }
}
