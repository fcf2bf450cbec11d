//! One run: read, compute, write, under one lock.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use cds_hub::Hub;
use cds_hub::semaphore::LockOptions;
use jiff::civil::DateTime;
use polars::prelude::*;
use work_dir::{Runs, Status, WorkDir};

use crate::apart::apart;
use crate::basis::{Basis, TABLES};
use crate::config::Config;
use crate::delivery::{Delivered, deliver};
use crate::output::Output;
use crate::sources::Sources;
use crate::sql_table::SqlTable;
use crate::view::Snapshot;
use crate::without_case::{Reason, reasons};
use crate::{Error, ErrorKind, Result, fall_fe, patient_fe};

/// Name under which the dataprocessor holds the hub's lock.
const MODULE: &str = "dataprocessor";

/// What a run did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// The moment the run was for, wall time of the hub's zone.
    pub now: DateTime,
    /// Rows of `patient_fe`.
    pub patients: usize,
    /// Rows of `fall_fe`.
    pub cases: usize,
    /// Rows of all output tables whose content was new.
    pub new: usize,
    /// Rows of all output tables that were there already.
    pub seen: usize,
    /// The same for each table.
    pub tables: Vec<Delivered>,
    /// Listed patients of whom no case is shown.
    pub without_case: usize,
    /// Why, by reason; the counts add up to `without_case`.
    pub reasons: BTreeMap<Reason, usize>,
    /// Patients with more than one case, all of which are shown.
    pub several_cases: usize,
    /// Listed patients of whom the hub has no resource, or none that the identifier filters keep.
    pub unknown_patients: usize,
    /// Tables declared as SQL that could not be made, with the reason.
    pub left_out: Vec<String>,
    /// `DEBUG_…` keys in use, which must be off in real operation.
    pub debug_keys: Vec<String>,
    /// How long it took, waiting for the lock included.
    pub elapsed: Duration,
}

/// Reads the hub, computes all output tables and writes them, under one lock.
///
/// # Errors
/// When the hub cannot be read, written or locked, and where the profile's rule cannot be applied.
pub async fn run(hub: &Hub, config: &Config) -> Result<Summary> {
    run_waiting(hub, config, None).await
}

/// The same, waiting for the hub's lock no longer than `patience`; without end where there is none.
///
/// # Errors
/// As [`run`]; also when somebody else still holds the lock then.
pub async fn run_waiting(hub: &Hub, config: &Config, patience: Option<Duration>) -> Result<Summary> {
    let started = Instant::now();
    let now = config.now();
    let options = LockOptions {
        patience,
        ..LockOptions::default()
    };
    let lock = hub
        .lock_with(MODULE, "dataprocessor:frontend tables", options)
        .await?;
    let result = under_lock(hub, &lock, config, now).await;
    // Nothing waits in the inboxes now, whether the run succeeded or not: the next holder may read at once.
    let released = lock.release(true).await;
    let mut summary = result?;
    released?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// The same, noted in the directory of the run whose rows it takes, as the unit `dataprocessor`. `directory` is a run's, or
/// one that has runs below it: then the last one is meant.
///
/// # Errors
/// As [`run`]; [`ErrorKind::RunDirectory`] when there is no run, when one is at work there, or its state is damaged.
pub async fn run_in(
    hub: &Hub,
    config: &Config,
    directory: &Path,
    patience: Option<Duration>,
) -> Result<Summary> {
    let failed = |e: work_dir::Error| {
        Error::new(ErrorKind::RunDirectory, directory.display().to_string()).with_source(e)
    };
    let Some(layout) = Runs::locate(directory).map_err(failed)? else {
        let place = format!("{} has no run of cds2db", directory.display());
        return Err(Error::new(ErrorKind::RunDirectory, place));
    };
    let mut work = WorkDir::open(layout.root()).map_err(failed)?;
    work.set(MODULE, Status::InProcess).map_err(failed)?;
    let result = run_waiting(hub, config, patience).await;
    let status = match &result {
        Ok(_) => Status::Completed,
        Err(_) => Status::Failed,
    };
    let noted = work.set(MODULE, status).map_err(failed);
    let summary = result?;
    noted.map(|()| summary)
}

async fn under_lock(
    hub: &Hub,
    lock: &cds_hub::semaphore::Lock,
    config: &Config,
    now: DateTime,
) -> Result<Summary> {
    let (declared, mut left_out) = match &config.sql_tables {
        Some(folder) => SqlTable::read_each(folder)?,
        None => (Vec::new(), Vec::new()),
    };
    let mut snapshot = Snapshot::open(hub).await?;
    let sources = Sources::read(&mut snapshot, config, now).await?;
    snapshot.close().await?;
    let config = config.clone();
    let begun = Instant::now();
    let (outputs, mut summary) = apart(move || derive(&sources, &config, now)).await?;
    tracing::debug!(elapsed = ?begun.elapsed(), "derived");
    let begun = Instant::now();
    let (tables, refused) = deliver(hub, lock, &outputs, &declared, now).await?;
    left_out.extend(refused);
    summary.tables = tables;
    summary.left_out = left_out.iter().map(in_one_line).collect();
    tracing::debug!(elapsed = ?begun.elapsed(), "delivered");
    summary.new = summary.tables.iter().map(|t| t.new).sum();
    summary.seen = summary.tables.iter().map(|t| t.seen).sum();
    Ok(summary)
}

/// Computes all output tables from what was read.
///
/// # Errors
/// Where the profile's rule cannot be applied, or the sources have other columns than expected.
pub fn derive(sources: &Sources, config: &Config, now: DateTime) -> Result<(Vec<Output>, Summary)> {
    let basis = Basis::new(sources, config, now)?;
    let outputs: Vec<Output> = TABLES.iter().map(|table| table(&basis)).collect::<Result<_>>()?;
    let mut summary = summarise(&basis, &outputs).map_err(|e| Error::frame("summary", &e))?;
    summary.reasons = reasons(sources, &basis.cases, config, now)?;
    Ok((outputs, summary))
}

/// An error and its causes.
pub(crate) fn in_one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(level) = cause {
        text.push_str(&format!(": {level}"));
        cause = level.source();
    }
    text
}

fn summarise(basis: &Basis<'_>, outputs: &[Output]) -> PolarsResult<Summary> {
    let Basis { cases, people, .. } = basis;
    let rows = |table: &str| {
        outputs
            .iter()
            .find(|o| o.table == table)
            .map_or(0, |o| o.rows.height())
    };
    let listed = cases
        .interest
        .clone()
        .select([col("patient")])
        .unique(None, UniqueKeepStrategy::Any);
    let without = |other: LazyFrame, key: &str| -> PolarsResult<usize> {
        Ok(listed
            .clone()
            .anti_join(other, col("patient"), col(key))
            .collect()?
            .height())
    };
    let of_patient = cases
        .shown
        .clone()
        .group_by([col("patient")])
        .agg([col("case").n_unique().alias("cases")]);
    Ok(Summary {
        now: basis.now,
        patients: rows(patient_fe::TABLE),
        cases: rows(fall_fe::TABLE),
        new: 0,
        seen: 0,
        tables: Vec::new(),
        reasons: BTreeMap::new(),
        without_case: without(cases.shown.clone(), "patient")?,
        several_cases: of_patient.filter(col("cases").gt(lit(1))).collect()?.height(),
        unknown_patients: without(people.chosen.clone(), "pat_id")?,
        left_out: Vec::new(),
        debug_keys: basis.config.debug_keys.clone(),
        elapsed: Duration::ZERO,
    })
}
