//! The whole chain by one command: cds2db, import, dataprocessor, export.
//!
//! cds2db and the dataprocessor run as the programs they are, under their own roles. Where the chain stands lies in
//! `chain.json`: after an error the next start goes on at the step that failed.

mod recovery;
mod step;
mod wards;

use std::path::{Path, PathBuf};

use cds_hub::Hub;
use serde_json::{Value, json};
use site_config::exit_code;
use work_dir::Runs;

pub use step::Step;
pub(crate) use step::beside;
pub use wards::check_wards;

use crate::config::Config;
use crate::run::{Direction, FilesAt, exchange, exchange_in, run_directory, write_json};
use crate::{Error, ErrorKind, Result};

/// File with the state of the chain, in the directory of the runs.
const STATE: &str = "chain.json";

/// How a chain is run.
#[derive(Clone, Debug, Default)]
pub struct ChainOptions {
    /// Where the directories of cds2db's runs are, and the state of the chain.
    pub dir: PathBuf,
    /// Files instead of a project.
    pub files: Option<FilesAt>,
    /// Address of the hub instead of the configured one.
    pub hub: Option<String>,
    /// Whether different ward names are accepted.
    pub ignore_wards: bool,
    /// Whether to begin anew although the last chain did not end.
    pub anew: bool,
}

/// How a step ended.
#[derive(Clone, Debug)]
struct Ended {
    step: Step,
    code: u8,
    seconds: f64,
    summary: Value,
    text: String,
}

/// What a chain did.
#[derive(Clone, Debug, Default)]
pub struct ChainDone {
    ended: Vec<Ended>,
    skipped: Vec<Step>,
    notes: Vec<String>,
    run: Option<PathBuf>,
}

impl ChainDone {
    /// Exit code of the chain: that of the step that failed, else whether something is missing.
    #[must_use]
    pub fn code(&self) -> u8 {
        let failed = self
            .ended
            .iter()
            .map(|ended| ended.code)
            .find(|code| !goes_on(*code));
        failed.unwrap_or_else(|| {
            self.ended
                .iter()
                .map(|ended| ended.code)
                .max()
                .unwrap_or(exit_code::DONE)
        })
    }

    /// The summary as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for note in &self.notes {
            out.push_str(&format!("note: {note}\n"));
        }
        for ended in &self.ended {
            let word = match ended.code {
                exit_code::DONE => "done",
                exit_code::INCOMPLETE => "done, something is missing",
                exit_code::HELD => "data were held back",
                exit_code::BUSY => "could not be had in time",
                _ => "failed",
            };
            out.push_str(&format!(
                "{}: {word} ({:.1} s)\n",
                ended.step.name(),
                ended.seconds
            ));
            for line in ended.text.lines().skip(usize::from(ended.step.is_exchange())) {
                out.push_str(&format!("  {}\n", line.trim_start()));
            }
        }
        for step in &self.skipped {
            out.push_str(&format!("{}: not begun\n", step.name()));
        }
        if let Some(run) = &self.run {
            out.push_str(&format!("directory of the run: {}\n", run.display()));
        }
        if !self.skipped.is_empty() {
            out.push_str("The same command goes on at the step that failed.\n");
        }
        out
    }

    fn json(&self) -> Value {
        let steps = self.ended.iter().map(|ended| {
            json!({"step": ended.step.name(), "code": ended.code, "seconds": ended.seconds, "summary": ended.summary})
        });
        json!({
            "steps": steps.collect::<Vec<_>>(),
            "not_begun": self.skipped.iter().map(|step| step.name()).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

/// Whether the next step may follow.
fn goes_on(code: u8) -> bool {
    matches!(code, exit_code::DONE | exit_code::INCOMPLETE)
}

/// Runs the chain, or goes on with the one that did not end.
///
/// # Errors
/// When the configurations do not fit each other, or the state cannot be kept. What a step does wrong is in the result.
pub async fn chain(hub: &Hub, config: &Config, options: &ChainOptions) -> Result<ChainDone> {
    let mut done = ChainDone::default();
    let (cds2db, dataprocessor) = configurations(config)?;
    match check_wards(cds2db, dataprocessor)? {
        wards::Agreement::Same => {}
        wards::Agreement::NothingToCompare(why) => done.notes.push(why),
        wards::Agreement::Different(text) if options.ignore_wards => done.notes.push(text),
        wards::Agreement::Different(text) => return Err(Error::new(ErrorKind::Configuration, text)),
    }
    std::fs::create_dir_all(&options.dir)
        .map_err(|e| Error::new(ErrorKind::RunDirectory, options.dir.display().to_string()).with_source(e))?;
    let _alone = step::Alone::take(&options.dir)?;
    let file = options.dir.join(STATE);
    let begin = if options.anew { None } else { open_step(&file)? };
    if let Some(step) = begin {
        done.notes
            .push(format!("going on at {}, where the last chain ended", step.name()));
    } else if config.recover && recovery::is_needed(hub, dataprocessor, options.hub.as_deref()).await? {
        done.notes
            .push("the last chain did not end: what it had loaded is processed first".to_owned());
        for step in [Step::Import, Step::Dataprocessor, Step::Export] {
            if !one(hub, config, options, step, &mut done).await {
                break;
            }
        }
        if let Some(last) = done.ended.last().filter(|ended| !goes_on(ended.code)) {
            done.notes
                .push(format!("recovery failed at {}", last.step.name()));
            return Ok(done);
        }
    }
    let steps: Vec<Step> = Step::ALL
        .into_iter()
        .skip_while(|step| begin.is_some_and(|begin| begin != *step))
        .collect();
    let mut is_open = true;
    for step in steps {
        if !is_open {
            done.skipped.push(step);
            continue;
        }
        keep_state(&file, Some(step))?;
        is_open = one(hub, config, options, step, &mut done).await;
    }
    if is_open {
        keep_state(&file, None)?;
    }
    if let Some(run) = &done.run {
        write_json(&run.join("chain-summary.json"), &done.json())?;
    }
    Ok(done)
}

fn configurations(config: &Config) -> Result<(&Path, &Path)> {
    let missing = |key: &str| {
        Error::new(
            ErrorKind::Configuration,
            format!("the chain needs {key} in db2frontend_config.toml"),
        )
    };
    let cds2db = config
        .cds2db
        .as_deref()
        .ok_or_else(|| missing("PATH_TO_CDS2DB_CONFIG_TOML"))?;
    let dataprocessor = config
        .dataprocessor
        .as_deref()
        .ok_or_else(|| missing("PATH_TO_DATAPROCESSOR_CONFIG_TOML"))?;
    Ok((cds2db, dataprocessor))
}

/// One step; whether the next one may follow.
async fn one(hub: &Hub, config: &Config, options: &ChainOptions, step: Step, done: &mut ChainDone) -> bool {
    let begun = std::time::Instant::now();
    let ended = match step {
        Step::Cds2db | Step::Dataprocessor => step::program(config, options, step).await,
        Step::Import => in_process(hub, config, options, Direction::Import).await,
        Step::Export => in_process(hub, config, options, Direction::Export).await,
    };
    let (code, summary, text) = ended.unwrap_or_else(|error| {
        site_config::print_error(&error);
        (
            crate::cli::exit_code_of(&error),
            json!({"error": error.to_string()}),
            error.to_string(),
        )
    });
    if let Ok(Some(layout)) = Runs::locate(&options.dir) {
        done.run = Some(layout.root().to_owned());
    }
    done.ended.push(Ended {
        step,
        code,
        seconds: begun.elapsed().as_secs_f64(),
        summary,
        text,
    });
    goes_on(code)
}

async fn in_process(
    hub: &Hub,
    config: &Config,
    options: &ChainOptions,
    direction: Direction,
) -> Result<(u8, Value, String)> {
    let files = options.files.as_ref();
    let layout = Runs::locate(&options.dir).map_err(|e| run_directory(&options.dir, e))?;
    let result = match &layout {
        Some(layout) => exchange_in(hub, config, files, direction, layout).await?,
        None => exchange(hub, config, files, direction).await?,
    };
    let code = if result.is_complete() {
        exit_code::DONE
    } else {
        exit_code::INCOMPLETE
    };
    Ok((code, result.json(), result.text()))
}

/// The step an unfinished chain has to go on with.
fn open_step(file: &Path) -> Result<Option<Step>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::new(ErrorKind::RunDirectory, file.display().to_string()).with_source(e)),
    };
    let damaged = || Error::new(ErrorKind::RunDirectory, format!("{} is damaged", file.display()));
    let value: Value = serde_json::from_str(&text).map_err(|e| damaged().with_source(e))?;
    match value.get("open") {
        Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Step::named(name).map(Some).ok_or_else(damaged),
        _ => Err(damaged()),
    }
}

fn keep_state(file: &Path, open: Option<Step>) -> Result<()> {
    write_json(file, &json!({"open": open.map(Step::name)}))
}
