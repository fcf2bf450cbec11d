//! The directories of the states, and the link to the one that holds.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::state::listing::paths_in;
use crate::state::private;

/// The link to the state that holds.
const CURRENT: &str = "current";
/// Directory of the states.
const STATES: &str = "whole";
/// End of the name of a state that is being made.
const PART: &str = "part";

/// A state that is being made.
#[derive(Debug)]
pub(super) struct Next {
    base: PathBuf,
    number: u64,
    /// Where its files are written.
    pub(super) root: PathBuf,
}

/// The link that readers follow.
pub(super) fn current(base: &Path) -> PathBuf {
    base.join(CURRENT)
}

/// The number of the state that holds; 0 where there is none.
fn number(base: &Path) -> Result<u64, Error> {
    let link = current(base);
    match std::fs::read_link(&link) {
        Ok(target) => Ok(target
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
            .unwrap_or(0)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(Error::file(&link, e)),
    }
}

impl Next {
    /// Begins a state; what a crash left of another one is removed.
    pub(super) fn begin(base: &Path) -> Result<Self, Error> {
        let holds = number(base)?;
        sweep(base, holds)?;
        let number = holds + 1;
        let root = base.join(STATES).join(format!("{number}.{PART}"));
        private::make_dirs(&root).map_err(|e| Error::file(&root, e))?;
        Ok(Self {
            base: base.to_owned(),
            number,
            root,
        })
    }

    /// Makes it the state that holds, and removes those before the last.
    pub(super) fn hold(self) -> Result<(), Error> {
        let done = self.base.join(STATES).join(self.number.to_string());
        let link = current(&self.base);
        let beside = self.base.join(format!("{CURRENT}.{PART}"));
        let place = || -> std::io::Result<()> {
            sync(&self.root)?;
            std::fs::rename(&self.root, &done)?;
            sync(&self.base.join(STATES))?;
            private::remove(&beside)?;
            #[cfg(unix)]
            std::os::unix::fs::symlink(Path::new(STATES).join(self.number.to_string()), &beside)?;
            std::fs::rename(&beside, &link)?;
            sync(&self.base)
        };
        place().map_err(|e| Error::file(&link, e))?;
        sweep(&self.base, self.number)
    }
}

/// Brings the names in a directory and below to the disk.
fn sync(directory: &Path) -> std::io::Result<()> {
    for path in paths_in(directory)? {
        if path.is_dir()
            && !path.is_symlink()
            && path.extension().is_none()
            && path.file_name().is_some_and(|n| n != "runs")
        {
            std::fs::File::open(&path)?.sync_all()?;
        }
    }
    std::fs::File::open(directory)?.sync_all()
}

/// Removes every state but the one that holds and the one before, which readers may have open still.
fn sweep(base: &Path, holds: u64) -> Result<(), Error> {
    let states = base.join(STATES);
    for path in paths_in(&states).map_err(|e| Error::file(&states, e))? {
        let name = path.file_name().and_then(|name| name.to_str());
        let number: Option<u64> = name.and_then(|name| name.parse().ok());
        let is_kept = number.is_some_and(|n| n == holds || n + 1 == holds);
        if !is_kept {
            private::remove(&path).map_err(|e| Error::file(&path, e))?;
        }
    }
    Ok(())
}
