//! Typed rows on their way into the run's files, which are what the tests read.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use fhir_melt::TypedBatch;
use polars::prelude::{Column as FrameColumn, DataFrame, PolarsResult, StringChunked};
use polars::prelude::{IntoColumn, NewChunkedArray};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::TableDescription;
use work_dir::{Compression, FinalSignals, write_parquet};

use super::fill::EncounterReferences;
use super::tables::ENCOUNTER;
use super::writing::Writing;
use crate::references::EncounterGraph;
use crate::run::{Run, RunDirectory};
use crate::{Error, ErrorKind, Result};

/// Typed rows of one batch kept in memory; what is beyond goes to further files.
const ROWS_A_FILE: usize = 200_000;

/// The files of a run while it works.
pub(crate) struct Files<'d> {
    directory: &'d RunDirectory,
    /// Whether they say behind each date how much of it was given.
    with_precision: bool,
    writing: Writing<'d>,
    /// Rows of batches that are being fetched, by table and number.
    open: HashMap<(String, u32), Vec<Arc<TypedBatch>>>,
    /// Rows that lie aside: those of encounters until their references are known, and those that belong to no batch.
    aside: Vec<Aside>,
    /// Encounter batches that were fetched in full.
    encounters: Vec<(Arc<TableDescription>, u32)>,
    /// Files put aside so far.
    put_aside: usize,
}

/// A file that is no file of the run yet.
struct Aside {
    table: Arc<TableDescription>,
    /// `None` for rows that belong to no batch that was fetched in full.
    batch: Option<u32>,
    path: PathBuf,
}

impl<'d> Files<'d> {
    pub(crate) fn begin(run: &Run<'_>, directory: &'d RunDirectory) -> Result<Self> {
        let signals = Arc::new(run.final_signals(directory)?);
        if let Some(record) = directory.record() {
            signals
                .number(record.patients.iter().map(String::as_str))
                .map_err(Writing::failed)?;
        }
        Ok(Self {
            directory,
            with_precision: run.settings.date_precision,
            writing: Writing::new(directory, signals),
            open: HashMap::new(),
            aside: Vec::new(),
            encounters: Vec::new(),
            put_aside: 0,
        })
    }

    /// Adds rows of a batch, or rows that came along with one of another table.
    pub(crate) async fn add(
        &mut self,
        table: &Arc<TableDescription>,
        batch: Option<u32>,
        typed: &[Arc<TypedBatch>],
    ) -> Result<()> {
        let Some(number) = batch.filter(|_| table.name != ENCOUNTER) else {
            return self.aside(table, batch, typed).await;
        };
        let open = self.open.entry((table.name.clone(), number)).or_default();
        open.extend(typed.iter().cloned());
        if open.iter().map(|typed| typed.rows()).sum::<usize>() > ROWS_A_FILE {
            let rows = std::mem::take(open);
            self.aside(table, None, &rows).await?;
        }
        Ok(())
    }

    /// All of a batch is there.
    pub(crate) async fn finished(&mut self, table: &Arc<TableDescription>, number: u32) -> Result<()> {
        if table.name == ENCOUNTER {
            self.encounters.push((Arc::clone(table), number));
            return Ok(());
        }
        let rows = self
            .open
            .remove(&(table.name.clone(), number))
            .unwrap_or_default();
        let of = Arc::clone(table);
        let with_precision = self.with_precision;
        let frames = move || frames(&of, rows, with_precision);
        self.writing.put(table, number, frames).await
    }

    /// A batch will not be there in full; what came of it is in a further file.
    pub(crate) async fn broke_off(&mut self, table: &Arc<TableDescription>, number: u32) -> Result<()> {
        for aside in &mut self.aside {
            if aside.table.name == table.name && aside.batch == Some(number) {
                aside.batch = None;
            }
        }
        let rows = self
            .open
            .remove(&(table.name.clone(), number))
            .unwrap_or_default();
        self.aside(table, None, &rows).await
    }

    /// Leaves out a table that stays raw.
    pub(crate) fn leave_out(&mut self, table: &str) {
        self.aside.retain(|aside| aside.table.name != table);
        if table == ENCOUNTER {
            self.encounters.clear();
        }
    }

    async fn aside(
        &mut self,
        table: &Arc<TableDescription>,
        batch: Option<u32>,
        typed: &[Arc<TypedBatch>],
    ) -> Result<()> {
        for typed in typed.iter().filter(|typed| typed.rows() > 0) {
            let name = format!("aside.{}.parquet", self.put_aside);
            let path = self.directory.layout().root().join("hub_rows").join(name);
            self.put_aside += 1;
            let (typed, of, to) = (Arc::clone(typed), Arc::clone(table), path.clone());
            let with_precision = self.with_precision;
            let work = tokio::task::spawn_blocking(move || {
                let frames = frames(&of, vec![typed], with_precision)?;
                let written = frames.iter().try_for_each(|frame| write(frame, &to));
                written.map_err(|e| failed(&of, e))
            });
            work.await.map_err(|_| lost(table))??;
            let table = Arc::clone(table);
            self.aside.push(Aside { table, batch, path });
        }
        Ok(())
    }

    /// Writes what lay aside, now that the references of encounters are known, and waits until all files are there.
    pub(crate) async fn end(mut self, graph: &EncounterGraph) -> Result<()> {
        type Group = (Arc<TableDescription>, Vec<PathBuf>);
        let mut groups: BTreeMap<(String, Option<u32>), Group> = BTreeMap::new();
        for Aside { table, batch, path } in std::mem::take(&mut self.aside) {
            let group = groups.entry((table.name.clone(), batch));
            group.or_insert_with(|| (table, Vec::new())).1.push(path);
        }
        for (table, number) in std::mem::take(&mut self.encounters) {
            let group = groups.entry((table.name.clone(), Some(number)));
            group.or_insert_with(|| (table, Vec::new()));
        }
        for ((_, number), (table, paths)) in groups {
            let references = EncounterReferences::of(&table);
            let mut frames = Vec::new();
            for path in paths {
                let mut frame = read(&path).map_err(|e| failed(&table, e))?;
                for (column, calculated) in references.iter().flat_map(EncounterReferences::columns) {
                    let texts = references.as_ref().map(|r| r.id_name());
                    set_by(&mut frame, column, texts.unwrap_or_default(), |id| {
                        calculated(graph, id)
                    })
                    .map_err(|e| failed(&table, e))?;
                }
                frames.push(frame);
            }
            match number {
                Some(number) => self.writing.put(&table, number, move || Ok(frames)).await?,
                None => self.further(&table, frames).await?,
            }
        }
        self.writing.end().await
    }

    /// Writes a file behind those of the batches.
    pub(crate) async fn further(
        &mut self,
        table: &Arc<TableDescription>,
        frames: Vec<DataFrame>,
    ) -> Result<()> {
        let number = self.directory.batches().next_further(&table.name);
        self.writing.put(table, number, move || Ok(frames)).await
    }
}

impl Run<'_> {
    /// What writes typed rows into the directory, with the columns that the configuration asks for.
    pub(super) fn final_signals(&self, directory: &RunDirectory) -> Result<FinalSignals> {
        let signals = directory.final_signals()?;
        Ok(signals.with_precision(self.settings.date_precision))
    }
}

/// Sets a column of texts by the texts of another one.
fn set_by(
    frame: &mut DataFrame,
    column: &str,
    key: &str,
    value: impl Fn(&str) -> Option<String>,
) -> PolarsResult<()> {
    let texts: Vec<Option<String>> = match frame.column(key) {
        Ok(ids) => ids.str()?.iter().map(|id| id.and_then(&value)).collect(),
        Err(_) => vec![None; frame.height()],
    };
    let texts: FrameColumn = StringChunked::from_iter_options(column.into(), texts.into_iter()).into_column();
    frame.with_column(texts).map(drop)
}

/// The rows as frames.
fn frames(
    table: &TableDescription,
    typed: Vec<Arc<TypedBatch>>,
    with_precision: bool,
) -> Result<Vec<DataFrame>> {
    // Each batch goes when its frame is there.
    let frames = typed
        .into_iter()
        .map(|typed| typed.to_frame_of_filled(with_precision));
    let frames: std::result::Result<Vec<_>, _> = frames.collect();
    frames.map_err(|e| failed(table, e))
}

fn write(frame: &DataFrame, path: &std::path::Path) -> PolarsResult<()> {
    write_parquet(&File::create(path)?, frame, Compression::None)
}

pub(super) fn read(path: &std::path::Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}

fn failed(table: &TableDescription, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    lost(table).because(error)
}

fn lost(table: &TableDescription) -> Error {
    Error::new(ErrorKind::File, format!("the typed rows of {}", table.name))
}
