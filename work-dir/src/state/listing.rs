use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The paths in a directory, in no order; none where it is not there.
pub(crate) fn paths_in(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
