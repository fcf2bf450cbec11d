//! What a run tells its caller while it works.

use std::fmt;

/// The stages of a run, in order; they overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Finding the ward patients.
    Wards,
    /// Fetching and cracking.
    Download,
    /// Writing raw rows to the hub.
    Store,
    /// Melting, typing, working out references and writing typed rows.
    Type,
    /// Making the tables that clinicians see.
    Dataprocessor,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 5] = [
        Self::Wards,
        Self::Download,
        Self::Store,
        Self::Type,
        Self::Dataprocessor,
    ];

    /// The name in `summary.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wards => "wards",
            Self::Download => "download",
            Self::Store => "store",
            Self::Type => "type",
            Self::Dataprocessor => "dataprocessor",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Takes the events of a run; implementations must be quick, they are called from the workers.
pub trait Progress: Send + Sync {
    /// A stage starts; `total` is how many resources it expects, where known.
    fn begin(&self, stage: Stage, total: Option<u64>);
    /// A stage has done so many more resources and bytes.
    fn advance(&self, stage: Stage, resources: u64, bytes: u64);
    /// A stage is done.
    fn end(&self, stage: Stage);
    /// Something worth a line: never a patient's value.
    fn note(&self, text: &str);
    /// The same for whoever outlives this borrow, such as a wait for the hub's lock; tells nobody where not overridden.
    fn teller(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        Box::new(|_| {})
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Stage, _: Option<u64>) {}
    fn advance(&self, _: Stage, _: u64, _: u64) {}
    fn end(&self, _: Stage) {}
    fn note(&self, _: &str) {}
}
