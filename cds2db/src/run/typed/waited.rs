//! Raw rows that wait in the hub to be typed, since their run died or was refused, or another program wrote them. This run
//! hands them on, after tests of their own: what failed yesterday fails no other row today.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cds_hub::ask::WaitingRun;
use cds_hub::load::{RawRows, TypedPart};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray, PlSmallStr};
use table_description::TableDescription;
use work_dir::{FinalSignals, RowKeys};

use super::shaping::Shaping;
use super::typing::{RAW_ROWS, Typing};
use crate::run::kept::hub_rows::HubRows;
use crate::run::{Run, RunDirectory};
use crate::{Error, ErrorKind, Result, Summary};

/// Typed rows of a file, about.
const FILE_ROWS: usize = 50_000;

/// The tables with rows that have waited, and which runs those are from.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    runs: BTreeMap<String, Vec<WaitingRun>>,
    /// The files that hold them, by table and number: they are tested apart from the run's own.
    pub(super) files: BTreeSet<(String, u32)>,
}

impl Waited {
    /// Types what waits and writes it beside the run's own rows: all rows for the hub; of those that the run itself does not
    /// have, the newest version of each resource for the files. Older versions become history, and are not tested.
    pub(crate) async fn write(
        run: &Run<'_>,
        directory: &RunDirectory,
        rows: &Arc<HubRows>,
        shaping: &Arc<Shaping>,
        typing: &mut Typing<'_>,
        summary: &mut Summary,
    ) -> Result<Self> {
        let mut waited = Self::default();
        for table in &run.description.tables {
            if typing.stays_raw(table) {
                continue;
            }
            let runs = run.hub.waiting(table).await.map_err(|e| failed(table, e))?;
            if runs.is_empty() {
                continue;
            }
            let files = write_table(run, directory, rows, shaping, typing, table).await?;
            waited.files.extend(files);
            let wait: Vec<String> = runs.iter().map(ToString::to_string).collect();
            summary.notes.push(format!(
                "{}: {} wait and are handed on too",
                table.name,
                wait.join(", ")
            ));
            waited.runs.insert(table.name.clone(), runs);
        }
        Ok(waited)
    }

    /// Which runs the rows of a table are from.
    pub(crate) fn origin(&self, table: &str) -> String {
        let runs = self.runs.get(table).into_iter().flatten();
        runs.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Whether rows of a table have waited.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.runs.contains_key(table)
    }
}

/// Types the waiting rows of a table; the files with those to be tested.
async fn write_table(
    run: &Run<'_>,
    directory: &RunDirectory,
    rows: &Arc<HubRows>,
    shaping: &Arc<Shaping>,
    typing: &mut Typing<'_>,
    table: &Arc<TableDescription>,
) -> Result<Vec<(String, u32)>> {
    let keys = RowKeys::read(directory.layout(), table).map_err(|e| failed(table, e))?;
    let newest = run
        .hub
        .newest_waiting(table)
        .await
        .map_err(|e| failed(table, e))?;
    let mut files = NewestRows {
        directory,
        signals: run.final_signals(directory)?,
        table,
        frames: Vec::new(),
        rows: 0,
        written: Vec::new(),
    };
    let open = run.hub.open_raw(table, RAW_ROWS).await;
    let mut open = open.map_err(|e| failed(table, e))?;
    while let Some((raw_ids, batch)) = open.next().await.map_err(|e| failed(table, e))? {
        let (shaping, to) = (Arc::clone(shaping), Arc::clone(rows));
        let shaped = tokio::task::spawn_blocking(move || shaping.shape(batch)).await;
        let mut shaped = shaped.map_err(|_| Error::new(ErrorKind::Hub, place(table)))?;
        for typed in &mut shaped.typed {
            typing.fill_references(table, typed).await?;
            typing.fill_encounters(table, typed);
        }
        for typed in &shaped.typed {
            let frame = typed.to_frame_of_filled(run.settings.date_precision);
            let frame = frame.map_err(|e| failed(table, e))?;
            let missing = keys.missing(&frame).map_err(|e| failed(table, e))?;
            let is_newest = |row| {
                raw_ids
                    .get(typed.source_row(row))
                    .is_some_and(|id| newest.contains(id))
            };
            let wanted = missing
                .into_iter()
                .enumerate()
                .map(|(row, missing)| missing && is_newest(row));
            let wanted = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, wanted);
            files.add(frame.filter(&wanted).map_err(|e| failed(table, e))?)?;
        }
        let parts = shaped.typed.iter().map(|typed| (typed, RawRows::Ids(&raw_ids)));
        let mut part = TypedPart::new(table, parts).map_err(|e| failed(table, e))?;
        part.add_defects(&shaped.defects, &shaped.batch, RawRows::Ids(&raw_ids));
        to.add_waited(&table.name, &raw_ids, &part)?;
    }
    files.end()
}

/// The newest version of each resource, as files.
struct NewestRows<'t> {
    directory: &'t RunDirectory,
    signals: FinalSignals,
    table: &'t TableDescription,
    frames: Vec<DataFrame>,
    rows: usize,
    written: Vec<(String, u32)>,
}

impl NewestRows<'_> {
    fn add(&mut self, frame: DataFrame) -> Result<()> {
        self.rows += frame.height();
        if frame.height() > 0 {
            self.frames.push(frame);
        }
        if self.rows >= FILE_ROWS {
            self.write()
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> Result<()> {
        let number = self.directory.batches().next_further(&self.table.name);
        let written = self
            .signals
            .write(self.table, number, std::mem::take(&mut self.frames));
        written.map_err(|e| failed(self.table, e))?;
        self.written.push((self.table.name.clone(), number));
        self.rows = 0;
        Ok(())
    }

    fn end(mut self) -> Result<Vec<(String, u32)>> {
        if self.rows > 0 {
            self.write()?;
        }
        self.signals.settle().map_err(|e| failed(self.table, e))?;
        Ok(self.written)
    }
}

fn failed(table: &TableDescription, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Hub, place(table)).because(error)
}

fn place(table: &TableDescription) -> String {
    format!("reading what waits of {}", table.name)
}
