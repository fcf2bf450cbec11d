use std::ops::AddAssign;

/// What became of the rows of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Rows stored for the first time.
    pub new: u64,
    /// Rows whose content the hub already had, doubles within the call included.
    pub seen: u64,
    /// Of those seen, rows whose `meta` values were overwritten.
    pub meta_changed: u64,
    /// Rows the database refused; they are kept and tried again, see [`crate::quarantine`].
    pub quarantined: u64,
}

impl AddAssign for Loaded {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.seen += other.seen;
        self.meta_changed += other.meta_changed;
        self.quarantined += other.quarantined;
    }
}

/// One import, after its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSummary {
    /// The processing number: larger than the ids of all rows of the import. `None` for an import without rows, of which
    /// nothing is kept.
    pub number: Option<i32>,
    /// The run the import belongs to; hand it to [`crate::Hub::continue_import`] for the typed half.
    pub run: Run,
    /// What became of the rows, by table in the order of first use.
    pub tables: Vec<(String, Loaded)>,
}

impl ImportSummary {
    /// The sum over all tables.
    #[must_use]
    pub fn total(&self) -> Loaded {
        let mut total = Loaded::default();
        for (_, loaded) in &self.tables {
            total += *loaded;
        }
        total
    }
}

/// Imports that belong together: the raw rows of a retrieval and the typed rows made from them.
///
/// All rows of a run have the same `last_processing_nr`, the number of its newest import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run(pub(crate) i32);

impl Run {
    /// Its number, to be written down before the commit and asked for with [`crate::Hub::known_run`] after a crash.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }
}
