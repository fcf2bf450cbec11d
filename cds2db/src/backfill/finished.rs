use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// Names of the slices that are complete in the hub, one a line of a file.
pub(super) struct Finished {
    path: PathBuf,
    names: BTreeSet<String>,
}

const FILE: &str = "backfill.state";

impl Finished {
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let failed = |e| Error::new(ErrorKind::File, format!("{} cannot be read", path.display())).because(e);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(failed(e)),
        };
        let names = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Self { path, names })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Remembers a slice: the whole file is written beside the old one and takes its place.
    pub(super) fn add(&mut self, name: &str) -> Result<()> {
        self.names.insert(name.to_owned());
        let part = self.path.with_extension("state.part");
        let text: String = self.names.iter().flat_map(|n| [n.as_str(), "\n"]).collect();
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &self.path)
        };
        write().map_err(|e| {
            Error::new(
                ErrorKind::File,
                format!("{} cannot be written", self.path.display()),
            )
            .because(e)
        })
    }
}
