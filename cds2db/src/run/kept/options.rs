//! How a run uses its directory.

use work_dir::{Pseudonym, TextForm};

/// What a site may choose of it.
#[derive(Clone, Debug, Default)]
pub struct DirectoryOptions {
    /// Begin a new run, even where one is unfinished.
    pub fresh: bool,
    /// Load these tables again, by name or `all`: in the last run's directory, whether it is finished or not.
    pub again: Vec<String>,
    /// Text beside Parquet.
    pub text: Option<TextForm>,
    /// Let failed tests of the data warn where they would stop the run.
    pub warn_only: bool,
    /// Put pseudonyms into ID2NR.
    pub pseudonym: Option<Pseudonym>,
    /// Directories of runs to keep, this one counted; 0 keeps all.
    pub most_runs: usize,
    /// What the run is about: one about something else is not gone on with.
    pub purpose: String,
}
