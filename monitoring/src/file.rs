//! The file that a collector reads.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Exposition;

/// Whoever collects metrics reads with another account, and there is nothing secret among them.
const MODE: u32 = 0o644;

impl Exposition {
    /// The page in a file; an empty one where there is no file, and where it is no page, as after a disk that was full.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self::read(&text).unwrap_or_default()),
            Err(e) if [io::ErrorKind::NotFound, io::ErrorKind::InvalidData].contains(&e.kind()) => {
                Ok(Self::default())
            }
            Err(e) => Err(e),
        }
    }

    /// Writes the page as a whole: beside the file under another name that no collector reads, then renamed.
    ///
    /// # Errors
    /// When it cannot be written; the file is as it was then.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let partial = partial(path);
        let written = self
            .write_partial(&partial)
            .and_then(|()| fs::rename(&partial, path));
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        written
    }

    fn write_partial(&self, path: &Path) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(path)?;
        // The mask of a service takes the right away again.
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
        file.write_all(self.to_string().as_bytes())?;
        file.sync_all()
    }
}

/// A name of this process, so that two programs with one file do not write into each other's.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}
