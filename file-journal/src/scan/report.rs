//! What a scan found and did.

use serde::{Deserialize, Serialize};

/// What a scan found and did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ScanReport {
    /// The version that the changes belong to; `None` where nothing changed.
    pub version: Option<String>,
    /// What became of each modality's files.
    pub modalities: Vec<ModalityScan>,
    /// Files below a root that no pattern takes.
    pub stray: Vec<String>,
    /// What could not be read: nothing below it counts as deleted.
    pub unread: Vec<Unread>,
    /// Files that are links, or lie below one; they were followed.
    pub links: Vec<String>,
    /// Files hashed.
    pub hashed: u64,
    /// Their bytes.
    pub hashed_bytes: u64,
    /// Seconds.
    pub seconds: f64,
}

/// What became of a modality's files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModalityScan {
    /// Its name.
    pub modality: String,
    /// Files as the journal has them.
    pub kept: u64,
    /// New files.
    pub added: u64,
    /// Files with other content.
    pub updated: u64,
    /// Files with another time of modification and the same content: not sent again.
    pub touched: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// New files whose content lay under another path before: the store copies them, they are not sent again.
    pub renamed: Vec<Renamed>,
    /// Files whose path has the pattern's shape, but not its fields, and files that would lie where another does.
    pub refused: Vec<Unread>,
}

/// A file that has another path now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// The path before.
    pub from: String,
    /// The path now.
    pub to: String,
}

/// A path and why it was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// The path, relative to its root.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl ScanReport {
    /// Whether the journal was changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.version.is_some()
    }

    /// Whether every file of the site is in the journal.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && self.modalities.iter().all(|m| m.refused.is_empty())
    }
}
