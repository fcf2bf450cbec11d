//! The whole chain of a site in the order and with the arguments of the original's start line. A step is a program of its own, so
//! that the original's may stand beside ours; after an error the rest is left out. The only chain there is: `db2frontend chain`
//! calls this one.

mod state;
mod step;
mod walk;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cds_hub::Condition;
use clap::Args;

use self::state::State;
use self::step::Step;
use super::config;
use crate::config::{Settings, Wards};
use crate::error::hub_error;
use crate::run::reach::{self, Patience};
use crate::{Error, ErrorKind, Result};

/// Retrieval, frontend to hub, dataprocessor, hub to frontend: in this order, the rest left out after an error.
#[derive(Debug, Args)]
pub(super) struct Chain {
    /// The configuration file of the retrieval, which names other programs for single steps (CHAIN_…)
    #[arg(long, value_name = "FILE", default_value = "cds2db_config.toml")]
    config: PathBuf,
    /// The configuration file of the dataprocessor
    #[arg(long, value_name = "FILE", default_value = "dataprocessor_config.toml")]
    dataprocessor: PathBuf,
    /// Set a key of the retrieval for this run: KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Directory of the runs
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// First take the lock from a module that died with it
    #[arg(long, alias = "resetLock")]
    reset_lock: bool,
    /// The same, and stop
    #[arg(long, alias = "resetLockAndStop")]
    reset_lock_and_stop: bool,
    /// Also on a hub that a newer program made
    #[arg(long, alias = "ignoreNewerDBVersion")]
    ignore_newer_db_version: bool,
    /// Also where the wards of the retrieval are not those of PHASES_WARD
    #[arg(long, alias = "ignoreWardNameMismatch")]
    ignore_ward_name_mismatch: bool,
    /// Go on at the step at which the last chain failed; without it the retrieval comes first again
    #[arg(long)]
    go_on: bool,
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    others: Vec<String>,
}

impl Chain {
    pub(super) fn run(mut self) -> Result<ExitCode> {
        self.take_notice_of_others();
        let config = config::read(&self.config, &self.sets)?;
        let settings = &config.settings;
        config.notes.iter().for_each(|note| println!("note: {note}"));
        let own = settings.chain.dataprocessor.is_none();
        // All configurations are read before anything is begun.
        let processor = match own || self.dataprocessor.exists() {
            true => Some(dataprocessor::Config::read(&self.dataprocessor).map_err(|e| {
                Error::new(ErrorKind::Config, "the configuration of the dataprocessor").because(e)
            })?),
            false => None,
        };
        if let Some(processor) = &processor {
            self.compare_wards(settings, processor)?;
        }
        // Whoever only takes a lock away may do so while another chain waits for it.
        let state = (!self.reset_lock_and_stop)
            .then(|| State::open(&self.dir))
            .transpose()?;
        super::block_on(self.prepare(settings))?;
        let Some(state) = state else {
            return Ok(ExitCode::SUCCESS);
        };
        let failed_at = match self.go_on {
            true => state.failed_at()?,
            false => None,
        };
        let mut steps = Step::all(&self, settings)?;
        if let Some(name) = failed_at {
            println!("going on at {name}, where the last chain failed");
            steps.retain(|step| step.number() >= name.number());
        } else if settings.chain.recover && super::block_on(interrupted(processor.as_ref()))? {
            println!("an earlier chain broke off before the dataprocessor; its cases come first");
            steps = Step::recovery(&steps).into_iter().chain(steps).collect();
        }
        walk::walk(&steps, &state)
    }

    /// Arguments that nobody knows are told and do not stop the chain, as the original has it.
    fn take_notice_of_others(&mut self) {
        for other in std::mem::take(&mut self.others) {
            match other.as_str() {
                "--reset-lock" | "--resetLock" => self.reset_lock = true,
                "--reset-lock-and-stop" | "--resetLockAndStop" => self.reset_lock_and_stop = true,
                "--ignore-newer-db-version" | "--ignoreNewerDBVersion" => self.ignore_newer_db_version = true,
                "--ignore-ward-name-mismatch" | "--ignoreWardNameMismatch" => {
                    self.ignore_ward_name_mismatch = true;
                }
                "--go-on" => self.go_on = true,
                other => println!("note: the argument {other} is not known and is left out"),
            }
        }
    }

    /// The wards of both configurations must be the same, or a ward's patients would get no phase.
    fn compare_wards(&self, settings: &Settings, processor: &dataprocessor::Config) -> Result<()> {
        let Wards::Patterns(wards) = &settings.wards else {
            return Ok(());
        };
        let phases = processor.phases.wards();
        if phases.is_empty() {
            println!(
                "note: the configuration of the dataprocessor names no wards, so ward names are not compared"
            );
            return Ok(());
        }
        let ours: BTreeSet<&str> = wards.iter().map(|w| w.ward_name.as_str()).collect();
        let theirs: BTreeSet<&str> = phases.iter().map(|w| w.ward.as_str()).collect();
        let differ: Vec<String> = ours
            .symmetric_difference(&theirs)
            .map(|ward| format!("'{ward}'"))
            .collect();
        if differ.is_empty() {
            return Ok(());
        }
        let text = format!(
            "these wards are named by ENCOUNTER_FILTER_PATTERN or by PHASES_WARD only: {}",
            differ.join(", ")
        );
        if self.ignore_ward_name_mismatch {
            println!("note: {text}");
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            format!("{text}; --ignore-ward-name-mismatch goes on all the same"),
        ))
    }

    /// Resets a lock that is left, and looks at the hub's release.
    async fn prepare(&self, settings: &Settings) -> Result<()> {
        let say = |text: &str| println!("{text}");
        let patience = Patience {
            wait: Duration::from_secs(30),
            told: &say,
        };
        let hub = reach::hub(&settings.database, patience).await?;
        let failed = |e| hub_error("preparing the chain", e);
        if self.reset_lock || self.reset_lock_and_stop {
            let module = hub.reset_lock().await.map_err(failed)?;
            match module {
                Some(module) => println!("the lock that {module} had left was taken away"),
                None => println!("no lock was left by a module that died"),
            }
        }
        let newer = hub.is_not_newer().await;
        hub.close().await;
        match newer {
            Err(error) if !self.reset_lock_and_stop => {
                let is_newer = matches!(error.condition(), Some(Condition::HubNewer { .. }));
                if is_newer && self.ignore_newer_db_version {
                    println!("note: {error}");
                    return Ok(());
                }
                Err(hub_error(
                    match is_newer {
                        true => "not begun; --ignore-newer-db-version goes on all the same",
                        false => "looking at the hub's release",
                    },
                    error,
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an earlier chain left cases of the newest ward list without a row of the frontend.
async fn interrupted(processor: Option<&dataprocessor::Config>) -> Result<bool> {
    let Some(database) = processor.and_then(|config| config.database.as_ref()) else {
        return Ok(false);
    };
    let say = |text: &str| println!("{text}");
    let patience = Patience {
        wait: Duration::from_secs(30),
        told: &say,
    };
    let hub = reach::hub(database, patience).await?;
    let count = hub.listed_without_form().await;
    hub.close().await;
    let count = count.map_err(|e| hub_error("looking for an interrupted chain", e))?;
    Ok(count > 0)
}
