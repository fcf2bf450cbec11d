use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{backfill, chain, config, demo, describe, doctor, files, init, retrieve, serve, view, work};
use crate::Result;

/// From a FHIR server to typed tables in the hub.
#[derive(Debug, Parser)]
#[command(name = "cds2db", version, about, max_term_width = 100, after_help = site_config::exit_code::TABLE)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole chain on this machine, with its own database and FHIR server
    Demo(demo::Demo),
    /// Write everything a site needs to begin into a directory
    Init(init::Init),
    /// The daily retrieval by a configuration file
    Run(retrieve::Retrieve),
    /// The whole chain of a site: retrieval, frontend to hub, dataprocessor, hub to frontend
    Chain(chain::Chain),
    /// Load what the daily run never saw: a range of days, patients, encounters or identifiers
    Backfill(backfill::Backfill),
    /// Crack files to raw tables: one row a resource, repetitions in brackets
    Crack(files::Crack),
    /// Crack, melt and type files to flat tables in one pass
    Flatten(files::Flatten),
    /// Run ViewDefinitions (SQL on FHIR) over files or a FHIR server, all in one pass
    View(Box<view::View>),
    /// Melt a raw table to one row a repetition
    Melt(files::Melt),
    /// Check, explain or write a configuration file
    #[command(subcommand)]
    Config(config::Config),
    /// Expand, check or compare table descriptions
    #[command(subcommand)]
    Describe(describe::Describe),
    /// Collect what a maintainer needs, without values, secrets or addresses
    Doctor(doctor::Doctor),
    /// What a run left in its directory: state, tests, report
    #[command(subcommand)]
    Work(work::Work),
    /// The FHIR test server, as the demo starts it
    #[command(hide = true)]
    ServeFixtures(serve::ServeFixtures),
}

impl Arguments {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever the command says.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Demo(demo) => demo.run(),
            Command::Init(init) => init.run(),
            Command::Run(run) => run.run(),
            Command::Chain(chain) => chain.run(),
            Command::Backfill(backfill) => backfill.run(),
            Command::Crack(crack) => crack.run(),
            Command::Flatten(flatten) => flatten.run(),
            Command::View(view) => view.run(),
            Command::Melt(melt) => melt.run(),
            Command::Config(config) => config.run(),
            Command::Describe(describe) => describe.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Work(work) => work.run(),
            Command::ServeFixtures(serve) => serve.run(),
        }
    }
}
