//! A site's configuration: which folders hold what, where the journal and the central store are.
//!
//! The keys are those of existing `config.toml` files of sites; keys that have no effect here are named with their line.

mod example;
mod keys;
mod read;

pub use example::EXAMPLE;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::check::Severity;
use crate::pattern::Pattern;
use crate::{Error, Result};

/// What a site has configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is submitted, in the order of the configuration.
    pub modalities: Vec<Modality>,
    /// Whether a file that is no longer there is closed in the journal.
    pub mode: Mode,
    /// The journal's file on this machine.
    pub journal: PathBuf,
    /// The central journal, where there is one.
    pub source: Option<StorePlace>,
    /// The central store, where there is one.
    pub central: Option<StorePlace>,
    /// Files hashed or sent at a time.
    pub threads: usize,
    /// Bytes a second sent at most; `None` for no limit.
    pub bandwidth: Option<u64>,
    /// Severities of findings of `journal check` that differ from the defaults.
    pub severities: BTreeMap<String, Severity>,
    /// Keys without effect, each with its line.
    pub ignored: Vec<String>,
}

/// Whether a site's folder shows all files or only new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The folder holds everything: a file that is gone was deleted.
    Full,
    /// The folder holds what is new; deletions are said with `journal mark-deleted`.
    Append,
}

/// One kind of files and its folder.
#[derive(Debug, Clone)]
pub struct Modality {
    /// Its name: `OMOP`, `Images`, `Waveforms`, `Metadata`, `Tables` or another.
    pub name: String,
    /// The folder that its paths are relative to.
    pub root: PathBuf,
    /// What its paths look like.
    pub pattern: Pattern,
    /// Where files of a patient lie in a folder of the patient's in the central store.
    pub by_patient: bool,
    /// Another central store than the others'.
    pub central: Option<StorePlace>,
}

impl Modality {
    /// The path in a version's folder of the central store; `None` for a path that does not fit the pattern.
    #[must_use]
    pub fn central_path(&self, path: &str) -> Option<String> {
        match self.pattern.parse(path) {
            crate::pattern::Parsed::Fits {
                patient: Some(patient),
                path,
                ..
            } if self.by_patient => Some(format!("{patient}/{}/{path}", self.name)),
            crate::pattern::Parsed::Fits { path, .. } => Some(format!("{}/{path}", self.name)),
            _ => None,
        }
    }
}

/// A store: a folder, `az://CONTAINER/…` or `s3://BUCKET/…`, with what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// The folder or address.
    pub url: String,
    /// Settings and credentials by name.
    pub auth: BTreeMap<String, String>,
}

impl fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.auth.keys().collect();
        f.debug_struct("StorePlace")
            .field("url", &self.shown())
            .field("auth", &names)
            .finish()
    }
}

impl StorePlace {
    /// A folder without credentials.
    #[must_use]
    pub fn folder(path: &Path) -> Self {
        Self {
            url: path.to_string_lossy().into_owned(),
            auth: BTreeMap::new(),
        }
    }

    /// The address without a query, which may hold a signature.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }
}

impl Config {
    /// Reads a configuration file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or with all its faults, each with its line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::file("reading the configuration", path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        read::read(&text, folder).map_err(|faults| Error::Config {
            path: path.to_owned(),
            faults,
        })
    }

    /// The modalities of these names, or all where none is named.
    ///
    /// # Errors
    /// When a name is not configured.
    pub fn selected(&self, names: &[String]) -> Result<Vec<&Modality>> {
        for name in names {
            if !self.modalities.iter().any(|m| m.name.eq_ignore_ascii_case(name)) {
                let known: Vec<&str> = self.modalities.iter().map(|m| m.name.as_str()).collect();
                return Err(Error::Refused(format!(
                    "modality `{}` is not configured; there are {}",
                    crate::text::shown(name),
                    known.join(", ")
                )));
            }
        }
        let wanted =
            |m: &&Modality| names.is_empty() || names.iter().any(|name| m.name.eq_ignore_ascii_case(name));
        Ok(self.modalities.iter().filter(wanted).collect())
    }

    /// The central store of a modality.
    ///
    /// # Errors
    /// When none is configured.
    pub fn central_of<'c>(&'c self, modality: &'c Modality) -> Result<&'c StorePlace> {
        modality
            .central
            .as_ref()
            .or(self.central.as_ref())
            .ok_or_else(|| {
                Error::Refused("no central store is configured: set `path` in [central_path]".to_owned())
            })
    }
}
