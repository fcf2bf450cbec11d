use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use dataprocessor::config::{DATABASE_FILE, DATABASE_TEMPLATE};
use site_config::exit_code;

use super::connect::Tried;
use crate::config::{
    Config as File, Deletions, Overrides, Settings, Wards, default_file, login_in_words, reference,
};
use crate::run::first_request;
use crate::{Error, ErrorKind, Result};

/// Checks, explains or writes a configuration file.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Say what a run with this file would do; secrets are not shown
    Check {
        /// The configuration file
        file: PathBuf,
        /// Set a key for this call: KEY=VALUE
        #[arg(long = "set", value_name = "KEY=VALUE")]
        sets: Vec<String>,
        /// Try server, credentials, database, role and tables too, and say each as a line
        #[arg(long)]
        connect: bool,
        /// Print the notes, and what was tried, as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a commented default file
    Init {
        /// Where to write it; it must not exist
        #[arg(default_value = "cds2db_config.toml")]
        file: PathBuf,
    },
    /// Print the reference of all keys as Markdown
    Reference,
}

impl Config {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Check {
                file,
                sets,
                connect,
                json,
            } => {
                let config = read(&file, &sets)?;
                if !json {
                    print!("{}", explain(&config.settings));
                    config.notes.iter().for_each(|note| println!("note: {note}"));
                }
                let tried = match connect {
                    true => super::connect::check(&config.settings, json)?,
                    false => Tried::default(),
                };
                if json {
                    println!(
                        "{}",
                        serde_json::json!({"notes": config.notes, "tried": tried.lines})
                    );
                }
                return Ok(ExitCode::from(if tried.failed {
                    exit_code::FAILED
                } else {
                    exit_code::DONE
                }));
            }
            Self::Init { file } => {
                super::init::write_new(&file, &default_file())?;
                println!("wrote {}", file.display());
                let database = file.with_file_name(DATABASE_FILE);
                if !database.exists() {
                    super::init::write_new(&database, DATABASE_TEMPLATE)?;
                    println!("wrote {}", database.display());
                }
                println!(
                    "next: edit them, then cds2db config check {} --connect",
                    file.display()
                );
            }
            Self::Reference => print!("{}", reference()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a configuration; its faults become one error with a line each.
pub(super) fn read(file: &std::path::Path, sets: &[String]) -> Result<File> {
    let overrides = Overrides::new(std::env::vars(), sets);
    File::read(file, &overrides).map_err(|faults| Error::new(ErrorKind::Config, faults.to_string()))
}

fn explain(settings: &Settings) -> String {
    let server = &settings.server;
    let credentials = login_in_words(&server.login);
    let wards = match &settings.wards {
        Wards::None => "none".to_owned(),
        Wards::List(patients) => format!("{} patients from a text file; no filter patterns", patients.len()),
        Wards::Patterns(wards) => {
            let names: Vec<&str> = wards.iter().map(|w| w.ward_name.as_str()).collect();
            format!("{} by filter patterns: {}", wards.len(), names.join(", "))
        }
    };
    let mut filters: Vec<String> = settings
        .filters
        .iter()
        .map(|(resource, filter)| {
            let days = filter
                .window_days
                .map_or_else(String::new, |days| format!(" of the last {days} days"));
            let (categories, codes) = (filter.categories.len(), filter.codes.len());
            format!("{resource}{days}, {categories} categories, {codes} codes (0: all)")
        })
        .collect();
    if settings.min_patient_age > 0 {
        filters.push(format!("patients older than {} years", settings.min_patient_age));
    }
    let filters = match filters.is_empty() {
        true => "none: everything ever recorded for a patient is loaded on first contact".to_owned(),
        false => filters.join("; "),
    };
    let deletions = match settings.deletions {
        Deletions::Off => "not looked for",
        Deletions::Ids => "looked for by id",
        Deletions::History => "looked for in the types' histories",
        Deletions::Export => "looked for by a bulk export",
    };
    let database = &settings.database;
    let debug = match settings.debug.active.as_slice() {
        [] => "none in use".to_owned(),
        keys => format!("IN USE, must be off in real operation: {}", keys.join(", ")),
    };
    let first = first_request(settings, &super::zone());
    format!(
        "FHIR server   {} with {credentials}, {} ids a request, time-out {} s\n\
         wards         {wards}\n\
         first request GET Encounter?{}\n\
         left out      {filters}\n\
         deletions     {deletions}\n\
         hub           {} on {}, database {}\n\
         DEBUG_ keys   {debug}\n",
        server.endpoint,
        server.ids_at_once,
        server.timeout_seconds,
        first.query(),
        database.user,
        database.place(),
        database.name,
    )
}
