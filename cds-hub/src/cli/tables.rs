use std::path::{Path, PathBuf};

use cds_hub::{Error, ErrorKind, HubTables, Result};
use table_description::Description;

/// Which tables the hub has: the project's own where nothing is said.
#[derive(clap::Args)]
pub(crate) struct TableArguments {
    /// Table description (xlsx, csv) of the FHIR resources.
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Table description of the frontend's forms.
    #[arg(long, value_name = "FILE")]
    forms: Option<PathBuf>,
    /// Table description of the dataprocessor's shared tables.
    #[arg(long, value_name = "FILE")]
    core: Option<PathBuf>,
    /// Table description of the dataprocessor's submodules.
    #[arg(long, value_name = "FILE")]
    submodules: Option<PathBuf>,
}

impl TableArguments {
    pub(crate) fn read(&self) -> Result<HubTables> {
        let mut tables = HubTables::standard();
        for (file, description) in [
            (&self.description, &mut tables.fhir),
            (&self.forms, &mut tables.forms),
            (&self.core, &mut tables.core),
            (&self.submodules, &mut tables.submodules),
        ] {
            if let Some(file) = file {
                *description = read(file)?;
            }
        }
        Ok(tables)
    }
}

fn read(file: &Path) -> Result<Description> {
    Description::read(file).map_err(|e| {
        Error::new(
            ErrorKind::Options,
            format!("table description {}", file.display()),
        )
        .with_source(e)
    })
}
