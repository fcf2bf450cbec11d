use serde::{Deserialize, Serialize};

/// Who asked for what, about which code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// Its id, 16 letters and digits.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// The workspace's name.
    pub workspace: String,
    /// Who asked.
    pub who: String,
    /// The repository's address, without user and password.
    pub repo: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The actions as named.
    pub requested_actions: Vec<String>,
    /// Whether everything needed had to run again.
    pub force_run_dependencies: bool,
    /// Whether stale outputs had to be made again.
    pub stale: bool,
    /// The project file as it was.
    pub project: String,
    /// SHA-256 over all code files; see [`crate::record::Record::code`].
    pub code_digest: String,
    /// How jobs were kept apart from the system.
    pub isolation: String,
}
