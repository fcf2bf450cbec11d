use std::path::{Path, PathBuf};

use cds_hub::{Error, ErrorKind, Hub, HubTables, Result};
use table_description::Description;

/// Which tables the hub has: where nothing is said, those it was made for, and of an empty database the project's own.
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
    /// Take the project's own tables, not those the hub was made for.
    #[arg(long)]
    standard: bool,
}

impl TableArguments {
    /// The project's own tables, with those given here.
    pub(crate) fn read(&self) -> Result<HubTables> {
        self.over(HubTables::standard())
    }

    /// The tables a hub was made for, with those given here.
    pub(crate) async fn of(&self, hub: &Hub) -> Result<HubTables> {
        self.over(hub.tables_to_keep().await?)
    }

    fn over(&self, mut tables: HubTables) -> Result<HubTables> {
        if self.standard {
            tables = HubTables::standard();
        }
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
