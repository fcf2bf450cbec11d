//! The commands of the program `dataprocessor`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cds_hub::reach::Patience;
use cds_hub::{Hub, HubOptions};
use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use site_config::exit_code;

use crate::config::{DATABASE_FILE, DATABASE_TEMPLATE, TEMPLATE};
use crate::{CaseProfile, Config, Error, ErrorKind, Result, SqlTable, Summary};

/// Makes the tables of the frontend from what the hub knows of the patients on the wards.
#[derive(Debug, Parser)]
#[command(name = "dataprocessor", version, after_help = site_config::exit_code::TABLE)]
pub struct Arguments {
    /// Configuration file.
    #[arg(
        long,
        global = true,
        env = "DATAPROCESSOR_CONFIG",
        default_value = "dataprocessor_config.toml"
    )]
    config: PathBuf,
    /// Hub to use instead of the one the configuration names: postgres://user@host:port/database.
    #[arg(long, global = true, env = "CDS_HUB_URL", hide_env_values = true)]
    hub: Option<String>,
    /// Seconds to wait for the database (30 where not given) and for the hub's lock (without end).
    #[arg(long, global = true, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Print the result as one line of JSON: run, show, tables, config check.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Computes and writes the tables.
    Run {
        /// Directory of cds2db's run, or the one it was given: its state then says how this went.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Prints the case list.
    Show {
        /// Most cases to print.
        #[arg(short = 'n', long, default_value_t = 50)]
        rows: usize,
        /// Shows names of patients instead of record numbers.
        #[arg(long)]
        clear: bool,
    },
    /// Makes the tables declared as SQL in the hub; needs the hub's owner. Repeat it after `cds-hub migrate`.
    Tables,
    /// Looks at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Reports every fault with file, line and key.
    Check,
    /// Writes a commented configuration and, where it is missing, the file it names for the way to the hub.
    Init,
}

impl Arguments {
    /// Reads the configuration they name. Where there is none to read yet, the defaults.
    ///
    /// # Errors
    /// All faults of its files.
    pub fn configuration(&self) -> Result<Config> {
        match self.command {
            Command::Config {
                command: ConfigCommand::Init,
            } => Ok(Config::default()),
            _ => Config::read(&self.config),
        }
    }

    /// Does what the arguments say; what there is to say goes to standard output. Gives the exit code.
    ///
    /// # Errors
    /// Whatever stopped it.
    pub async fn execute(self, config: Config) -> Result<u8> {
        let (wait, json) = (self.wait, self.json);
        match self.command {
            Command::Config {
                command: ConfigCommand::Check,
            } => {
                let (declared, faults) = declared(&config)?;
                let faults: Vec<String> = faults.iter().map(crate::run::in_one_line).collect();
                match json {
                    true => say_json(&checked_json(&config, &declared, &faults))?,
                    false => say(&checked(&config, &declared, &faults))?,
                }
                return Ok(if faults.is_empty() {
                    exit_code::DONE
                } else {
                    exit_code::USAGE
                });
            }
            Command::Config {
                command: ConfigCommand::Init,
            } => say(&initialise(&self.config)?),
            Command::Run { dir } => {
                let hub = connect(self.hub, &config, wait).await?;
                let patience = wait.map(Duration::from_secs);
                let result = match &dir {
                    Some(dir) => crate::run_in(&hub, &config, dir, patience).await,
                    None => crate::run_waiting(&hub, &config, patience).await,
                };
                let summary = match result {
                    Ok(summary) => summary,
                    Err(error) if json => return Err(error),
                    // Also a run that failed was no real operation.
                    Err(error) => return say(&debug_note(&config.debug_keys)).and(Err(error)),
                };
                match json {
                    true => say_json(&summary.json())?,
                    false => say(&summary.to_string())?,
                }
                return Ok(match summary.left_out.as_slice() {
                    [] => exit_code::DONE,
                    _ => exit_code::INCOMPLETE,
                });
            }
            Command::Tables => {
                let Some(folder) = &config.sql_tables else {
                    return Err(Error::new(ErrorKind::SqlTable, "OUTPUT_TABLES_PATH is not set"));
                };
                let tables = SqlTable::read_all(folder)?;
                let hub = connect(self.hub, &config, wait).await?;
                let all = SqlTable::beside(hub.tables_to_keep().await?, &tables);
                hub.migrate(&all, true).await?;
                let names: Vec<&str> = tables.iter().map(SqlTable::name).collect();
                match json {
                    true => say_json(&json!({"ready": names})),
                    false => say(&format!("ready in the hub: {}\n", names.join(", "))),
                }
            }
            Command::Show { rows, clear } => {
                let list = crate::show(&connect(self.hub, &config, wait).await?, rows, !clear).await?;
                match json {
                    true => say_json(&json!({"cases": list.lines().skip(1).collect::<Vec<_>>()})),
                    false => say(&list),
                }
            }
        }?;
        Ok(exit_code::DONE)
    }
}

/// The tables that the configuration's folder declares.
fn declared(config: &Config) -> Result<(Vec<SqlTable>, Vec<Error>)> {
    match &config.sql_tables {
        Some(folder) => SqlTable::read_each(folder),
        None => Ok((Vec::new(), Vec::new())),
    }
}

/// Opens the hub; whom the program waits for is said on standard error.
async fn connect(url: Option<String>, config: &Config, wait: Option<u64>) -> Result<Hub> {
    let hub = match (url, &config.database) {
        (Some(url), _) => Hub::open(&HubOptions::new(url)).await?,
        (None, Some(database)) => {
            let patience = Patience {
                wait: Duration::from_secs(wait.unwrap_or(30)),
                told: &tell,
            };
            cds_hub::reach::open(database, patience).await?
        }
        (None, None) => return Err(Error::new(ErrorKind::Configuration, "no hub is named")),
    };
    Ok(hub.telling(|waiting| tell(&waiting.to_string())))
}

/// Says a line to whoever watches.
fn tell(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes the two files; one that is there stays as it is.
fn initialise(file: &Path) -> Result<String> {
    let database = file.with_file_name(DATABASE_FILE);
    let mut said = String::new();
    for (path, text) in [(file, TEMPLATE), (database.as_path(), DATABASE_TEMPLATE)] {
        let new = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path);
        match new.and_then(|mut new| new.write_all(text.as_bytes())) {
            Ok(()) => said.push_str(&format!("written: {}\n", path.display())),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && path != file => {
                said.push_str(&format!("kept as it is: {}\n", path.display()));
            }
            Err(e) => return Err(Error::new(ErrorKind::Output, path.display().to_string()).with_source(e)),
        }
    }
    Ok(said + "Next: enter host and user of the hub, then dataprocessor config check.\n")
}

fn checked_json(config: &Config, declared: &[SqlTable], faults: &[String]) -> Value {
    let tables: Vec<&str> = declared.iter().map(SqlTable::name).collect();
    let idle: Vec<String> = config.idle_keys.iter().map(ToString::to_string).collect();
    let unknown: Vec<String> = config.unknown_keys.iter().map(ToString::to_string).collect();
    json!({
        "usable": faults.is_empty(), "faults": faults, "tables": tables, "without_effect": idle, "unknown": unknown,
        "debug": config.debug_keys,
    })
}

fn checked(config: &Config, declared: &[SqlTable], faults: &[String]) -> String {
    let mut text = String::from(match faults {
        [] => "The configuration is usable.\n",
        _ => "Tables of the site's own cannot be made (OUTPUT_TABLES_PATH); all else is usable.\n",
    });
    for fault in faults {
        text.push_str(&format!("FAULT: {fault}\n"));
    }
    let profile = match config.profile {
        CaseProfile::Clock => "clock: cases that run at the moment",
        CaseProfile::WardList => "ward-list: cases of the encounters on the ward list",
    };
    text.push_str(&format!("profile {profile} (CASE_PROFILE)\n"));
    if !declared.is_empty() {
        let names: Vec<&str> = declared.iter().map(SqlTable::name).collect();
        text.push_str(&format!(
            "tables of the site's own: {} (OUTPUT_TABLES_PATH); dataprocessor tables makes them in the hub\n",
            names.join(", ")
        ));
    }
    for key in config.idle_keys.iter().chain(&config.unknown_keys) {
        text.push_str(&format!("note: {key}\n"));
    }
    text + &debug_note(&config.debug_keys)
}

/// What an operator must know about keys that are only for tests.
fn debug_note(keys: &[String]) -> String {
    match keys {
        [] => String::new(),
        keys => format!(
            "WARNING: in use and to be off in real operation: {}\n",
            keys.join(", ")
        ),
    }
}

impl Summary {
    /// The same as JSON. Field names are stable.
    #[must_use]
    pub fn json(&self) -> Value {
        let tables = self.tables.iter();
        let tables = tables.map(|t| json!({"table": t.table, "new": t.new, "seen": t.seen}));
        let reasons = self.reasons.iter().map(|(why, n)| (why.to_string(), json!(n)));
        json!({
            "now": self.now.to_string(), "patients": self.patients, "cases": self.cases,
            "tables": tables.collect::<Vec<_>>(), "without_case": self.without_case,
            "reasons": reasons.collect::<serde_json::Map<_, _>>(), "several_cases": self.several_cases,
            "unknown_patients": self.unknown_patients, "left_out": self.left_out, "debug_keys": self.debug_keys,
            "seconds": self.elapsed.as_secs_f64(),
        })
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} patients, {} cases at {}",
            self.patients,
            self.cases,
            self.now.to_string().replace('T', " ")
        )?;
        for table in &self.tables {
            writeln!(
                f,
                "  {}: {} new, {} unchanged",
                table.table, table.new, table.seen
            )?;
        }
        for why in &self.left_out {
            writeln!(f, "  NOT MADE: {why}")?;
        }
        if self.without_case > 0 {
            let reasons: Vec<String> = self.reasons.iter().map(|(why, n)| format!("{n} {why}")).collect();
            let (n, reasons) = (self.without_case, reasons.join(", "));
            writeln!(f, "  {n} listed patients without a case to show: {reasons}")?;
        }
        for (n, what) in [
            (self.several_cases, "patients with several cases"),
            (
                self.unknown_patients,
                "listed patients the hub does not know or the filters drop",
            ),
        ] {
            if n > 0 {
                writeln!(f, "  {n} {what}")?;
            }
        }
        writeln!(f, "  took {:.1} s", self.elapsed.as_secs_f64())?;
        f.write_str(&debug_note(&self.debug_keys))
    }
}

fn say_json(value: &Value) -> Result<()> {
    say(&format!("{value}\n"))
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::new(ErrorKind::Output, "standard output").with_source(e)),
    }
}
