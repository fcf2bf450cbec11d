use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Limits, Runners};
use crate::store::disclosure::Rules;

/// How a request is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder with project.yaml and the code.
    pub project_dir: PathBuf,
    /// Folder of the stores and the record.
    pub workspace: PathBuf,
    /// Run everything that is needed again.
    pub force: bool,
    /// Run what is needed and stale again.
    pub stale: bool,
    /// Go on with jobs that do not need the one that failed.
    pub continue_on_error: bool,
    /// Jobs at once.
    pub jobs: usize,
    /// Memory and time of a job.
    pub limits: Limits,
    /// What the first words of commands stand for.
    pub runners: Runners,
    /// Use bubblewrap where it works.
    pub sandbox: bool,
    /// Who asks.
    pub who: String,
    /// What keeps files out of `level4`.
    pub rules: Rules,
    /// Set by a signal: end all jobs.
    pub stop: Arc<AtomicBool>,
}

impl RunOptions {
    /// Usual options for a project whose workspace is its own folder.
    #[must_use]
    pub fn new(project_dir: impl Into<PathBuf>) -> Self {
        let project_dir = project_dir.into();
        Self {
            workspace: project_dir.clone(),
            project_dir,
            force: false,
            stale: false,
            continue_on_error: false,
            jobs: 2,
            limits: Limits::default(),
            runners: Runners::built_in(),
            sandbox: true,
            who: String::new(),
            rules: Rules::default(),
            stop: Arc::default(),
        }
    }
}
