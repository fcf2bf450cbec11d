//! The commands of the program `db2frontend`.

use std::error::Error as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use site_config::exit_code;
use tracing_subscriber::EnvFilter;
use work_dir::{Layout, Runs};

use crate::chain::{ChainOptions, become_chain};
use crate::config::{Config, TEMPLATE};
use crate::demo::DemoArguments;
use crate::describe::{csv_text, describe, write_description};
use crate::files::FileKind;
use crate::run::{Direction, FilesAt, conflicts, exchange_in, new_directory, open_hub};
use crate::serve::ServeArguments;
use crate::{Dictionary, Error, ErrorKind, Result};

/// Exchanges the tables of the frontend between the hub and REDCap, or files.
#[derive(Debug, Parser)]
#[command(name = "db2frontend", version, max_term_width = 100, after_help = exit_code::TABLE)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the table description of the frontend from a data dictionary
    Describe {
        /// The data dictionary, as REDCap exports it
        dictionary: PathBuf,
        /// Where to write it: a workbook (.xlsx) or CSV; without it, CSV to standard output
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Brings what clinicians entered into the hub
    Import(Exchange),
    /// Brings the hub's last versions to the clinicians
    Export(Exchange),
    /// Runs cds2db, import, dataprocessor and export, or goes on where the last chain failed: cds2db chain, which see
    Chain {
        #[command(flatten)]
        exchange: Exchange,
        /// Goes on although the configurations name different wards
        #[arg(long)]
        ignore_ward_name_mismatch: bool,
        /// Begins with cds2db although the last chain did not end
        #[arg(long)]
        anew: bool,
    },
    /// Lists fields that were edited in the frontend and differed in the hub
    Conflicts {
        #[command(flatten)]
        exchange: Exchange,
        /// Those of all runs that are kept, not of the last one only
        #[arg(long)]
        all: bool,
    },
    /// Serves the case list and the forms to browsers on loopback
    Serve(ServeArguments),
    /// Runs the whole chain on this machine, with a database and a hospital of its own, and serves its case list
    Demo(DemoArguments),
    /// Looks at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Reports every fault with file, line and key
    Check {
        #[command(flatten)]
        exchange: Exchange,
    },
    /// Writes a commented configuration
    Init {
        /// The file
        #[arg(default_value = "db2frontend_config.toml")]
        file: PathBuf,
    },
}

/// With whom to exchange.
#[derive(Debug, clap::Args)]
struct Exchange {
    /// Configuration file
    #[arg(long, env = "DB2FRONTEND_CONFIG", default_value = "db2frontend_config.toml")]
    config: PathBuf,
    /// Hub to use instead of the one the configuration names: postgres://user@host:port/database
    #[arg(long, env = "CDS_HUB_URL", hide_env_values = true)]
    hub: Option<String>,
    /// Folder of files to exchange instead of a REDCap project
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// In which form the files are; what is there already where nothing is said
    #[arg(long = "as", value_enum, value_name = "FORM", requires = "files")]
    kind: Option<Kind>,
    /// Directory of a run to note this in; a new one below FRONTEND_RUNS_DIR by default
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// One CSV file a form
    Csv,
    /// One workbook with a sheet a form
    Excel,
}

impl Exchange {
    fn read(&self) -> Result<Config> {
        Config::read(&self.config, self.files.is_none())
    }

    fn files(&self) -> Option<FilesAt> {
        let kind = self.kind.map(|kind| match kind {
            Kind::Csv => FileKind::Csv,
            Kind::Excel => FileKind::Excel,
        });
        self.files.clone().map(|dir| FilesAt { dir, kind })
    }

    fn run(&self, direction: Direction) -> Result<u8> {
        let config = self.read()?;
        start_log(&config);
        let done = block_on(async {
            let hub = open_hub(self.hub.as_deref(), &config).await?;
            let layout = match &self.dir {
                Some(dir) => Runs::locate(dir)
                    .map_err(|e| crate::run::run_directory(dir, e))?
                    .unwrap_or_else(|| Layout::new(dir)),
                None => new_directory(&config)?,
            };
            exchange_in(&hub, &config, self.files().as_ref(), direction, &layout).await
        })?;
        say(&format!("{}{}", done.text(), debug_note(&config)))?;
        Ok(if done.is_complete() {
            exit_code::DONE
        } else {
            exit_code::INCOMPLETE
        })
    }
}

impl Arguments {
    /// Does what was asked; the exit code.
    ///
    /// # Errors
    /// Whatever stopped it.
    pub fn run(self) -> Result<u8> {
        match self.command {
            Command::Describe { dictionary, output } => {
                let description = describe(&Dictionary::read(&dictionary)?);
                match output {
                    Some(file) => write_description(&description, &file)?,
                    None => say(&csv_text(&description)?)?,
                }
                Ok(exit_code::DONE)
            }
            Command::Import(exchange) => exchange.run(Direction::Import),
            Command::Export(exchange) => exchange.run(Direction::Export),
            Command::Chain {
                exchange,
                ignore_ward_name_mismatch,
                anew,
            } => run_chain(&exchange, ignore_ward_name_mismatch, anew),
            Command::Serve(arguments) => {
                let config = Config::read(&arguments.config, false)?;
                start_log(&config);
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                runtime.block_on(arguments.run(&config, interrupted(), say))?;
                Ok(exit_code::DONE)
            }
            Command::Demo(arguments) => {
                start_log(&Config::default());
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                runtime.block_on(arguments.run(interrupted(), say))?;
                Ok(exit_code::DONE)
            }
            Command::Conflicts { exchange, all } => list_conflicts(&exchange, all),
            Command::Config {
                command: ConfigCommand::Check { exchange },
            } => {
                let config = exchange.read()?;
                let mut text = format!(
                    "The configuration is usable.\nrule {} (FRONTEND_CONFLICT_RULE)\n",
                    config.conflict_rule.as_str()
                );
                for key in config.idle_keys.iter().chain(&config.unknown_keys) {
                    text.push_str(&format!("note: {key}\n"));
                }
                say(&(text + &debug_note(&config)))?;
                Ok(exit_code::DONE)
            }
            Command::Config {
                command: ConfigCommand::Init { file },
            } => {
                let failed = |e: std::io::Error| {
                    Error::new(ErrorKind::Output, file.display().to_string()).with_source(e)
                };
                let mut new = std::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(&file)
                    .map_err(failed)?;
                new.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
                say(&format!("written: {}\n", file.display()))?;
                Ok(exit_code::DONE)
            }
        }
    }
}

fn run_chain(exchange: &Exchange, ignore_wards: bool, anew: bool) -> Result<u8> {
    let config = exchange.read()?;
    start_log(&config);
    say(&debug_note(&config))?;
    let options = ChainOptions {
        config: exchange.config.clone(),
        dir: exchange.dir.clone().unwrap_or_else(|| config.runs.clone()),
        files: exchange.files(),
        hub: exchange.hub.clone(),
        ignore_wards,
        anew,
    };
    match become_chain(&config, &options)? {}
}

fn list_conflicts(exchange: &Exchange, all: bool) -> Result<u8> {
    let config = exchange.read()?;
    let directory = exchange.dir.clone().unwrap_or(config.runs);
    let found = conflicts(&[directory])?;
    if found.is_empty() {
        say("No export is noted there.\n")?;
    }
    for (run, lines) in found.iter().take(if all { usize::MAX } else { 1 }) {
        say(&format!("{run}: {} conflict(s)\n", lines.len()))?;
        for line in lines {
            say(&format!("  {line}\n"))?;
        }
    }
    Ok(exit_code::DONE)
}

/// What an operator must know about keys that are only for tests.
fn debug_note(config: &Config) -> String {
    match config.debug_keys.as_slice() {
        [] => String::new(),
        keys => format!(
            "WARNING: in use and to be off in real operation: {}\n",
            keys.join(", ")
        ),
    }
}

fn start_log(config: &Config) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(config.log_filter()));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            result = future => result,
            () = interrupted() => Err(Error::new(ErrorKind::Stopped, "the same command goes on")),
        }
    })
}

/// Ends when the user or the system asks the program to stop.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::new(ErrorKind::Output, "standard output").with_source(e)),
    }
}

/// How the program ends after an error, by the table of [`exit_code`].
#[must_use]
pub fn exit_code_of(error: &Error) -> u8 {
    let hub = error
        .source()
        .and_then(|cause| cause.downcast_ref::<cds_hub::Error>());
    match (error.kind(), hub.map(cds_hub::Error::kind)) {
        (ErrorKind::Configuration | ErrorKind::Dictionary, _) => exit_code::USAGE,
        (ErrorKind::Unreachable, _) => exit_code::BUSY,
        (_, Some(cds_hub::ErrorKind::Connect | cds_hub::ErrorKind::Locked)) => exit_code::BUSY,
        (ErrorKind::Stopped, _) => exit_code::STOPPED,
        _ => exit_code::FAILED,
    }
}
