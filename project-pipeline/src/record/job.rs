use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Level;
use crate::plan::State;

/// Where exactly a job is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StatusCode {
    /// It waits for its turn.
    Created,
    /// It waits for other jobs.
    WaitingOnDependencies,
    /// Its folder is made.
    Preparing,
    /// Its command runs.
    Executing,
    /// Its outputs are checked and stored.
    Finalizing,
    /// It ended well.
    Succeeded,
    /// A job that it waited for failed.
    DependencyFailed,
    /// Its command ended with an exit code other than 0.
    NonzeroExit,
    /// Someone cancelled it.
    CancelledByUser,
    /// An earlier failure ended the run before its turn, or the run itself ended.
    NotRun,
    /// A pattern has no file.
    UnmatchedPatterns,
    /// It used more memory than it may.
    OutOfMemory,
    /// It took longer than it may.
    OutOfTime,
    /// This program or the system failed.
    InternalError,
}

impl StatusCode {
    /// As it stands in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::WaitingOnDependencies => "waiting_on_dependencies",
            Self::Preparing => "preparing",
            Self::Executing => "executing",
            Self::Finalizing => "finalizing",
            Self::Succeeded => "succeeded",
            Self::DependencyFailed => "dependency_failed",
            Self::NonzeroExit => "nonzero_exit",
            Self::CancelledByUser => "cancelled_by_user",
            Self::NotRun => "not_run",
            Self::UnmatchedPatterns => "unmatched_patterns",
            Self::OutOfMemory => "out_of_memory",
            Self::OutOfTime => "out_of_time",
            Self::InternalError => "internal_error",
        }
    }

    /// The state that goes with it.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::Created | Self::WaitingOnDependencies => State::Pending,
            Self::Preparing | Self::Executing | Self::Finalizing => State::Running,
            Self::Succeeded => State::Succeeded,
            _ => State::Failed,
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One run of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id, 16 letters and digits, made from the request's id and the action.
    pub id: String,
    /// The request that made it.
    pub request: String,
    /// The action.
    pub action: String,
    /// Where it is, or how it ended.
    pub status: StatusCode,
    /// The same in words.
    pub message: String,
    /// Why it runs.
    pub reason: String,
    /// The command, quoted for a shell.
    pub run: String,
    /// The actions whose outputs it gets.
    pub inputs_from: Vec<String>,
    /// The actions that it waits for.
    pub waits_for: Vec<String>,
    /// The patterns of its outputs with their levels.
    pub output_spec: Vec<(String, Level)>,
    /// Its files with their levels.
    pub outputs: BTreeMap<String, Level>,
    /// SHA-256 of its files.
    pub output_digests: BTreeMap<String, String>,
    /// SHA-256 of the files that it got from other actions.
    pub input_digests: BTreeMap<String, String>,
    /// SHA-256 over the code that it ran with.
    pub code_digest: String,
    /// Files that are held back from `level4`, with the reason.
    pub excluded: BTreeMap<String, String>,
    /// Patterns without a file.
    pub unmatched: Vec<String>,
    /// Whether it was cancelled; a cancelled job is no part of an action's past.
    pub cancelled: bool,
    /// The exit code, or 128 and the number of the signal.
    pub exit_code: Option<i32>,
    /// How it was kept apart from the system.
    pub isolation: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// When its folder was begun.
    pub started_at: Option<i64>,
    /// When it ended.
    pub completed_at: Option<i64>,
    /// The most memory that it held at once, in bytes, as far as it was seen.
    pub peak_memory: u64,
}
