//! Folders that a program makes for a while.

use std::io::ErrorKind::NotFound;
use std::path::Path;

use crate::{Error, ErrorKind, Result};

/// Removes a folder with all it holds; nothing happens where there is none.
pub(crate) async fn remove(folder: &Path) -> Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != NotFound => {
            let place = format!("{} cannot be removed", folder.display());
            Err(Error::new(ErrorKind::File, place).because(error))
        }
        _ => Ok(()),
    }
}
