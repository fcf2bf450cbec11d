use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use table_description::{Definition, Description};

use crate::{Error, ErrorKind, Result};

/// Expands, checks or compares table descriptions.
#[derive(Debug, Subcommand)]
pub(super) enum Describe {
    /// Expand a definition (what a person edits) to the full list of columns
    Expand {
        /// Definition: a workbook, or a folder with one CSV file a sheet
        definition: PathBuf,
        /// Where to write: .xlsx or .csv
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Report every fault of a definition or description
    Check {
        /// Workbook, CSV file or folder
        file: PathBuf,
    },
    /// Show what changed between two descriptions
    Diff {
        /// The older one
        old: PathBuf,
        /// The newer one
        new: PathBuf,
    },
}

impl Describe {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Expand { definition, output } => {
                let description = Definition::read(&definition)
                    .and_then(|d| d.expand())
                    .map_err(failed)?;
                description.write(&output).map_err(failed)?;
                println!(
                    "{}: {} tables, {} columns",
                    output.display(),
                    description.tables.len(),
                    description.column_count()
                );
            }
            Self::Check { file } => {
                let description = read(&file)?;
                println!(
                    "{}: {} tables, {} columns, no fault",
                    file.display(),
                    description.tables.len(),
                    description.column_count()
                );
            }
            Self::Diff { old, new } => {
                let changes = table_description::diff(&read(&old)?, &read(&new)?);
                changes.iter().for_each(|change| println!("{change}"));
                return Ok(if changes.is_empty() {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::from(1)
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a description, or a definition and expands it.
pub(super) fn read(file: &std::path::Path) -> Result<Description> {
    Description::read(file).map_err(failed)
}

fn failed(error: table_description::Error) -> Error {
    Error::new(ErrorKind::Description, "the table description cannot be used").because(error)
}
