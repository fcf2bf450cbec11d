use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// It ended without result.
    Failed,
    /// It ended well.
    Succeeded,
}

impl State {
    /// As it stands in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Failed, Self::Succeeded]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Whether the job has not ended.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// The last job of an action that was not cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Where it is.
    pub state: State,
    /// Whether a file that it made is gone.
    pub outputs_missing: bool,
}

/// The last job of each action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(BTreeMap<String, Last>);

impl History {
    /// Nothing has run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers an action's last job.
    pub fn insert(&mut self, action: impl Into<String>, last: Last) {
        self.0.insert(action.into(), last);
    }

    /// An action's last job.
    #[must_use]
    pub fn get(&self, action: &str) -> Option<Last> {
        self.0.get(action).copied()
    }
}
