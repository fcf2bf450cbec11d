use std::path::PathBuf;

use super::shape::TableProfile;
use crate::state::private;
use crate::{Error, ErrorKind, Layout};

impl TableProfile {
    /// Where the profile of a table lies; it is not masked, so it lies beside the outputs and not among them.
    fn path(layout: &Layout, table: &str) -> PathBuf {
        layout.profile(table)
    }

    /// Writes the profile into a run's directory, readable by its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), Error> {
        let path = Self::path(layout, &self.table);
        let write = || -> std::io::Result<()> {
            if let Some(directory) = path.parent() {
                private::make_dirs(directory)?;
            }
            private::replace(&path, &serde_json::to_vec(self)?)
        };
        write().map_err(|e| Error::file(&path, e))
    }

    /// Reads the profile that an earlier test or report left; `None` where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read or is no profile.
    pub fn read(layout: &Layout, table: &str) -> Result<Option<Self>, Error> {
        let path = Self::path(layout, table);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::file(&path, e)),
        };
        let profile = serde_json::from_slice(&bytes);
        profile
            .map(Some)
            .map_err(|e| Error::caused(ErrorKind::File, &path, e))
    }
}
