use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use crate::{Failure, client, crew, end_to_end, served};

/// Measures the chain from a FHIR server to typed rows in the hub.
#[derive(Debug, Parser)]
#[command(name = "benches", version)]
pub enum Arguments {
    /// One cds2db run over real HTTP into a private hub, beside every stage alone
    EndToEnd(EndToEnd),
    /// Several cds2db processes, which take their patients from a queue, against one hub and against a hub each
    Workers(Workers),
    /// The FHIR server as a process of its own
    #[command(hide = true)]
    Serve(Serve),
    /// One cds2db run as a process of its own
    #[command(hide = true)]
    Client(Client),
}

/// Which hospital and which format.
#[derive(Clone, Debug, Args)]
pub struct Input {
    /// Seed of the hospital
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Format asked of the server
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Directory for the results; by default one below benches/results named by day and machine
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// The format on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON
    #[default]
    Json,
    /// XML
    Xml,
}

impl Format {
    /// The word for it in requests, configuration and file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }
}

/// `end-to-end`.
#[derive(Debug, Args)]
pub struct EndToEnd {
    /// Resources of the hospital; several sizes, separated by commas, are run one after the other
    #[arg(long, value_delimiter = ',', default_value = "100000")]
    pub resources: Vec<u64>,
    #[command(flatten)]
    pub input: Input,
    /// Requests and cracking threads of the client at a time; 0 for as many as cores
    #[arg(long, default_value_t = 0)]
    pub workers: u32,
    /// Leave the stages alone out: only the whole chain
    #[arg(long)]
    pub whole_only: bool,
    /// Leave the whole chain out: only the stages alone
    #[arg(long, conflicts_with = "whole_only")]
    pub alone_only: bool,
    /// Connections that load the rows of the stages alone; 0 for the import's own
    #[arg(long, default_value_t = 0)]
    pub connections: usize,
    /// Python to look for other systems in
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,
    /// Resources of the flattening task for the other systems; 0 leaves it out
    #[arg(long, default_value_t = 100_000)]
    pub peer_resources: u64,
}

/// `workers`.
#[derive(Debug, Args)]
pub struct Workers {
    /// Resources of the hospital
    #[arg(long, default_value_t = 100_000)]
    pub resources: u64,
    /// How many processes, one measurement each
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    pub workers: Vec<u32>,
    /// Patients a worker takes from the queue at a time
    #[arg(long, default_value_t = 100)]
    pub slice: u32,
    #[command(flatten)]
    pub input: Input,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[arg(long)]
    pub seed: u64,
    #[arg(long)]
    pub resources: u64,
}

/// `client`.
#[derive(Debug, Args)]
pub struct Client {
    /// The configuration file
    pub config: PathBuf,
    /// Database with the queue of patients; without it the patients are those of the configuration
    #[arg(long)]
    pub queue: Option<String>,
}

impl Arguments {
    /// Does what they say.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::EndToEnd(arguments) => end_to_end::run(&arguments),
            Self::Workers(arguments) => crew::run(&arguments),
            Self::Serve(arguments) => served::serve(&arguments),
            Self::Client(arguments) => client::work(&arguments),
        }
    }
}
