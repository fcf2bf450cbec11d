//! The tests that typed rows pass before the hub gets them: each table is cleared for itself.

use std::collections::BTreeSet;

use cds_hub::Hub;
use table_description::Description;
use work_dir::checks::{CheckOptions, Checks, Clearance};
use work_dir::profile::Target;
use work_dir::{FinalSignals, Layout};

use super::files::read;
use super::waited::Waited;
use crate::error::hub_error;
use crate::run::{Run, RunDirectory};
use crate::summary::Incomplete;
use crate::{Error, ErrorKind, Result, Summary};

/// Remarks that the summary repeats; all of them are in the report.
const MOST_REMARKS: usize = 20;
/// Ids the hub is asked for at a time.
const IDS_AT_ONCE: usize = 10_000;

/// What the tests said.
#[derive(Debug, Default)]
pub(crate) struct Gate(Clearance);

impl Gate {
    /// Tests the run's typed rows and, apart from them, those that have waited since earlier runs. A test that stops keeps
    /// its own table back, one that holds the resources concerned; what is implausible otherwise is remarked and
    /// handed on.
    ///
    /// # Errors
    /// When the rows or the rules cannot be read.
    pub(crate) async fn pass(
        run: &Run<'_>,
        directory: &RunDirectory,
        waited: &Waited,
        summary: &mut Summary,
    ) -> Result<Self> {
        let layout = directory.layout().clone();
        let options = CheckOptions {
            warn_only: directory.warn_only(),
            ..CheckOptions::default()
        };
        let files = layout.batch_files().map_err(|e| failed(&layout, e))?;
        let (mut own, mut waits) = (Vec::new(), Vec::new());
        for file in files {
            let of = (file.table, file.batch);
            if waited.files.contains(&of) {
                waits.push(of);
            } else if directory.batches().is_open(&of.0) {
                own.push(of);
            }
        }
        let known = known_elsewhere(run.hub, run.description, &layout, &own).await?;
        let clear = move |checks: &mut Checks<'_>| {
            for (target, ids) in &known {
                checks.know(*target, ids.iter().map(String::as_str));
            }
            checks.clear(&own, &waits).map(|(_, clearance)| clearance)
        };
        let gate = Self(tests(&layout, run.description, options, clear).await?);
        gate.tell(waited, &layout, summary);
        gate.leave_out_held(run, directory)?;
        Ok(gate)
    }

    /// Whether the rows of a table are handed on.
    pub(crate) fn is_handed_on(&self, table: &str) -> bool {
        self.0.stopped(table).is_none()
    }

    /// Whether a resource waits, by its id.
    pub(crate) fn holds(&self, table: &str, id: &str) -> bool {
        self.0.holds(table, id)
    }

    /// Whether any resource of a table waits.
    pub(crate) fn holds_any(&self, table: &str) -> bool {
        self.0.held(table).next().is_some()
    }

    /// The tables that are not handed on.
    pub(crate) fn stopped(&self) -> impl Iterator<Item = &str> {
        let tables = self.0.tables.iter();
        tables
            .filter(|(_, t)| t.stopped.is_some())
            .map(|(name, _)| name.as_str())
    }

    /// Says in the summary what is kept back and what is remarked.
    fn tell(&self, waited: &Waited, layout: &Layout, summary: &mut Summary) {
        for (table, cleared) in &self.0.tables {
            let origin = waited.origin(table);
            if let Some(why) = &cleared.stopped {
                let text = format!("{table} was not handed on: {why}");
                summary.incomplete.push(Incomplete::of(table, text));
            }
            if !cleared.held.is_empty() {
                let reasons: BTreeSet<&str> = cleared
                    .held
                    .values()
                    .flat_map(|held| &held.reasons)
                    .map(String::as_str)
                    .collect();
                let reasons: Vec<&str> = reasons.into_iter().collect();
                let origin = match origin.as_str() {
                    "" => String::new(),
                    origin => format!("; among what waits are {origin}"),
                };
                summary.remarks.push(format!(
                    "{table}: {} resources wait until they are corrected or released ({}){origin}: {}",
                    cleared.held.len(),
                    reasons.join(", "),
                    layout.held().display()
                ));
            }
        }
        let remarks = &self.0.remarks;
        summary
            .remarks
            .extend(remarks.iter().take(MOST_REMARKS).map(ToString::to_string));
        if remarks.len() > MOST_REMARKS {
            let more = remarks.len() - MOST_REMARKS;
            summary
                .remarks
                .push(format!("and {more} more: {}", layout.index_page().display()));
        }
    }

    /// Takes the rows of resources that wait out of the files: those have what is handed on.
    fn leave_out_held(&self, run: &Run<'_>, directory: &RunDirectory) -> Result<()> {
        let layout = directory.layout();
        let held: Vec<&String> = self
            .0
            .tables
            .iter()
            .filter(|(_, table)| !table.held.is_empty())
            .map(|(name, _)| name)
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let signals = run.final_signals(directory)?;
        for file in layout.batch_files().map_err(|e| failed(layout, e))? {
            let Some(table) = run
                .description
                .table(&file.table)
                .filter(|_| held.contains(&&file.table))
            else {
                continue;
            };
            self.rewrite(table, file.batch, &file.path, &signals)
                .map_err(|e| failed(layout, e))?;
        }
        Ok(())
    }

    fn rewrite(
        &self,
        table: &table_description::TableDescription,
        batch: u32,
        path: &std::path::Path,
        signals: &FinalSignals,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        use polars::prelude::{BooleanChunked, NewChunkedArray, PlSmallStr};
        let Some(id) = table.position_of_path("id").and_then(|id| table.columns.get(id)) else {
            return Ok(());
        };
        let frame = read(path)?;
        let ids = frame.column(&id.name)?.str()?;
        let wanted = ids
            .iter()
            .map(|id| id.is_none_or(|id| !self.holds(&table.name, id)));
        let wanted = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, wanted);
        let kept = frame.filter(&wanted)?;
        if kept.height() < frame.height() {
            signals.write(table, batch, vec![kept])?;
        }
        Ok(())
    }
}

/// Patients and encounters that rows refer to, that the run did not bring and that the hub has.
async fn known_elsewhere(
    hub: &Hub,
    description: &Description,
    layout: &Layout,
    own: &[(String, u32)],
) -> Result<Vec<(Target, Vec<String>)>> {
    let mut tables: Vec<String> = own.iter().map(|(table, _)| table.clone()).collect();
    tables.dedup();
    let unknown = move |checks: &mut Checks<'_>| checks.unknown(&tables);
    let unknown = tests(layout, description, CheckOptions::default(), unknown).await?;
    let mut known = Vec::new();
    for (target, unknown) in unknown {
        let Some(table) = description.table(target.table()) else {
            continue;
        };
        let unknown: Vec<String> = unknown.into_iter().collect();
        let mut found = Vec::new();
        for ids in unknown.chunks(IDS_AT_ONCE) {
            let ids = hub.known_ids(table, ids).await;
            found.extend(ids.map_err(|e| hub_error("asking for what rows refer to", e))?);
        }
        known.push((target, found));
    }
    Ok(known)
}

/// Makes tests on another thread.
async fn tests<T: Send + 'static>(
    layout: &Layout,
    description: &Description,
    options: CheckOptions,
    make: impl FnOnce(&mut Checks<'_>) -> std::result::Result<T, work_dir::Error> + Send + 'static,
) -> Result<T> {
    let (of, place) = (description.clone(), layout.clone());
    let work = move || make(&mut Checks::open(&place, Some(&of), options)?);
    let findings = tokio::task::spawn_blocking(work).await;
    // What a panic said is left out, since it may hold a value.
    findings
        .map_err(|_| failed(layout, "it broke off"))?
        .map_err(|e| failed(layout, e))
}

fn failed(layout: &Layout, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text = format!("testing the data in {}", layout.root().display());
    Error::new(ErrorKind::File, text).because(error)
}
