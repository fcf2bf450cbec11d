//! A job in its thread: its folder, its process, what it left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::process::End;
use super::sandbox::Sandbox;
use super::{RunOptions, Runner, finish, folder, process};
use crate::Action;
use crate::store::{Collected, Layout, Staged, collect};

/// What a job's thread gives back.
pub(super) struct Ended {
    pub(super) at: usize,
    pub(super) result: std::io::Result<Made>,
}

/// What a job made.
pub(super) struct Made {
    pub(super) end: Option<End>,
    /// Why it could not begin.
    pub(super) refused: Option<String>,
    pub(super) peak: u64,
    pub(super) collected: Collected,
    pub(super) staged: Vec<Staged>,
    pub(super) inputs: BTreeMap<String, String>,
}

/// Everything that a job's thread needs.
pub(super) struct Task {
    pub(super) job: String,
    pub(super) action: Action,
    pub(super) words: Vec<String>,
    pub(super) runner: Option<Runner>,
    pub(super) inputs: Vec<String>,
    pub(super) layout: Layout,
    pub(super) code: PathBuf,
    pub(super) code_files: Arc<BTreeMap<String, String>>,
    pub(super) sandbox: Sandbox,
    pub(super) options: RunOptions,
    pub(super) cancel: Arc<AtomicBool>,
}

impl Task {
    pub(super) fn run(self) -> std::io::Result<Made> {
        let folder = self.layout.work().join(&self.job);
        let made = self.run_in(&folder);
        folder::remove(&folder);
        made
    }

    fn run_in(&self, folder: &std::path::Path) -> std::io::Result<Made> {
        let mut made = Made {
            end: None,
            refused: None,
            peak: 0,
            collected: Collected::default(),
            staged: Vec::new(),
            inputs: BTreeMap::new(),
        };
        let name = self.action.runner();
        let Some(runner) = &self.runner else {
            made.refused = Some(format!(
                "there is no runner {name}; name it in runners.toml, such as \"{name}\" = [\"program\"]"
            ));
            return Ok(made);
        };
        folder::copy_code(&self.code, &self.code_files, folder)?;
        match folder::copy_inputs(&self.layout, &self.inputs, folder)? {
            Ok(digests) => made.inputs = digests,
            Err(path) => {
                made.refused = Some(format!("its input {path} is gone; run the action that makes it"));
                return Ok(made);
            }
        }
        let known = folder::listing(folder);
        let command = runner.command_for(&name, self.words.get(1..).unwrap_or_default());
        let command = self
            .sandbox
            .wrap(command, folder, self.layout.root(), runner.network);
        let mut environment = vec![
            (
                "PATH".to_owned(),
                std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("HOME".to_owned(), "/tmp".to_owned()),
            ("OPENSAFELY_BACKEND".to_owned(), "expectations".to_owned()),
        ];
        environment.extend(runner.environment());
        let log = self.layout.work().join(format!("{}.log", self.job));
        let limits = &self.options.limits;
        match process::run(
            &command,
            folder,
            &environment,
            &self.job,
            &log,
            limits,
            &self.cancel,
        ) {
            Ok((end, peak)) => (made.end, made.peak) = (Some(end), peak),
            Err(source) => {
                made.refused = Some(format!(
                    "{} cannot be started: {source}",
                    command.first().map_or("", String::as_str)
                ));
                return Ok(made);
            }
        }
        made.collected = collect(folder, &self.action, &known)?;
        if made.end == Some(End::Exit(0)) && made.collected.unmatched.is_empty() {
            made.staged = finish::stage_all(
                &self.layout,
                folder,
                &mut made.collected,
                &self.job,
                &self.options.rules,
            )?;
            made.collected.unmatched_again(&self.action);
        }
        Ok(made)
    }
}
