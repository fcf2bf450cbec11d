use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use fixtures::server::{Server, ServerOptions};

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
    #[arg(long = "change", value_name = "PATIENTS@SECONDS")]
    changes: Vec<Change>,
    #[arg(long)]
    input: Option<PathBuf>,
}

impl ServeFixtures {
    pub(super) fn run(self) -> Result<ExitCode> {
        let failed = |e: fixtures::Error| Error::new(ErrorKind::Start, "the FHIR test server").because(e);
        let options = ServerOptions {
            port: self.port,
            ..ServerOptions::default()
        };
        let server = match &self.input {
            Some(folder) => fixtures::MemoryStore::read(folder).and_then(|(store, intake)| {
                // The log beside the demo's database: what of the folder cannot be served.
                println!(
                    "{} files, {} resources, {} repeated, {} replaced, {} without id",
                    intake.files, intake.found, intake.repeated, intake.replaced, intake.without_id
                );
                intake
                    .malformed
                    .iter()
                    .for_each(|file| println!("not FHIR: {}", file.display()));
                Server::start(store, options)
            }),
            None => {
                let plan = HospitalPlan {
                    seed: self.seed,
                    patients: self.patients,
                    changes: self.changes,
                };
                Server::start(plan.hospital(), options)
            }
        }
        .map_err(failed)?;
        super::block_on(async {
            super::interrupted().await;
            Ok(())
        })?;
        server.shutdown();
        Ok(ExitCode::SUCCESS)
    }
}
