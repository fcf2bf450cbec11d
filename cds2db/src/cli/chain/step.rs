//! The steps of the chain and the programs that do them.

use std::path::{Path, PathBuf};
use std::process::Command;

use site_config::exit_code;

use super::Chain;
use crate::config::Settings;
use crate::{Error, ErrorKind, Result};

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Retrieval,
    FrontendToHub,
    Dataprocessor,
    HubToFrontend,
}

impl Name {
    pub(super) const ALL: [Self; 4] = [
        Self::Retrieval,
        Self::FrontendToHub,
        Self::Dataprocessor,
        Self::HubToFrontend,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Retrieval => "retrieval",
            Self::FrontendToHub => "frontend to hub",
            Self::Dataprocessor => "dataprocessor",
            Self::HubToFrontend => "hub to frontend",
        }
    }

    /// Its place in the order.
    pub(super) fn number(self) -> usize {
        Self::ALL
            .iter()
            .position(|name| *name == self)
            .unwrap_or_default()
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One step of the chain.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: Name,
    /// Whether it makes good what an earlier chain left.
    pub(super) recovers: bool,
    /// Program and arguments; empty where the step is left out.
    words: Vec<String>,
    /// Why it is left out.
    left_out: &'static str,
}

impl Step {
    /// All steps: configured programs, ours where nothing is configured.
    pub(super) fn all(chain: &Chain, settings: &Settings) -> Result<Vec<Self>> {
        let configured = &settings.chain;
        let path = |path: &Path| path.display().to_string();
        let here = std::env::current_exe()
            .map_err(|e| Error::new(ErrorKind::Start, "this program's own place").because(e))?;
        let mut retrieval = vec![path(&here), "run".into(), path(&chain.config)];
        retrieval.extend(["--dir".into(), path(&chain.dir)]);
        for set in &chain.sets {
            retrieval.extend(["--set".into(), set.clone()]);
        }
        // The modules of others leave no directory of a run that the dataprocessor could be noted in.
        let runs = configured.retrieval.is_none().then_some(chain.dir.as_path());
        let processor = beside(&here, "dataprocessor").map(|p| processor(&p, &chain.dataprocessor, runs));
        let frontend = |verb: &str| {
            let program = beside(&here, "db2frontend")?;
            Some(vec![path(&program), verb.to_owned()])
        };
        let step = |name, configured: &Option<Vec<String>>, own: Option<Vec<String>>| Self {
            name,
            recovers: false,
            left_out: match configured {
                Some(words) if words.is_empty() => "by configuration",
                _ => "its program is not installed",
            },
            words: configured.clone().or(own).unwrap_or_default(),
        };
        Ok(vec![
            step(Name::Retrieval, &configured.retrieval, Some(retrieval)),
            step(
                Name::FrontendToHub,
                &configured.frontend_to_hub,
                frontend("import"),
            ),
            step(Name::Dataprocessor, &configured.dataprocessor, processor),
            step(
                Name::HubToFrontend,
                &configured.hub_to_frontend,
                frontend("export"),
            ),
        ])
    }

    /// The steps that make good what an earlier chain left: of these, what comes behind the frontend's answers.
    pub(super) fn recovery(steps: &[Self]) -> Vec<Self> {
        let wanted = |step: &&Self| step.name.number() >= Name::Dataprocessor.number();
        let again = |step: &Self| Self {
            recovers: true,
            ..step.clone()
        };
        steps.iter().filter(wanted).map(again).collect()
    }

    pub(super) fn number(&self) -> usize {
        self.name.number()
    }

    /// Its name in what is printed.
    pub(super) fn title(&self) -> String {
        match self.recovers {
            true => format!("recover: {}", self.name),
            false => self.name.to_string(),
        }
    }

    /// Why it is not to be run, where it is not.
    pub(super) fn left_out(&self) -> Option<&'static str> {
        self.words.is_empty().then_some(self.left_out)
    }

    /// Runs it to its end; its exit code.
    pub(super) fn run(&self) -> u8 {
        let Some((program, arguments)) = self.words.split_first() else {
            return exit_code::DONE;
        };
        match Command::new(program).args(arguments).status() {
            // Whom a signal ended says no code.
            Ok(status) => status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(exit_code::FAILED),
            Err(error) => {
                eprintln!("error: {program} cannot be started: {}", error.kind());
                exit_code::FAILED
            }
        }
    }
}

fn processor(program: &Path, config: &Path, runs: Option<&Path>) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let mut words = vec![path(program), "--config".into(), path(config), "run".into()];
    if let Some(runs) = runs {
        words.extend(["--dir".into(), path(runs)]);
    }
    words
}

/// A program of ours: beside this one, or where the system looks for programs.
fn beside(here: &Path, name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = here.parent().map(Path::to_owned).into_iter().collect();
    places.extend(std::env::split_paths(&folders));
    places
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
