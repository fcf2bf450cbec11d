use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use table_description::{DEFAULT, Definition, Description, default_definition_sheets, default_description};

use crate::config::Settings;
use crate::{Error, ErrorKind, Result};

/// Expands, checks or compares table descriptions.
///
/// Where a file is asked for, the word `default` stands for the description that is compiled in.
#[derive(Debug, Subcommand)]
pub(super) enum Describe {
    /// Write the compiled-in definition as CSV files to edit
    Init {
        /// Folder to write to; it is made, and must not hold these files
        folder: PathBuf,
    },
    /// Expand a definition (what a person edits) to the full list of columns
    Expand {
        /// Definition: a workbook, or a folder with one CSV file a sheet
        definition: PathBuf,
        /// Where to write: .xlsx or .csv
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Report every fault of a definition or description; without a fault, its figures and what looks wrong
    Check {
        /// Workbook, CSV file or folder
        file: PathBuf,
    },
    /// Write a ViewDefinition (SQL on FHIR) as a table of a description, and say what of it cannot be
    FromView {
        /// ViewDefinition in JSON, or the name of a shipped one
        view: PathBuf,
        /// Where to write: .xlsx or .csv
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Show what changed between two descriptions
    Diff {
        /// The older one
        old: PathBuf,
        /// The newer one
        new: PathBuf,
        /// End with status 1 if anything changed
        #[arg(long)]
        exit_code: bool,
    },
}

impl Describe {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Init { folder } => {
                let files = init(&folder)?;
                println!(
                    "{}: {files} files; edit tables.csv, then cds2db describe check",
                    folder.display()
                );
            }
            Self::Expand { definition, output } => {
                let description = if is_ours(&definition) {
                    default_description()
                } else {
                    Definition::read(&definition)
                        .and_then(|definition| definition.expand())
                        .map_err(failed)?
                };
                description.write(&output).map_err(failed)?;
                println!(
                    "{}: {} tables, {} columns",
                    output.display(),
                    description.tables.len(),
                    description.column_count()
                );
            }
            Self::FromView { view, output } => {
                let view = super::view::read(&view)?;
                let refused = |reason| Error::new(ErrorKind::Description, format!("the view: {reason}"));
                let (table, notes) = sql_on_fhir::describe::to_table(&view).map_err(refused)?;
                notes.iter().for_each(|note| eprintln!("note: {note}"));
                let columns = table.columns.len();
                let tables = vec![table.into()];
                Description { tables }.write(&output).map_err(failed)?;
                println!("{}: 1 table, {columns} columns", output.display());
            }
            Self::Check { file } => {
                let report = read(&file)?.report();
                println!("{report}\n{}: no fault", file.display());
            }
            Self::Diff { old, new, exit_code } => {
                let changes = table_description::diff(&read(&old)?, &read(&new)?);
                changes.iter().for_each(|change| println!("{change}"));
                let hashed = changes.iter().filter(|change| change.changes_hash()).count();
                println!("{}", summary(changes.len(), hashed));
                if exit_code && !changes.is_empty() {
                    return Ok(ExitCode::from(1));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(changes: usize, hashed: usize) -> String {
    match (changes, hashed) {
        (0, _) => "no change".to_owned(),
        (_, 0) => format!("{changes} changes, none of which changes content hashes"),
        _ => format!(
            "{changes} changes, {hashed} of which change content hashes: cds-hub migrate rebuilds them"
        ),
    }
}

/// The description that the command line or the configuration names; `None` where that of the hub counts.
pub(super) fn given(file: Option<&Path>, settings: &Settings) -> Result<Option<Description>> {
    file.or(settings.description.as_deref()).map(read).transpose()
}

/// Reads a description, or a definition and expands it.
pub(super) fn read(file: &Path) -> Result<Description> {
    if is_ours(file) {
        return Ok(default_description());
    }
    Description::read(file).map_err(failed)
}

fn is_ours(file: &Path) -> bool {
    file == Path::new(DEFAULT) && !file.exists()
}

/// Writes the sheets of our definition, each into a file that must be new.
fn init(folder: &Path) -> Result<usize> {
    let refused = |path: &Path, source| {
        let place = format!("{} cannot be written", path.display());
        Error::new(ErrorKind::Description, place).because(source)
    };
    fs::create_dir_all(folder).map_err(|source| refused(folder, source))?;
    let mut files = 0;
    for (name, text) in default_definition_sheets() {
        let path = folder.join(format!("{name}.csv"));
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| refused(&path, source))?;
        files += 1;
    }
    Ok(files)
}

fn failed(error: table_description::Error) -> Error {
    Error::new(ErrorKind::Description, "the table description cannot be used").because(error)
}
