//! Typed rows as files in the run's directory.

use std::sync::Arc;

use fhir_crack::{Batch, Options, Plan};
use fhir_melt::{MeltOptions, TypedBatch, melt};
use futures_util::{StreamExt, stream};
use polars::prelude::DataFrame;
use table_description::TableDescription;
use table_description::typing::Zone;

use super::typing::Typing;
use super::writing::Writing;
use crate::run::kept::batches::Planned;
use crate::run::{Run, RunDirectory};
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
    let signals = Arc::new(directory.final_signals()?);
    if let Some(record) = directory.record() {
        signals
            .number(record.patients.iter().map(String::as_str))
            .map_err(Writing::failed)?;
    }
    let plan = Plan::new(run.description).map_err(|e| {
        Error::new(
            ErrorKind::Description,
            "a path of the table description cannot be followed",
        )
        .because(e)
    })?;
    let plan = Arc::new(plan);
    let mut writing = Writing::new(directory, Arc::clone(&signals));
    if let Some(batch) = wards {
        let table = Arc::clone(batch.table());
        let of = Arc::clone(&table);
        let typed = type_batch(&batch, typing.zone);
        writing.put(&table, 0, move || frames(&of, &[typed])).await?;
    }
    let open = directory.batches().kept()?.into_iter().filter_map(|planned| {
        let table = Arc::clone(run.description.table(&planned.table)?);
        (!signals.has(&table, planned.number)).then_some((table, planned))
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
        writing
            .put(&table, planned.number, move || frames(&of, &typed))
            .await?;
    }
    writing.end().await
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
