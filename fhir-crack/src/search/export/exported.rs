use std::path::PathBuf;
use std::time::SystemTime;

/// Proof that an export was downloaded in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The server's time when the export was asked for.
    pub(super) begun: Option<SystemTime>,
    pub(super) transaction_time: String,
    pub(super) parts: Vec<ExportPart>,
    pub(super) deletions: Vec<ExportPart>,
    pub(super) errors: Vec<ExportPart>,
}

/// One NDJSON file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportPart {
    /// Resource type the server named for it.
    pub resource: String,
    /// Where it was saved.
    pub path: PathBuf,
    /// Resources in it.
    pub resources: u64,
}

impl Exported {
    /// The server's time of the export, as it wrote it: the next one's `_since`.
    pub fn transaction_time(&self) -> &str {
        &self.transaction_time
    }

    /// The files, in the manifest's order.
    pub fn parts(&self) -> &[ExportPart] {
        &self.parts
    }

    /// Files of transaction Bundles whose entries name what was deleted since the export's `_since`.
    pub fn deletions(&self) -> &[ExportPart] {
        &self.deletions
    }

    /// Files of OperationOutcomes that tell of warnings; errors end the job.
    pub fn warnings(&self) -> &[ExportPart] {
        &self.errors
    }

    /// Resources in all files.
    pub fn resources(&self) -> u64 {
        self.parts.iter().map(|part| part.resources).sum()
    }
}
