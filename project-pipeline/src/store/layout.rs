use std::path::{Path, PathBuf};

/// The folders of a workspace.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// The layout below a workspace's folder.
    #[must_use]
    pub fn new(workspace: &Path) -> Self {
        Self(workspace.to_owned())
    }

    /// The workspace's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// All outputs; mode 0700.
    #[must_use]
    pub fn level3(&self) -> PathBuf {
        self.0.join("level3")
    }

    /// Moderately sensitive outputs that passed the checks, and notes on those that did not; mode 0750.
    #[must_use]
    pub fn level4(&self) -> PathBuf {
        self.0.join("level4")
    }

    /// What was released; mode 0750.
    #[must_use]
    pub fn released(&self) -> PathBuf {
        self.0.join("released")
    }

    /// Database, logs, manifest, pages; mode 0700.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.0.join("metadata")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.metadata().join("db.sqlite")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.metadata().join("lock")
    }

    /// Work folders of jobs that run.
    pub(crate) fn work(&self) -> PathBuf {
        self.metadata().join("work")
    }

    /// Files on their way into a store, on the same file system as the stores.
    pub(crate) fn staging(&self) -> PathBuf {
        self.metadata().join("staging")
    }

    /// The log of releases.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.metadata().join("releases.jsonl")
    }

    /// The manifest of all outputs.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.metadata().join("manifest.json")
    }

    /// The log of an action's last job.
    #[must_use]
    pub fn log(&self, action: &str) -> PathBuf {
        self.metadata().join(format!("{action}.log"))
    }

    /// Pages of requests and of the workspace.
    #[must_use]
    pub fn pages(&self) -> PathBuf {
        self.metadata().join("pages")
    }
}
