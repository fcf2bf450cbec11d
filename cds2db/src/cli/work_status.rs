//! How a run stands: read once, printed for people or as JSON for whoever watches.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use site_config::{shown, shown_json};
use work_dir::checks::{Clearance, Outcome, Results, Severity, Verdict};
use work_dir::whole::FinalState;
use work_dir::{Layout, WorkDir};

use super::work::{Place, failed};
use crate::run::{RunDirectory, UnreadPart};
use crate::{Error, ErrorKind, Result};

/// Show which tables are done.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    place: Place,
    /// Print one line of JSON instead of the tables
    #[arg(long)]
    json: bool,
}

/// Unreadable parts of a table shown to people.
const UNREAD_SHOWN: usize = 5;

impl Status {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let state = State::read(&self.place.layout()?)?;
        if self.json {
            let text = serde_json::to_string(&state)
                .map_err(|e| Error::new(ErrorKind::File, "the state as JSON").because(e))?;
            println!("{}", shown_json(&text));
        } else {
            print!("{}", state.text());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How a run stands.
#[derive(Debug, Serialize)]
struct State {
    /// The run's directory.
    directory: PathBuf,
    finished: bool,
    /// Tables that are not completed.
    open: usize,
    tables: Vec<Table>,
    /// Tests that failed.
    failures: Vec<Failure>,
    /// Resources that wait, by table.
    held: Vec<Held>,
    /// Final files that stay as they were.
    kept_back: Vec<KeptBack>,
    /// What has moved against the whole before.
    drift: Vec<Drift>,
    /// What could not be read and is asked for again.
    unread: Vec<UnreadPart>,
    next: String,
}

#[derive(Debug, Serialize)]
struct Table {
    table: String,
    /// `Completed`, `In Process`, …; `overridden` where it is loaded again.
    status: String,
    /// Since when, local time; `None` where it was overridden.
    since: Option<String>,
    /// Batches that are there.
    fetched: u32,
    /// Batches planned; `None` where that is not known.
    of: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Failure {
    table: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct Held {
    table: String,
    resources: usize,
    listed_in: PathBuf,
}

#[derive(Debug, Serialize)]
struct KeptBack {
    signal: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Drift {
    signal: String,
    found: String,
}

impl State {
    fn read(layout: &Layout) -> Result<Self> {
        let here = |e| failed(layout.root(), e);
        let tables = tables(layout)?;
        let open = tables
            .iter()
            .filter(|table| table.status != work_dir::Status::Completed.as_str())
            .count();
        let results = Results::read(layout).map_err(here)?.tables.into_iter();
        let failures = results.flat_map(|(table, results)| {
            let failed = results.whole.into_iter().filter(|o| o.verdict == Verdict::Failed);
            failed.map(move |outcome| Failure {
                table: table.clone(),
                outcome,
            })
        });
        let held = Clearance::read_held(layout).map_err(here)?.into_iter();
        let held = held.map(|(table, held)| Held {
            table,
            resources: held.len(),
            listed_in: layout.held(),
        });
        let signals = FinalState::read(layout.base()).map_err(here)?;
        let kept_back = signals.kept_back().map(|(signal, why)| KeptBack {
            signal: signal.to_owned(),
            why: why.to_owned(),
        });
        let drift = signals.signals.iter().flat_map(|(signal, standing)| {
            standing.drift.iter().map(|found| Drift {
                signal: signal.clone(),
                found: found.to_string(),
            })
        });
        Ok(Self {
            directory: layout.root().to_owned(),
            finished: layout.is_finished(),
            open,
            tables,
            failures: failures.collect(),
            held: held.collect(),
            kept_back: kept_back.collect(),
            drift: drift.collect(),
            unread: RunDirectory::unread_parts(layout)?,
            next: next(layout, open),
        })
    }

    fn text(&self) -> String {
        let mut out = format!("run in {}\n", self.directory.display());
        let mut line = |text: String| {
            out.push_str(&shown(&text));
            out.push('\n');
        };
        line(format!(
            "{:<28}{:<21}{:<12}{:>9}{:>7}",
            "table", "since", "status", "fetched", "of"
        ));
        for table in &self.tables {
            let (name, status, fetched) = (&table.table, &table.status, table.fetched);
            let since = table.since.as_deref().unwrap_or_default();
            let of = table.of.map_or_else(|| "?".to_owned(), |of| of.to_string());
            line(format!("{name:<28}{since:<21}{status:<12}{fetched:>9}{of:>7}"));
        }
        line(self.next.clone());
        for Failure { table, outcome } in &self.failures {
            let word = match outcome.severity {
                Severity::Stop => "stopped",
                Severity::Hold => "held",
                _ => "remark",
            };
            line(format!(
                "{word}: {table}: {} {}: {}",
                outcome.test, outcome.place, outcome.found
            ));
        }
        for held in &self.held {
            line(format!(
                "{} resources of {} wait, listed in {}",
                held.resources,
                held.table,
                held.listed_in.display()
            ));
        }
        for KeptBack { signal, why } in &self.kept_back {
            line(format!("final files of {signal} stay as they were: {why}"));
        }
        for Drift { signal, found } in &self.drift {
            line(format!("drift: {signal}: {found}"));
        }
        self.unread(&mut out);
        out
    }

    /// What the run could not read and has kept.
    fn unread(&self, out: &mut String) {
        for (table, count) in by_table(&self.unread) {
            let _ = writeln!(
                out,
                "{table}: {count} resources or other parts of pages cannot be read, asked for again by the next run:"
            );
            let of_table = self.unread.iter().filter(|part| part.table == table);
            for part in of_table.take(UNREAD_SHOWN) {
                let _ = writeln!(
                    out,
                    "  unread/{}: {} bytes, batch {} page {} line {}: {}",
                    part.file,
                    part.bytes,
                    part.batch,
                    part.page,
                    part.line,
                    shown(&part.reason)
                );
            }
        }
    }
}

/// The tables of a run, those that were overridden behind the others.
fn tables(layout: &Layout) -> Result<Vec<Table>> {
    let work = WorkDir::look(layout.root()).map_err(|e| failed(layout.root(), e))?;
    let waiting = RunDirectory::waiting(layout)?;
    let known = work
        .units()
        .filter(|(name, ..)| !waiting.iter().any(|table| table == name));
    let known = known.map(|(name, at, status)| Table {
        table: name.to_owned(),
        status: status.as_str().to_owned(),
        since: Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        fetched: work.last_batch(name).map_or(0, |last| last + 1),
        of: Some(work.batches(name)),
    });
    let mut tables: Vec<Table> = known.collect();
    let overridden = waiting.into_iter().map(|table| Table {
        table,
        status: "overridden".to_owned(),
        since: None,
        fetched: 0,
        of: None,
    });
    tables.extend(overridden);
    Ok(tables)
}

/// What to type next.
fn next(layout: &Layout, open: usize) -> String {
    match (open, layout.is_finished()) {
        (0, true) => "finished; next: the same command begins a new run".to_owned(),
        (0, false) => "everything is loaded, the end is missing; next: the same command".to_owned(),
        (open, true) => format!(
            "finished, {open} not completed: see INCOMPLETE in {}; next: the same command asks for the rest",
            layout.summary().display()
        ),
        (open, false) => {
            format!("{open} not completed; next: the same command goes on, with --fresh a new run begins")
        }
    }
}

/// How many parts each table has, in the order of names.
fn by_table(parts: &[UnreadPart]) -> BTreeMap<&str, u64> {
    parts.iter().fold(BTreeMap::new(), |mut counts, part| {
        *counts.entry(part.table.as_str()).or_default() += 1;
        counts
    })
}
