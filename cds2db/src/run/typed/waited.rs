//! Raw rows that wait in the hub to be typed, since their run died or was refused, or another program wrote them. This run
//! hands them on, after tests of their own: what failed yesterday fails no other row today.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use cds_hub::Hub;
use cds_hub::load::{RawRows, TypedPart};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray, PlSmallStr};
use table_description::{TableDescription, quote_identifier};
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
    runs: BTreeMap<String, Vec<EarlierRun>>,
    /// The files that hold them, by table and number: they are tested apart from the run's own.
    pub(super) files: BTreeSet<(String, u32)>,
}

/// Raw rows of one run.
#[derive(Debug)]
pub(super) struct EarlierRun {
    number: i32,
    began: String,
    rows: u64,
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
            let runs = EarlierRun::of(run.hub, table).await?;
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
    let newest = newest(run.hub, table).await?;
    let mut files = NewestRows {
        directory,
        signals: directory.final_signals()?,
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
            let frame = typed.to_frame().map_err(|e| failed(table, e))?;
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
            .write(self.table, number, &std::mem::take(&mut self.frames));
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

impl EarlierRun {
    /// Which rows of a table wait.
    async fn of(hub: &Hub, table: &TableDescription) -> Result<Vec<Self>> {
        let (queue, raw, key) = names(table);
        let sql = format!(
            "SELECT i.run::text, to_char(min(i.checked), 'YYYY-MM-DD HH24:MI'), count(DISTINCT o.id)::text \
             FROM {queue} o JOIN {raw} r ON r.{key} = o.id JOIN core.import i ON i.no = r.import_no \
             GROUP BY i.run ORDER BY i.run"
        );
        let rows = hub.select_text(&sql, &[]).await.map_err(|e| failed(table, e))?;
        let read = |row: Vec<Option<String>>| {
            let mut cells = row.into_iter().flatten();
            Some(Self {
                number: cells.next()?.parse().ok()?,
                began: cells.next()?,
                rows: cells.next()?.parse().ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

impl std::fmt::Display for EarlierRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of run {} ({})", self.rows, self.number, self.began)
    }
}

/// The raw rows that wait, of each resource only the newest.
async fn newest(hub: &Hub, table: &TableDescription) -> Result<HashSet<i32>> {
    let (queue, raw, key) = names(table);
    let resource = match table.position_of_path("id") {
        // A row without an id is a resource of its own.
        Some(id) => format!(
            "coalesce(r.{}, r.{key}::text)",
            quote_identifier(&table.columns[id].name)
        ),
        None => format!("r.{key}"),
    };
    let sql = format!(
        "SELECT max(r.{key})::text FROM (SELECT DISTINCT id FROM {queue}) o JOIN {raw} r ON r.{key} = o.id GROUP BY {resource}"
    );
    let rows = hub.select_text(&sql, &[]).await.map_err(|e| failed(table, e))?;
    Ok(rows
        .into_iter()
        .flatten()
        .filter_map(|id| id?.parse().ok())
        .collect())
}

/// Queue, raw table and its key.
fn names(table: &TableDescription) -> (String, String, String) {
    let name = |end: &str| quote_identifier(&format!("{}_raw{end}", table.name));
    (
        format!("core.{}", name("_open")),
        format!("core.{}", name("")),
        name("_id"),
    )
}

fn failed(table: &TableDescription, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Hub, place(table)).because(error)
}

fn place(table: &TableDescription) -> String {
    format!("reading what waits of {}", table.name)
}
