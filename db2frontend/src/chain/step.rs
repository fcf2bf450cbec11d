use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use site_config::exit_code;
use tokio::io::AsyncReadExt as _;

use super::ChainOptions;
use crate::config::Config;
use crate::{Error, ErrorKind, Result};

/// One step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From the FHIR server to typed rows.
    Cds2db,
    /// From the frontend to the hub.
    Import,
    /// From typed rows to the tables of the frontend.
    Dataprocessor,
    /// From the hub to the frontend.
    Export,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 4] = [Self::Cds2db, Self::Import, Self::Dataprocessor, Self::Export];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cds2db => "cds2db",
            Self::Import => "import",
            Self::Dataprocessor => "dataprocessor",
            Self::Export => "export",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    pub(super) fn is_exchange(self) -> bool {
        matches!(self, Self::Import | Self::Export)
    }
}

/// Held by the one chain that works in a directory.
pub(super) struct Alone(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl Alone {
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("chain.lock");
        let failed = |e: std::io::Error| {
            Error::new(ErrorKind::RunDirectory, path.display().to_string()).with_source(e)
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another chain is at work in {}", dir.display());
                Err(Error::new(ErrorKind::Unreachable, text))
            }
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

/// Runs cds2db or the dataprocessor; its exit code, summary and last words.
pub(super) async fn program(
    config: &Config,
    options: &ChainOptions,
    step: Step,
) -> Result<(u8, Value, String)> {
    let name = step.name();
    let mut command = tokio::process::Command::new(beside(name));
    match step {
        Step::Cds2db => {
            let file = config
                .cds2db
                .as_deref()
                .unwrap_or(Path::new("cds2db_config.toml"));
            command
                .arg("run")
                .arg(file)
                .arg("--json")
                .arg("--dir")
                .arg(&options.dir);
        }
        _ => {
            let file = config
                .dataprocessor
                .as_deref()
                .unwrap_or(Path::new("dataprocessor_config.toml"));
            command.arg("--config").arg(file).arg("run");
            if matches!(work_dir::Runs::locate(&options.dir), Ok(Some(_))) {
                command.arg("--dir").arg(&options.dir);
            }
        }
    }
    let failed =
        |e: std::io::Error| Error::new(ErrorKind::Step, format!("{name} cannot be run")).with_source(e);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut said = Vec::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_end(&mut said).await.map_err(failed)?;
    }
    let status = child.wait().await.map_err(failed)?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(exit_code::FAILED);
    let text = String::from_utf8_lossy(&said).into_owned();
    let summary = text
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok());
    Ok(match summary {
        Some(summary) => (code, summary, String::new()),
        None => (code, json!({"text": text}), text),
    })
}

/// The program of this name beside our own, or on the path.
pub(crate) fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| Some(own.parent()?.join(name)));
    beside
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}
