//! The whole chain of a site in the order and with the arguments of the original's start line. A step is a program of its own, so
//! that the original's may stand beside ours; after an error the rest is left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use cds_hub::Condition;
use clap::Args;
use site_config::exit_code;

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
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    others: Vec<String>,
}

/// One step of the chain.
struct Step {
    name: &'static str,
    /// Program and arguments; empty where the step is left out.
    words: Vec<String>,
    /// Why it is left out.
    left_out: &'static str,
}

/// How a step went.
enum Outcome {
    Done(u8, Duration),
    LeftOut(&'static str),
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
        let stop = super::block_on(self.prepare(settings))?;
        if stop {
            return Ok(ExitCode::SUCCESS);
        }
        let mut steps = self.steps(settings)?;
        if settings.chain.recover && super::block_on(interrupted(processor.as_ref()))? {
            println!("an earlier chain broke off before the dataprocessor; its cases come first");
            let again = |name, of: &Step| Step {
                name,
                words: of.words.clone(),
                left_out: of.left_out,
            };
            let first = [
                again("recover: dataprocessor", &steps[2]),
                again("recover: hub to frontend", &steps[3]),
            ];
            steps = first.into_iter().chain(steps).collect();
        }
        Ok(walk(&steps))
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

    /// Resets a lock that is left, and looks at the hub's release; whether that was all that was wanted.
    async fn prepare(&self, settings: &Settings) -> Result<bool> {
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
                    return Ok(false);
                }
                Err(hub_error(
                    match is_newer {
                        true => "not begun; --ignore-newer-db-version goes on all the same",
                        false => "looking at the hub's release",
                    },
                    error,
                ))
            }
            _ => Ok(self.reset_lock_and_stop),
        }
    }

    fn steps(&self, settings: &Settings) -> Result<Vec<Step>> {
        let chain = &settings.chain;
        let path = |path: &Path| path.display().to_string();
        let here = std::env::current_exe()
            .map_err(|e| Error::new(ErrorKind::Start, "this program's own place").because(e))?;
        let mut retrieval = vec![path(&here), "run".into(), path(&self.config)];
        retrieval.extend(["--dir".into(), path(&self.dir)]);
        for set in &self.sets {
            retrieval.extend(["--set".into(), set.clone()]);
        }
        let processor = beside(&here, "dataprocessor").map(|program| {
            let mut words = vec![path(&program), "--config".into(), path(&self.dataprocessor)];
            words.extend(["run".into(), "--dir".into(), path(&self.dir)]);
            words
        });
        let frontend = |verb: &str| {
            let program = beside(&here, "db2frontend")?;
            Some(vec![path(&program), verb.to_owned()])
        };
        let step = |name, configured: &Option<Vec<String>>, own: Option<Vec<String>>| Step {
            name,
            left_out: match configured {
                Some(words) if words.is_empty() => "by configuration",
                _ => "its program is not installed",
            },
            words: configured.clone().or(own).unwrap_or_default(),
        };
        Ok(vec![
            step("retrieval", &chain.retrieval, Some(retrieval)),
            step("frontend to hub", &chain.frontend_to_hub, frontend("import")),
            step("dataprocessor", &chain.dataprocessor, processor),
            step("hub to frontend", &chain.hub_to_frontend, frontend("export")),
        ])
    }
}

/// A program of ours: beside this one, or where the system looks for programs.
fn beside(here: &Path, name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = here.parent().map(Path::to_owned).into_iter().collect();
    places.extend(std::env::split_paths(&folders));
    places
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
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

/// Runs the steps, says how each went, and gives the code of the first that did not end well. A retrieval that is not complete
/// does not stop the chain: what is missing comes with the next.
fn walk(steps: &[Step]) -> ExitCode {
    let mut code = exit_code::DONE;
    let mut outcomes = Vec::new();
    for step in steps {
        let outcome = match step.words.split_first() {
            None => Outcome::LeftOut(step.left_out),
            Some(_) if !matches!(code, exit_code::DONE | exit_code::INCOMPLETE) => {
                Outcome::LeftOut("after an error")
            }
            Some((program, arguments)) => {
                println!("\n== {}", step.name);
                let began = Instant::now();
                let ended = run(program, arguments);
                if code == exit_code::DONE || ended != exit_code::DONE && ended != exit_code::INCOMPLETE {
                    code = ended;
                }
                Outcome::Done(ended, began.elapsed())
            }
        };
        outcomes.push((step.name, outcome));
    }
    println!();
    for (name, outcome) in outcomes {
        match outcome {
            Outcome::Done(exit_code::DONE, took) => {
                println!("{name:<26} done in {:.1} s", took.as_secs_f64());
            }
            Outcome::Done(exit_code::INCOMPLETE, took) => {
                println!("{name:<26} not complete, in {:.1} s", took.as_secs_f64());
            }
            Outcome::Done(code, took) => {
                println!("{name:<26} FAILED with {code} after {:.1} s", took.as_secs_f64());
            }
            Outcome::LeftOut(why) => println!("{name:<26} left out: {why}"),
        }
    }
    ExitCode::from(code)
}

fn run(program: &str, arguments: &[String]) -> u8 {
    match Command::new(program).args(arguments).status() {
        // Whom a signal ended says no code.
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(exit_code::FAILED),
        Err(error) => {
            eprintln!("error: {program} cannot be started: {}", error.kind());
            exit_code::FAILED
        }
    }
}
