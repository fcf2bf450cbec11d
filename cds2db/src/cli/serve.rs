use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use fixtures::server::{Server, ServerOptions, Store};

use crate::demo::{Change, HospitalPlan};
use crate::{Error, ErrorKind, Result};

/// The FHIR test server, as the demo starts it.
#[derive(Debug, Args)]
pub(super) struct ServeFixtures {
    #[arg(long)]
    port: u16,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 200)]
    patients: u32,
    #[arg(long = "change", value_name = "PATIENTS@TIME")]
    changes: Vec<Change>,
    #[arg(long)]
    input: Option<PathBuf>,
}

impl ServeFixtures {
    pub(super) fn run(self) -> Result<ExitCode> {
        let failed = |e: fixtures::Error| Error::new(ErrorKind::Start, "the FHIR test server").because(e);
        let store = match &self.input {
            Some(folder) => Store::folder(folder).map_err(failed)?,
            None => {
                let plan = HospitalPlan { seed: self.seed, patients: self.patients, changes: self.changes };
                Store::hospital(plan.hospital())
            }
        };
        let options = ServerOptions { port: self.port, ..ServerOptions::default() };
        let server = Server::start(store, options).map_err(failed)?;
        server.wait();
        Ok(ExitCode::SUCCESS)
    }
}
