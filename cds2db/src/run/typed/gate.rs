//! The tests that typed rows pass before the hub gets them.

use std::collections::HashSet;

use table_description::Description;
use work_dir::Layout;
use work_dir::checks::{CheckOptions, Checks, Findings, Verdict};

use super::earlier::Earlier;
use crate::run::RunDirectory;
use crate::{Error, ErrorKind, Result, Summary};

/// Tests the typed rows of a run before they are handed on to the hub, those of earlier runs among them: each batch of the
/// tables it loads, then all rows.
///
/// # Errors
/// [`ErrorKind::Data`] when a test of severity `stop` fails: what to correct and how to go on is in the text.
pub(crate) async fn pass(
    directory: &RunDirectory,
    description: &Description,
    earlier: &Earlier,
    summary: &mut Summary,
) -> Result<()> {
    let layout = directory.layout().clone();
    let options = CheckOptions {
        warn_only: directory.warn_only(),
        ..CheckOptions::default()
    };
    let files = layout.batch_files().map_err(|e| failed(&layout, e))?;
    let open: Vec<(String, u32)> = files
        .into_iter()
        .filter(|file| {
            directory.batches().is_open(&file.table) || earlier.tables().any(|table| table == file.table)
        })
        .map(|file| (file.table, file.batch))
        .collect();
    let (of, place) = (description.clone(), layout.clone());
    let tests = move || tests(&place, &of, options, &open);
    let findings = tokio::task::spawn_blocking(tests).await;
    // What a panic said is left out, since it may hold a value.
    let findings = findings
        .map_err(|_| failed(&layout, "it broke off"))?
        .map_err(|e| failed(&layout, e))?;
    if let Some(refusal) = findings.refusal(&layout) {
        let hint = findings.stops().find_map(|(table, _)| earlier.hint(table));
        return Err(Error::new(ErrorKind::Data, refusal + &hint.unwrap_or_default()));
    }
    let outcomes = findings.tables.iter().flat_map(|(_, outcomes)| outcomes);
    let warnings = outcomes.filter(|o| o.verdict == Verdict::Failed).count();
    if warnings > 0 {
        summary.notes.push(format!(
            "{warnings} tests of the data warn: {}",
            layout.index_page().display()
        ));
    }
    Ok(())
}

fn tests(
    layout: &Layout,
    description: &Description,
    options: CheckOptions,
    open: &[(String, u32)],
) -> std::result::Result<Findings, work_dir::Error> {
    let checks = Checks::open(layout, Some(description), options)?;
    let mut tables: Vec<String> = open.iter().map(|(table, _)| table.clone()).collect();
    tables.dedup();
    // A table of one batch is tested as a whole below.
    let batches_of = |table: &str| open.iter().filter(|(other, _)| other == table).count();
    let alone: HashSet<&String> = tables.iter().filter(|table| batches_of(table) == 1).collect();
    let several = open
        .iter()
        .filter(|(table, batch)| *batch > 0 || !alone.contains(table));
    checks.batches(&several.cloned().collect::<Vec<_>>())?;
    if tables.is_empty() {
        return Ok(Findings::default());
    }
    checks.whole(&tables)
}

fn failed(layout: &Layout, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(
        ErrorKind::File,
        format!("testing the data in {}", layout.root().display()),
    )
    .because(error)
}
