//! Raw rows of earlier runs that wait to be typed, since those were refused or broke off. This run hands them on with its
//! own, so it tests them with its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cds_hub::Hub;
use cds_hub::load::Run as HubRun;
use fhir_melt::{MeltOptions, melt};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray, PlSmallStr};
use table_description::{TableDescription, quote_identifier};
use work_dir::RowKeys;

use super::pieces::RAW_ROWS;
use super::typing::Typing;
use super::writing::Writing;
use crate::run::{Run, RunDirectory};
use crate::{Error, ErrorKind, Result, Summary};

/// Typed rows of a file, about.
const FILE_ROWS: usize = 50_000;

/// The tables with raw rows of earlier runs, and which runs those are.
#[derive(Debug, Default)]
pub(crate) struct Earlier(BTreeMap<String, Vec<EarlierRun>>);

/// Raw rows of one run.
#[derive(Debug)]
pub(super) struct EarlierRun {
    number: i32,
    began: String,
    rows: u64,
}

impl Earlier {
    /// Which rows of a table wait, from runs other than this one.
    pub(super) async fn of(hub: &Hub, table: &TableDescription, run: HubRun) -> Result<Vec<EarlierRun>> {
        let (queue, raw, key) = names(table);
        let sql = format!(
            "WITH own AS (SELECT coalesce(range_agg(r.ids), '{{}}') AS ids FROM core.import i \
             JOIN core.import_rows n ON n.import_no = i.no CROSS JOIN unnest(n.new_ids) AS r(ids) \
             WHERE i.run = ($1)[1]::integer AND n.table_name = ($2)[1]), \
             others AS (SELECT DISTINCT o.id FROM {queue} o WHERE NOT o.id <@ (SELECT own.ids FROM own)) \
             SELECT i.run::text, to_char(min(i.checked), 'YYYY-MM-DD HH24:MI'), count(*)::text \
             FROM others o JOIN {raw} r ON r.{key} = o.id JOIN core.import i ON i.no = r.import_no \
             GROUP BY i.run ORDER BY i.run"
        );
        let parameters = [
            vec![run.number().to_string()],
            vec![format!("{}_raw", table.name)],
        ];
        let rows = hub
            .select_text(&sql, &parameters)
            .await
            .map_err(|e| failed(table, e))?;
        let read = |row: Vec<Option<String>>| {
            let mut cells = row.into_iter().flatten();
            Some(EarlierRun {
                number: cells.next()?.parse().ok()?,
                began: cells.next()?,
                rows: cells.next()?.parse().ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Writes the typed rows of what waits and is not in the run's files yet: the newest version of each resource that the
    /// run itself does not have. Older versions become history, and are not tested.
    pub(crate) async fn write(
        run: &Run<'_>,
        directory: &RunDirectory,
        typing: &mut Typing<'_>,
        number: HubRun,
        summary: &mut Summary,
    ) -> Result<Self> {
        let mut earlier = Self::default();
        for table in &run.description.tables {
            directory.batches().remove_earlier(&table.name)?;
            if typing.stays_raw(table, summary) {
                continue;
            }
            let runs = Self::of(run.hub, table, number).await?;
            if runs.is_empty() && !directory.batches().is_broken(&table.name) {
                continue;
            }
            if write_table(run, directory, typing, table).await? == 0 {
                continue;
            }
            let wait: Vec<String> = runs.iter().map(ToString::to_string).collect();
            if !wait.is_empty() {
                summary.notes.push(format!(
                    "{}: {} wait and are handed on too",
                    table.name,
                    wait.join(", ")
                ));
            }
            earlier.0.insert(table.name.clone(), runs);
        }
        Ok(earlier)
    }

    /// Numbers of the runs they are from.
    pub(super) fn runs(&self) -> impl Iterator<Item = i32> {
        self.0.values().flatten().map(EarlierRun::number)
    }

    /// The tables with such rows.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What to add to the refusal of a table's data.
    pub(crate) fn hint(&self, table: &str) -> Option<String> {
        let runs: Vec<String> = self.0.get(table)?.iter().map(ToString::to_string).collect();
        (!runs.is_empty()).then(|| {
            format!(
                ". Among the tested are rows that an earlier run did not hand on: {}; once their resources are correct, \
                 --override {table} brings the new versions of this run's patients, and a resource that no run asks for \
                 any more needs --warn-only",
                runs.join(", ")
            )
        })
    }
}

impl EarlierRun {
    pub(super) fn number(&self) -> i32 {
        self.number
    }
}

impl std::fmt::Display for EarlierRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of run {} ({})", self.rows, self.number, self.began)
    }
}

/// Writes the files of a table; how many rows they have.
async fn write_table(
    run: &Run<'_>,
    directory: &RunDirectory,
    typing: &mut Typing<'_>,
    table: &Arc<TableDescription>,
) -> Result<usize> {
    let keys = RowKeys::read(directory.layout(), table).map_err(|e| failed(table, e))?;
    let newest = newest(run.hub, table).await?;
    let mut open = run
        .hub
        .open_raw(table, RAW_ROWS)
        .await
        .map_err(|e| failed(table, e))?;
    let mut writing = Writing::new(directory, Arc::new(directory.final_signals()?));
    let mut files = directory.batches().first_earlier(&table.name)..;
    let (mut frames, mut rows, mut all) = (Vec::new(), 0, 0);
    while let Some((raw_ids, batch)) = open.next().await.map_err(|e| failed(table, e))? {
        let (mut typed, _) = melt(&batch, &MeltOptions::default()).typed(typing.zone);
        typing.fill_references(table, &mut typed).await?;
        let frame = typed.to_frame().map_err(|e| failed(table, e))?;
        let missing = keys.missing(&frame).map_err(|e| failed(table, e))?;
        let wanted = missing.into_iter().enumerate().map(|(row, missing)| {
            missing
                && raw_ids
                    .get(typed.source_row(row))
                    .is_some_and(|id| newest.contains(id))
        });
        let wanted = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, wanted);
        let frame: DataFrame = frame.filter(&wanted).map_err(|e| failed(table, e))?;
        rows += frame.height();
        all += frame.height();
        if frame.height() > 0 {
            frames.push(frame);
        }
        if rows >= FILE_ROWS {
            let frames = std::mem::take(&mut frames);
            let number = files.next().unwrap_or(u32::MAX);
            writing.put(table, number, move || Ok(frames)).await?;
            rows = 0;
        }
    }
    if rows > 0 {
        let number = files.next().unwrap_or(u32::MAX);
        writing.put(table, number, move || Ok(frames)).await?;
    }
    writing.end().await?;
    Ok(all)
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
    Error::new(ErrorKind::Hub, format!("reading what waits of {}", table.name)).because(error)
}
