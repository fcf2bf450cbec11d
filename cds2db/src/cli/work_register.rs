//! `cds2db work register`: a run's files, or the standing whole, in the journal of what a site submits.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use file_journal::config::Config;
use file_journal::progress::Silent;
use file_journal::{Journal, ScanOptions, SubmitOptions, lock, scan, submit};
use work_dir::Layout;
use work_dir::whole::Whole;

use super::work::Place;
use crate::{Error, ErrorKind, Result};

/// The modality that tables are.
const TABLES: &str = "Tables";
/// Every file of the folder is a table of it.
const PATTERN: &str = "{filepath}";

/// Register the files of a finished run in a file journal, as the modality Tables.
#[derive(Debug, Args)]
pub(super) struct Register {
    #[command(flatten)]
    place: Place,
    /// Configuration of the journal (`journal config` writes one)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Register the standing whole, `current`, in place of the run's own files
    #[arg(long)]
    whole: bool,
    /// Version that changes belong to; one made now where not given
    #[arg(long)]
    version: Option<String>,
    /// Send what changed to the central store as well
    #[arg(long)]
    submit: bool,
}

impl Register {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        if !layout.is_finished() {
            let text = format!(
                "the run in {} is not finished; its files may still change",
                layout.root().display()
            );
            return Err(Error::new(ErrorKind::Data, text));
        }
        let root = self.root(&layout)?;
        let mut config = Config::read(&self.config).map_err(|e| failed(&self.config, e))?;
        let known = config.modalities.iter_mut().find(|modality| {
            modality.name.eq_ignore_ascii_case(TABLES) && modality.pattern.text() == PATTERN
        });
        let Some(tables) = known else {
            let text = format!(
                "{} does not name the tables, so `journal verify` and `restore` could not find them; write there: \
                 [site_path.{TABLES}] with path = \"{}\" and pattern = \"{PATTERN}\"",
                self.config.display(),
                root.display()
            );
            return Err(Error::new(ErrorKind::Config, text));
        };
        tables.root.clone_from(&root);
        lock::check(&config).map_err(|e| failed(&self.config, e))?;
        let mut journal = Journal::open(&config.journal).map_err(|e| failed(&config.journal, e))?;
        let called = format!("cds2db work register --config {}", self.config.display());
        let options = ScanOptions {
            version: self.version.clone(),
            modalities: vec![TABLES.to_owned()],
            called: called.clone(),
            ..ScanOptions::default()
        };
        let scanned = scan(&config, &mut journal, &options, &Silent).map_err(|e| failed(&root, e))?;
        let version = scanned.version.as_deref().unwrap_or("unchanged");
        for of in &scanned.modalities {
            println!(
                "{}: {} added, {} changed, {} gone, {} as they were; version {version}",
                root.display(),
                of.added,
                of.updated,
                of.deleted,
                of.kept
            );
        }
        let mut whole = scanned.is_whole();
        if self.submit {
            let options = SubmitOptions {
                modalities: vec![TABLES.to_owned()],
                called,
                ..SubmitOptions::default()
            };
            let sent =
                submit(&config, &mut journal, &options, &Silent).map_err(|e| failed(&config.journal, e))?;
            println!(
                "{} files sent, {} bytes; {} wait",
                sent.sent, sent.bytes, sent.waiting
            );
            whole &= sent.is_complete();
        }
        Ok(if whole {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// The folder whose files are registered: names are stable in it, links to it are followed once, here.
    fn root(&self, layout: &Layout) -> Result<PathBuf> {
        let root = if self.whole {
            Whole::at(layout.base()).root()
        } else {
            layout.final_signals()
        };
        match root.canonicalize() {
            Ok(folder) if folder.is_dir() => Ok(folder),
            _ => Err(Error::new(
                ErrorKind::File,
                format!("{} is no folder of tables", root.display()),
            )),
        }
    }
}

fn failed(path: &Path, error: file_journal::Error) -> Error {
    Error::new(ErrorKind::File, path.display().to_string()).because(error)
}
