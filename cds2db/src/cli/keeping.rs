use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use work_dir::{Pseudonym, TextForm};

use crate::run::DirectoryOptions;
use crate::{Error, ErrorKind, Result};

/// How a run uses its directory.
#[derive(Debug, Args)]
pub(super) struct Keeping {
    /// Begin a new run, even where one was interrupted
    #[arg(long, conflicts_with = "again")]
    fresh: bool,
    /// Load these tables of the last run again, in full (`all` for every table), and remove what their load left
    #[arg(long = "override", value_name = "TABLE[,TABLE]", value_delimiter = ',')]
    again: Vec<String>,
    /// Write the typed rows as text too: patient's number, table, times, values
    #[arg(long, value_name = "FORM")]
    text: Option<Text>,
    /// Hand the data on even if a test of them fails that would stop the run
    #[arg(long)]
    warn_only: bool,
    #[command(flatten)]
    numbering: Numbering,
}

/// How patients are named beside their numbers.
#[derive(Debug, Args)]
pub(super) struct Numbering {
    /// File with a key: ID2NR then holds pseudonyms instead of patient ids (or CDS2DB_PSEUDONYM_KEY holds the key)
    #[arg(long, value_name = "FILE")]
    pseudonym_key_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Text {
    Tsv,
    Csv,
}

/// Variable with the key of the pseudonyms.
const KEY: &str = "CDS2DB_PSEUDONYM_KEY";

impl Keeping {
    /// The options; `most_runs` directories are kept.
    pub(super) fn options(&self, most_runs: usize) -> Result<DirectoryOptions> {
        let pseudonym = self.numbering.pseudonym()?;
        Ok(DirectoryOptions {
            fresh: self.fresh,
            again: self.again.clone(),
            text: self.text.map(|text| match text {
                Text::Tsv => TextForm::Tsv,
                Text::Csv => TextForm::Csv,
            }),
            warn_only: self.warn_only,
            pseudonym,
            most_runs,
            purpose: String::new(),
        })
    }
}

impl Numbering {
    /// The key of the pseudonyms, where there is one.
    pub(super) fn pseudonym(&self) -> Result<Option<Pseudonym>> {
        let failed = |e| Error::new(ErrorKind::Config, "the key of the pseudonyms").because(e);
        match (&self.pseudonym_key_file, std::env::var_os(KEY)) {
            (Some(file), _) => Pseudonym::read(file).map(Some).map_err(failed),
            (None, Some(key)) => {
                let place = Path::new(KEY);
                Pseudonym::new(key.as_encoded_bytes(), place)
                    .map(Some)
                    .map_err(failed)
            }
            (None, None) => Ok(None),
        }
    }
}
