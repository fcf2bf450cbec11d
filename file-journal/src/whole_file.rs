//! Local files that are replaced whole: a crash leaves the old one or the new one.

use std::fs;
use std::path::Path;

use crate::{Error, Result};

/// Replaces a local file whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(file.path(), bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(Error::file("writing", path))
}
