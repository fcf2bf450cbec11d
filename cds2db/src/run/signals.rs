use std::sync::{Arc, Mutex, PoisonError};

use fhir_crack::{Batch, Options, Plan};
use fhir_melt::{MeltOptions, TypedBatch, melt};
use futures_util::{StreamExt, stream};
use polars::prelude::DataFrame;
use table_description::TableDescription;
use table_description::typing::Zone;
use work_dir::FinalSignals;

use super::Run;
use super::directory::{Planned, RunDirectory};
use super::typed::Typing;
use crate::{Error, ErrorKind, Result};

/// Writes the typed rows of every complete batch to the run's directory, from the pages kept there: the same rows that
/// the hub gets, whether it had them before or not.
pub(crate) async fn write(
    run: &Run<'_>,
    directory: &RunDirectory,
    typing: &mut Typing<'_>,
    workers: usize,
    wards: Option<Batch>,
) -> Result<()> {
    let mut signals = directory.final_signals()?;
    if let Some(record) = directory.record() {
        signals
            .number(record.patients.iter().map(String::as_str))
            .map_err(file_error)?;
    }
    let plan = Plan::new(run.description).map_err(|e| {
        Error::new(
            ErrorKind::Description,
            "a path of the table description cannot be followed",
        )
        .because(e)
    })?;
    let plan = Arc::new(plan);
    let signals = Arc::new(Mutex::new(signals));
    if let Some(batch) = wards {
        let table = Arc::clone(batch.table());
        let typed = type_batch(&batch, typing.zone);
        let of = Arc::clone(&table);
        put(directory, &signals, &table, 0, move || frames(&of, &[typed])).await?;
    }
    let open = directory.kept_batches()?.into_iter().filter_map(|planned| {
        let table = Arc::clone(run.description.table(&planned.table)?);
        let there = signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .has(&table, planned.number);
        (!there).then_some((table, planned))
    });
    let open: Vec<_> = open.collect();
    let zone = typing.zone;
    let mut read = stream::iter(open)
        .map(|(table, planned)| {
            let plan = Arc::clone(&plan);
            let (zone, of, from) = (zone.clone(), Arc::clone(&table), planned.clone());
            async move {
                let work = tokio::task::spawn_blocking(move || read(&from, &of, &plan, &zone));
                // What a panic said is left out, since it may hold a value.
                let typed = work.await.map_err(|_| place(&planned)).flatten();
                (table, planned, typed)
            }
        })
        .buffered(workers.max(2));
    while let Some((table, planned, typed)) = read.next().await {
        // A batch that broke off has no file.
        let Some(mut typed) = typed? else { continue };
        for batch in &mut typed {
            typing.fill_references(&table, batch).await?;
        }
        let of = Arc::clone(&table);
        put(directory, &signals, &table, planned.number, move || {
            frames(&of, &typed)
        })
        .await?;
    }
    Ok(())
}

/// Cracks and types the pages of a batch; `None` where it was not fetched in full.
fn read(
    planned: &Planned,
    table: &TableDescription,
    plan: &Arc<Plan>,
    zone: &Zone,
) -> Result<Option<Vec<TypedBatch>>> {
    let failed = |e: std::io::Error| place(planned).because(e);
    let pages = planned
        .spool
        .complete_pages()
        .map_err(|e| place(planned).because(e))?;
    let Some(pages) = pages else { return Ok(None) };
    let mut typed = Vec::new();
    for page in pages {
        let bytes = std::fs::read(&page).map_err(failed)?;
        let cracked = fhir_crack::crack_with(&bytes, plan, Options::default())
            .map_err(|e| place(planned).because(e))?;
        let batches = cracked.batches.iter();
        let own = batches.filter(|b| b.table().name == table.name && b.rows() > 0);
        typed.extend(own.map(|b| type_batch(b, zone)));
    }
    Ok(Some(typed))
}

fn place(planned: &Planned) -> Error {
    let text = format!("the pages of batch {} of {}", planned.number, planned.table);
    Error::new(ErrorKind::File, text)
}

fn type_batch(batch: &Batch, zone: &Zone) -> TypedBatch {
    melt(batch, &MeltOptions::default()).typed(zone).0
}

/// The rows as frames.
fn frames(table: &TableDescription, typed: &[TypedBatch]) -> Result<Vec<DataFrame>> {
    let frames: std::result::Result<Vec<_>, _> = typed.iter().map(TypedBatch::to_frame).collect();
    frames.map_err(|e| Error::new(ErrorKind::File, format!("the typed rows of {}", table.name)).because(e))
}

/// Writes rows that waited in the hub as one more batch.
pub(super) async fn put_earlier(
    directory: &RunDirectory,
    table: &Arc<TableDescription>,
    number: u32,
    rows: Vec<DataFrame>,
) -> Result<()> {
    let signals = Arc::new(Mutex::new(directory.final_signals()?));
    put(directory, &signals, table, number, move || Ok(rows)).await
}

/// Writes the files of a batch on a worker thread.
async fn put(
    directory: &RunDirectory,
    signals: &Arc<Mutex<FinalSignals>>,
    table: &Arc<TableDescription>,
    number: u32,
    rows: impl FnOnce() -> Result<Vec<DataFrame>> + Send + 'static,
) -> Result<()> {
    let failed = |text: String| Error::new(ErrorKind::File, text);
    let place = format!("the typed rows of batch {number} of {}", table.name);
    let (signals, of) = (Arc::clone(signals), Arc::clone(table));
    let work = tokio::task::spawn_blocking(move || {
        let rows = rows()?;
        let mut signals = signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals.write(&of, number, &rows).map_err(file_error)
    });
    let written = work.await.map_err(|_| failed(place))??;
    directory.note(
        &table.name,
        Some(number),
        format!("written: {} rows", written.rows),
    )
}

fn file_error(error: work_dir::Error) -> Error {
    Error::new(ErrorKind::File, "the typed rows of the run").because(error)
}
