//! What a long operation tells while it works. The library draws nothing.

/// Takes the events of a scan, a submission or a verification; called from several threads.
pub trait Progress: Sync {
    /// A stage begins; how much it has to do is known.
    fn begin(&self, stage: &'static str, files: u64, bytes: u64) {
        let _ = (stage, files, bytes);
    }

    /// Some of it is done.
    fn advance(&self, files: u64, bytes: u64) {
        let _ = (files, bytes);
    }

    /// The stage is over.
    fn end(&self) {}
}

/// Nothing is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
