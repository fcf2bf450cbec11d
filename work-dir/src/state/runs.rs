//! The directories of the runs. They are named after the moment they began, for people, and ordered by a number, since a
//! clock can be set back and an hour of autumn comes twice.

use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::DateTime;

use super::listing::paths_in;
use super::private;
use crate::{Error, Layout};

/// The run directories below a directory, each named after the moment it began: `runs/2026-11-25_06-00-00`.
///
/// Their order is that of the numbers in their files `number`; runs of before these were written come first, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    base: PathBuf,
}

/// Directory of the run directories.
const RUNS: &str = "runs";
/// File with the number of a run.
const NUMBER: &str = "number";
/// Form of their names, in wall time of this machine.
const NAME: &str = "%Y-%m-%d_%H-%M-%S";

impl Runs {
    /// The runs below this directory.
    #[must_use]
    pub fn below(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// All runs, the oldest first; other entries are passed over.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn all(&self) -> Result<Vec<Layout>, Error> {
        let directory = self.base.join(RUNS);
        let mut found = Vec::new();
        for path in paths_in(&directory).map_err(|e| Error::file(&directory, e))? {
            if let Some(order) = order(&path)
                && path.is_dir()
            {
                found.push((order, path));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| Layout::new(path)).collect())
    }

    /// A directory for a new run, made and empty.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> Result<Layout, Error> {
        let directory = self.base.join(RUNS);
        std::fs::create_dir_all(&directory).map_err(|e| Error::file(&directory, e))?;
        let last = self
            .all()?
            .last()
            .and_then(|layout| order(layout.root()))
            .map_or(0, |order| order.0);
        let name = Zoned::now().strftime(NAME).to_string();
        // Two runs may begin within a second.
        for number in 1_u32.. {
            let name = if number == 1 {
                name.clone()
            } else {
                format!("{name}.{number}")
            };
            let path = directory.join(name);
            match private::make_dir(&path) {
                Ok(()) => {
                    let file = path.join(NUMBER);
                    let text = format!("{}\n", last + 1);
                    private::replace(&file, text.as_bytes()).map_err(|e| Error::file(&file, e))?;
                    return Ok(Layout::new(path));
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::file(&path, e)),
            }
        }
        Err(Error::file(&directory, std::io::ErrorKind::AlreadyExists.into()))
    }

    /// The run a person means by a directory: the directory itself where it is a run's, else the last run below it.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn locate(path: &Path) -> Result<Option<Layout>, Error> {
        let own = Layout::new(path);
        if own.status().exists() {
            return Ok(Some(own));
        }
        Ok(Self::below(path).all()?.pop())
    }

    /// The run before this one in the same directory, to compare with.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn before(layout: &Layout) -> Result<Option<Layout>, Error> {
        let (Some(base), Some(this)) = (
            layout.root().parent().and_then(Path::parent),
            order(layout.root()),
        ) else {
            return Ok(None);
        };
        let earlier = |l: &Layout| order(l.root()).is_some_and(|other| other < this);
        Ok(Self::below(base).all()?.into_iter().rfind(earlier))
    }

    /// When the run of this directory began, wall time of the machine, by the directory's name.
    #[must_use]
    pub fn begun(layout: &Layout) -> Option<DateTime> {
        order(layout.root()).map(|(_, at, _)| at)
    }

    /// Removes the oldest runs until no more than this many are left; returns how many are gone.
    ///
    /// With 0 nothing is removed.
    ///
    /// # Errors
    /// When a directory cannot be read or removed.
    pub fn keep(&self, most: usize) -> Result<usize, Error> {
        if most == 0 {
            return Ok(0);
        }
        let all = self.all()?;
        let surplus = all.len().saturating_sub(most);
        for layout in &all[..surplus] {
            std::fs::remove_dir_all(layout.root()).map_err(|e| Error::file(layout.root(), e))?;
        }
        Ok(surplus)
    }
}

/// The number of the run of this directory, when it began, and its number within the second; `None` for other names.
fn order(path: &Path) -> Option<(u64, DateTime, u32)> {
    let name = path.file_name()?.to_str()?;
    let (moment, number) = match name.split_once('.') {
        Some((moment, number)) => (moment, number.parse().ok()?),
        None => (name, 1),
    };
    let begun = DateTime::strptime(NAME, moment).ok()?;
    let run = std::fs::read_to_string(path.join(NUMBER)).ok();
    Some((
        run.and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        begun,
        number,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock was set back a year after two runs: the run that began last is not taken for the oldest.
    #[test]
    fn the_order_is_that_of_the_numbers_whatever_the_clock_said() {
        let directory = tempfile::tempdir().unwrap();
        let runs = Runs::below(directory.path());
        let before = [runs.create().unwrap(), runs.create().unwrap()];
        let last = runs.create().unwrap();
        let back = directory.path().join(RUNS).join("2001-01-01_00-00-00");
        std::fs::rename(last.root(), &back).unwrap();
        let last = Layout::new(back);
        assert_eq!(runs.all().unwrap().last(), Some(&last));
        assert_eq!(Runs::before(&last).unwrap().as_ref(), Some(&before[1]));
        assert_eq!(runs.keep(1).unwrap(), 2);
        assert_eq!(runs.all().unwrap(), [last]);
        let next = runs.create().unwrap();
        assert_eq!(runs.all().unwrap().last(), Some(&next));
    }

    #[test]
    fn runs_are_ordered_located_and_the_oldest_go_first() {
        let directory = tempfile::tempdir().unwrap();
        let runs = Runs::below(directory.path());
        assert_eq!((runs.all().unwrap(), runs.keep(1).unwrap()), (Vec::new(), 0));
        let at = |name: &str| directory.path().join(RUNS).join(name);
        for name in [
            "2026-01-02_03-04-05.10",
            "2026-01-02_03-04-05.9",
            "2025-12-31_23-59-59",
            "notes",
        ] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        let newest = runs.create().unwrap();
        let again = runs.create().unwrap();
        assert_ne!(newest, again);
        assert_eq!(Runs::before(&again).unwrap(), Some(newest.clone()));
        assert_eq!(Runs::locate(directory.path()).unwrap(), Some(again.clone()));
        assert_eq!(runs.keep(0).unwrap(), 0);
        assert_eq!(runs.keep(3).unwrap(), 2);
        let left = [Layout::new(at("2026-01-02_03-04-05.10")), newest, again];
        assert_eq!(runs.all().unwrap(), left);
        assert!(at("notes").exists(), "what is not a run stays");
    }
}
