//! The standing whole, brought to where the hub stands: what changed there since is read back, so that the files hold what
//! readers of the hub see, whoever wrote it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use cds_hub::frame::{Kind, decode_filled};
use cds_hub::{Hub, LastVersions};
use futures_util::future::try_join_all;
use polars::prelude::{DataFrame, DataType, IntoColumn, IntoSeries, PolarsResult};
use table_description::{Description, FhirType, TableDescription};
use work_dir::whole::{Change, FinalState, Kept, NextWhole, RUN_COLUMN, Standing, Whole};

use super::fault::failed;
use crate::error::hub_error;
use crate::run::{Run, RunDirectory};
use crate::{Error, ErrorKind, Result, Summary};

/// Resources that are asked for at a time.
const IDS: usize = 5_000;
/// Keys of rows that are read at a time.
const KEYS: i32 = 50_000;

/// What became of the whole.
#[derive(Clone, Debug)]
pub struct BroughtUp {
    /// Rows and files.
    pub kept: Kept,
    /// The hub's newest run.
    pub run: i32,
    /// It was made anew, since there was none or it was of another hub.
    pub anew: bool,
}

/// Brings the whole below `base` to where the hub stands. It is made anew where it is not of this hub, or has other columns:
/// `with_precision`, those of [`TableDescription::with_precision`].
///
/// # Errors
/// When the hub cannot be read or a file cannot be written; the old state holds.
pub async fn bring_up(
    hub: &Hub,
    description: &Description,
    base: &Path,
    with_precision: bool,
) -> Result<BroughtUp> {
    let whole = Whole::at(base);
    let standing = whole.standing().map_err(|e| failed(base, e))?;
    let mut versions = open(hub, with_precision).await?;
    let position = versions.position().await.map_err(hub_failed)?;
    let is_like = |s: &Standing| s.with_precision == with_precision;
    let known = standing.filter(|s| s.hub == position.hub && s.import <= position.import && is_like(s));
    let Some(known) = known else {
        return anew(vec![versions], description, &whole, with_precision).await;
    };
    let mut next = whole.begin().map_err(|e| failed(base, e))?;
    let gone = versions.gone().await.map_err(hub_failed)?;
    let none = HashSet::new();
    for table in &description.tables {
        let shown = versions.shown(table);
        let gone = table.resource.as_ref().and_then(|r| gone.get(r)).unwrap_or(&none);
        if table.position_of_path("id").is_none() {
            list(&mut versions, &mut next, table, base).await?;
            continue;
        }
        let touched = versions.touched(table, known.import).await.map_err(hub_failed)?;
        let mut change = Change {
            rows: DataFrame::empty(),
            out: gone.iter().chain(&touched).cloned().collect(),
        };
        let there: Vec<String> = touched.into_iter().filter(|id| !gone.contains(id)).collect();
        for ids in there.chunks(IDS) {
            let rows = frame(&shown, &versions.of(table, ids).await.map_err(hub_failed)?)?;
            change.add(&shown, &rows).map_err(|e| failed(base, e))?;
        }
        next.change(&shown, change).map_err(|e| failed(base, e))?;
    }
    versions.close().await.map_err(hub_failed)?;
    let kept = next
        .hold(standing_at(&position, with_precision))
        .map_err(|e| failed(base, e))?;
    let run = position.run;
    Ok(BroughtUp {
        kept,
        run,
        anew: false,
    })
}

/// Makes the whole below `base` anew of what the hub has.
///
/// # Errors
/// As [`bring_up`].
pub async fn rebuild(
    hub: &Hub,
    description: &Description,
    base: &Path,
    with_precision: bool,
) -> Result<BroughtUp> {
    let readers = vec![open(hub, with_precision).await?];
    anew(readers, description, &Whole::at(base), with_precision).await
}

/// How the hub is read for [`export`].
#[derive(Clone, Debug, Default)]
pub struct ExportOptions<'a> {
    /// Connections that read side by side; at least one does.
    pub connections: usize,
    /// A moment of the past instead of now, as PostgreSQL reads it.
    pub as_of: Option<&'a str>,
    /// With the columns of [`TableDescription::with_precision`].
    pub with_precision: bool,
}

/// Writes what the hub has, or had at a moment, as a whole of its own below `target`. Whatever is imported meanwhile is not
/// in it.
///
/// # Errors
/// As [`bring_up`]; when the moment is no time.
pub async fn export(
    hub: &Hub,
    description: &Description,
    target: &Path,
    options: &ExportOptions<'_>,
) -> Result<BroughtUp> {
    let with_precision = options.with_precision;
    let mut first = open(hub, with_precision).await?;
    if let Some(moment) = options.as_of {
        first = first.as_of(moment).await.map_err(hub_failed)?;
    }
    let mut readers = first
        .beside(hub, options.connections.saturating_sub(1))
        .await
        .map_err(hub_failed)?;
    readers.push(first);
    anew(readers, description, &Whole::at(target), with_precision).await
}

/// Stretches of keys that are read at a time, from the first to the last.
fn stretches(keys: Option<(i32, i32)>, is_past: bool) -> Vec<(i32, i32)> {
    let Some((first, last)) = keys else {
        return Vec::new();
    };
    if is_past {
        // The past is worked out for a table at a time.
        return vec![(first, last)];
    }
    let starts = (i64::from(first)..=i64::from(last)).step_by(KEYS as usize);
    let stretch = |from: i64| {
        let from = i32::try_from(from).ok()?;
        Some((from, from.saturating_add(KEYS - 1).min(last)))
    };
    starts.filter_map(stretch).collect()
}

async fn anew(
    mut readers: Vec<LastVersions>,
    description: &Description,
    whole: &Whole,
    with_precision: bool,
) -> Result<BroughtUp> {
    let root = whole.root();
    let here = |e| failed(&root, e);
    let Some(versions) = readers.first_mut() else {
        return Err(Error::new(ErrorKind::Hub, "nobody to read the hub"));
    };
    let position = versions.position().await.map_err(hub_failed)?;
    let gone = versions.gone().await.map_err(hub_failed)?;
    let is_past = versions.is_past();
    let mut next = whole.begin().map_err(here)?;
    for table in &description.tables {
        let Some(versions) = readers.first_mut() else {
            break;
        };
        let shown = versions.shown(table);
        let Some(id) = table.position_of_path("id") else {
            list(versions, &mut next, table, &root).await?;
            continue;
        };
        let keys = versions.keys(table).await.map_err(hub_failed)?;
        let rows = keys.map_or(0, |(first, last)| i64::from(last) - i64::from(first) + 1);
        let rows = usize::try_from(rows).unwrap_or_default();
        let mut table_anew = next.anew(&shown, rows).map_err(here)?;
        let gone = table.resource.as_ref().and_then(|r| gone.get(r));
        for side_by_side in stretches(keys, is_past).chunks(readers.len()) {
            let read = readers.iter_mut().zip(side_by_side);
            let read = read.map(|(reader, keys)| reader.slice(table, *keys));
            for copied in try_join_all(read).await.map_err(hub_failed)? {
                let mut rows = frame(&shown, &copied)?;
                if let Some(gone) = gone {
                    rows = work_dir::whole::without(&rows, &table.columns[id].name, gone).map_err(here)?;
                }
                table_anew.add(&rows).map_err(here)?;
            }
        }
        next.put(table_anew).map_err(here)?;
    }
    let kept = next.hold(standing_at(&position, with_precision)).map_err(here)?;
    let run = position.run;
    Ok(BroughtUp {
        kept,
        run,
        anew: true,
    })
}

/// A table without ids is a list of its day: the newest one, or the last where a run had none.
async fn list(
    versions: &mut LastVersions,
    next: &mut NextWhole,
    table: &Arc<TableDescription>,
    place: &Path,
) -> Result<()> {
    let here = |e| failed(place, e);
    let shown = versions.shown(table);
    let rows = frame(&shown, &versions.of(table, &[]).await.map_err(hub_failed)?)?;
    let mut anew = next.anew(&shown, rows.height()).map_err(here)?;
    anew.add(&rows).map_err(here)?;
    next.put(anew).map_err(here)
}

async fn open(hub: &Hub, with_precision: bool) -> Result<LastVersions> {
    let versions = hub.last_versions().await.map_err(hub_failed)?;
    Ok(versions.with_precision(with_precision))
}

fn standing_at(position: &cds_hub::Position, with_precision: bool) -> Standing {
    Standing {
        hub: position.hub,
        import: position.import,
        with_precision,
    }
}

/// Rows of the hub as a frame of the columns that have values, and the run.
fn frame(table: &TableDescription, copy: &[u8]) -> Result<DataFrame> {
    let kind = |of: FhirType| match of {
        FhirType::String => Kind::Text,
        FhirType::Boolean | FhirType::Integer => Kind::Whole,
        FhirType::Decimal | FhirType::Time => Kind::Number,
        FhirType::Date => Kind::Day,
        FhirType::DateTime => Kind::Moment,
    };
    let mut names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let mut kinds: Vec<Kind> = table.columns.iter().map(|c| kind(c.fhir_type)).collect();
    names.push(RUN_COLUMN);
    kinds.push(Kind::Whole);
    let place = || format!("reading last versions of {}", table.name);
    let rows =
        decode_filled(copy, &names, &kinds).map_err(|e| Error::new(ErrorKind::Hub, place()).because(e))?;
    typed(table, &rows).map_err(|e| Error::new(ErrorKind::Hub, place()).because(e))
}

fn typed(table: &TableDescription, rows: &DataFrame) -> PolarsResult<DataFrame> {
    let mut columns = Vec::new();
    for column in rows.columns() {
        if column.name() != RUN_COLUMN && column.null_count() == rows.height() {
            continue;
        }
        let described = table.columns.iter().find(|c| c.name == column.name().as_str());
        columns.push(match described.map(|c| c.fhir_type) {
            Some(FhirType::Boolean) => column.cast(&DataType::Boolean)?,
            // Microseconds of the hub, nanoseconds of the frame.
            Some(FhirType::Time) => {
                let nanoseconds = column.cast(&DataType::Int64)?.i64()?.clone() * 1_000;
                nanoseconds.into_series().cast(&DataType::Time)?.into_column()
            }
            _ => column.clone(),
        });
    }
    DataFrame::new(rows.height(), columns)
}

fn hub_failed(error: cds_hub::Error) -> Error {
    hub_error("bringing the standing whole to where the hub stands", error)
}

impl Run<'_> {
    /// [`Run::execute_in`]; then the standing whole below `base` is brought to where the hub stands, and the final files of
    /// the signals that pass the strict rules are replaced. What stays as it was is among the remarks.
    ///
    /// # Errors
    /// As [`Run::execute_in`], and when the whole or the final files cannot be written: the hub has everything then, and the
    /// next run brings them up.
    pub async fn execute_kept(&self, base: &Path, directory: &RunDirectory) -> Result<Summary> {
        let mut summary = self.execute_in(directory).await?;
        let with_precision = self.settings.date_precision;
        let whole = bring_up(self.hub, self.description, base, with_precision).await?;
        let state = directory.write_final(base, whole.run, self.description)?;
        tell(&state, &mut summary);
        Ok(summary)
    }
}

fn tell(state: &FinalState, summary: &mut Summary) {
    for (signal, why) in state.kept_back() {
        tracing::warn!(signal, "final files stay at their last good state: {why}");
        summary.remarks.push(format!("signal {signal}: {why}"));
    }
    summary.judge();
}
