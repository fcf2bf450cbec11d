//! One exchange with its directory: state and summary stay there for people and for the next one.

use std::path::{Path, PathBuf};

use cds_hub::{Hub, HubOptions};
use serde_json::Value;
use work_dir::{Layout, Runs, Status, WorkDir};

use crate::api::Client;
use crate::config::Config;
use crate::dictionary::Dictionary;
use crate::export::{Exported, export};
use crate::files::{FileKind, Folder};
use crate::frontend::{Frontend, Redcap};
use crate::import::{Imported, import};
use crate::{Error, ErrorKind, Result};

/// Which side is to be brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The hub, from the frontend.
    Import,
    /// The frontend, from the hub.
    Export,
}

impl Direction {
    /// Name of the unit in the run's state, and of the summary.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Import => "db2frontend-import",
            Self::Export => "db2frontend-export",
        }
    }
}

/// What an exchange did.
#[derive(Clone, Debug)]
pub enum Done {
    /// The hub was brought up to date.
    Imported(Imported),
    /// The frontend was.
    Exported(Exported),
}

impl Done {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Imported(done) => done.is_complete(),
            Self::Exported(done) => done.is_complete(),
        }
    }

    /// The summary as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Imported(done) => done.text(),
            Self::Exported(done) => done.text(),
        }
    }

    /// The summary for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Imported(done) => done.json(),
            Self::Exported(done) => done.json(),
        }
    }
}

/// Where files are exchanged instead of with a server.
#[derive(Clone, Debug)]
pub struct FilesAt {
    /// The folder.
    pub dir: PathBuf,
    /// In which form they are; what is there where nothing is said.
    pub kind: Option<FileKind>,
}

/// Opens the hub a configuration names, or the one of this address.
///
/// # Errors
/// When none is named, or it cannot be reached.
pub async fn open_hub(url: Option<&str>, config: &Config) -> Result<Hub> {
    let options = match (url, &config.database) {
        (Some(url), _) => HubOptions::new(url),
        (None, Some(database)) => HubOptions {
            password: database.password.clone(),
            ..HubOptions::new(database.url())
        },
        (None, None) => return Err(Error::new(ErrorKind::Configuration, "no hub is named")),
    };
    Ok(Hub::open(&options).await?)
}

/// Opens the project a configuration names, or files.
///
/// # Errors
/// When it cannot be read.
pub async fn open_frontend(hub: &Hub, config: &Config, files: Option<&FilesAt>) -> Result<Frontend> {
    if let Some(files) = files {
        let forms = hub.tables_to_keep().await?.forms;
        let dictionary = config.dictionary.as_deref().map(Dictionary::read).transpose()?;
        let folder = Folder::open(&files.dir, files.kind, &forms, dictionary)?;
        return Ok(Frontend::Files(Box::new(folder)));
    }
    let options = config.redcap.clone().ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "no project is named (REDCAP_URL, REDCAP_TOKEN)",
        )
    })?;
    Ok(Frontend::Redcap(Box::new(
        Redcap::open(Client::new(options)?).await?,
    )))
}

/// One exchange.
///
/// # Errors
/// As [`import`] and [`export`].
pub async fn exchange(
    hub: &Hub,
    config: &Config,
    files: Option<&FilesAt>,
    direction: Direction,
) -> Result<Done> {
    let mut frontend = open_frontend(hub, config, files).await?;
    let done = match direction {
        Direction::Import => Done::Imported(import(hub, &frontend, config).await?),
        Direction::Export => Done::Exported(export(hub, &mut frontend, config).await?),
    };
    if direction == Direction::Export {
        frontend.finish()?;
    }
    Ok(done)
}

/// The same, noted in the directory of a run.
///
/// # Errors
/// As [`exchange`]; and when the directory cannot be used.
pub async fn exchange_in(
    hub: &Hub,
    config: &Config,
    files: Option<&FilesAt>,
    direction: Direction,
    layout: &Layout,
) -> Result<Done> {
    let failed = |e: work_dir::Error| run_directory(layout.root(), e);
    let mut work = WorkDir::open(layout.root()).map_err(failed)?;
    work.set(direction.unit(), Status::InProcess).map_err(failed)?;
    let result = exchange(hub, config, files, direction).await;
    let status = if result.is_ok() {
        Status::Completed
    } else {
        Status::Failed
    };
    let noted = work.set(direction.unit(), status).map_err(failed);
    let done = result?;
    noted?;
    write_json(&summary_file(layout, direction), &done.json())?;
    Ok(done)
}

/// A directory for one exchange of its own; the oldest ones beyond those that are kept are removed.
///
/// # Errors
/// When it cannot be made.
pub fn new_directory(config: &Config) -> Result<Layout> {
    let failed = |e: work_dir::Error| run_directory(&config.runs, e);
    let runs = Runs::below(&config.runs);
    let layout = runs.create().map_err(failed)?;
    if let Some(most) = config.keep {
        runs.keep(most).map_err(failed)?;
    }
    Ok(layout)
}

pub(crate) fn run_directory(path: &Path, error: work_dir::Error) -> Error {
    Error::new(ErrorKind::RunDirectory, path.display().to_string()).with_source(error)
}

pub(crate) fn summary_file(layout: &Layout, direction: Direction) -> PathBuf {
    layout.root().join(format!("{}.json", direction.unit()))
}

/// Writes a file whole or not at all.
pub(crate) fn write_json(file: &Path, value: &Value) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::new(ErrorKind::RunDirectory, file.display().to_string()).with_source(e);
    work_dir::replace(file, format!("{value:#}\n").as_bytes()).map_err(failed)
}

/// The conflicts of the runs below a directory, the newest run first: its name and its lines.
///
/// # Errors
/// When a directory or summary cannot be read.
pub fn conflicts(directories: &[PathBuf]) -> Result<Vec<(String, Vec<String>)>> {
    let mut found = Vec::new();
    for directory in directories {
        let all = Runs::below(directory)
            .all()
            .map_err(|e| run_directory(directory, e))?;
        for layout in all.iter().rev() {
            let file = summary_file(layout, Direction::Export);
            let Ok(text) = std::fs::read_to_string(&file) else {
                continue;
            };
            let value: Value = serde_json::from_str(&text).map_err(|e| {
                Error::new(ErrorKind::RunDirectory, file.display().to_string()).with_source(e)
            })?;
            let name = layout
                .root()
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            found.push((name, crate::summary::conflict_lines(&value)));
        }
    }
    Ok(found)
}
