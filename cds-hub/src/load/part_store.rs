//! Storing the parts of a run: first a table's raw rows, then the typed rows of those that are new or still waited.

use std::sync::Arc;

use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::part::{RawPart, TypedPart};
use super::{Import, Loaded, structure};
use crate::schema::{Kind, StoredTable};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Result};

/// What became of the rows of a [`RawPart`], row by row.
#[derive(Debug)]
pub struct StoredRaw {
    table: Arc<TableDescription>,
    /// Counts.
    pub loaded: Loaded,
    /// The id of each row; 0 where the database refused it.
    ids: Vec<i32>,
    /// Whether the row's typed rows are still to be stored.
    open: Vec<Open>,
}

impl StoredRaw {
    /// Ids of those that have waited in the queue since an earlier run.
    pub fn waiting(&self) -> impl Iterator<Item = i32> {
        let rows = self.ids.iter().zip(&self.open);
        rows.filter(|(_, open)| **open == Open::Waits).map(|(id, _)| *id)
    }
}

/// Whether typed rows of a raw row are to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// It is new.
    New,
    /// It waits in the queue since an earlier run.
    Waits,
    /// No: the hub has them.
    No,
}

impl Import<'_> {
    /// Stores raw rows; an import may store several tables, each in several parts. Their typed rows follow with [`Import::typed`], or they wait after [`Import::leave`].
    ///
    /// # Errors
    /// When the lock was lost, or the server refuses for a reason that is not in a row. A row it refuses goes to the
    /// quarantine and is counted.
    pub async fn raw(&mut self, part: &RawPart) -> Result<StoredRaw> {
        self.lock.check()?;
        let table = self.loading(Kind::Raw, &part.table);
        let statements = Arc::clone(&self.tables[table].statements);
        let outcome = self.keep(table, &part.rows).await?;
        let rows = 0..part.rows.len();
        let key = |row| outcome.keys.get(&part.rows.hash(row)).copied();
        let ids: Vec<i32> = rows.map(|row| key(row).unwrap_or_default()).collect();
        let mut new = outcome.new.clone();
        new.sort_unstable();
        let waits = self.waiting(&part.table, &outcome.seen).await?;
        let state = |id: &i32| match id {
            0 => Open::No,
            id if new.binary_search(id).is_ok() => Open::New,
            id if waits.binary_search(id).is_ok() => Open::Waits,
            _ => Open::No,
        };
        let stored = StoredRaw {
            table: Arc::clone(&part.table),
            loaded: outcome.loaded,
            open: ids.iter().map(state).collect(),
            ids,
        };
        if !part.structures.is_empty() {
            structure::keep(
                &mut self.transaction,
                self.stamp.import,
                &statements.table,
                &part.structures,
                &stored.ids,
            )
            .await?;
        }
        self.note(table, &part.rows, outcome).await?;
        Ok(stored)
    }

    /// Stores the typed rows of raw rows that [`Import::raw`] stored, as far as the hub does not have them, and
    /// the defects of those; how many rows, and the kinds of the defects. Raw rows that are held wait in the queue.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the part is of another table than the raw rows; otherwise as [`Import::raw`].
    pub async fn typed(&mut self, part: TypedPart, raw: &StoredRaw) -> Result<(Loaded, Vec<String>)> {
        if part.table.name != raw.table.name {
            let text = format!(
                "typed rows of {} for raw rows of {}",
                part.table.name, raw.table.name
            );
            return Err(Error::new(ErrorKind::Input, text));
        }
        let held = part.held.clone();
        let state = |row: i32| {
            usize::try_from(row)
                .ok()
                .and_then(|row| raw.open.get(row))
                .copied()
        };
        let is_open = |row: i32| state(row).is_some_and(|open| open != Open::No) && !held.contains(&row);
        let id = |row: i32| {
            usize::try_from(row)
                .ok()
                .and_then(|row| raw.ids.get(row))
                .copied()
        };
        let id = |row: i32| id(row).unwrap_or_default();
        let rows = 0..i32::try_from(raw.ids.len()).unwrap_or(i32::MAX);
        let waited = rows.filter(|&row| state(row) == Some(Open::Waits) && !held.contains(&row));
        let waited: Vec<i32> = waited.map(id).collect();
        let new = held.iter().filter(|&&row| state(row) == Some(Open::New));
        let new: Vec<i32> = new.map(|&row| id(row)).collect();
        let table = Arc::clone(&part.table);
        self.queue(&table, new).await?;
        self.typed_rows(part, is_open, id, &waited).await
    }

    /// Stores typed rows of raw rows that have waited in the queue; their part was made with the raw rows' ids. Those of
    /// `waited` that do not wait any more are left out, those that are held wait on.
    ///
    /// # Errors
    /// As [`Import::raw`].
    pub async fn waited(&mut self, part: TypedPart, waited: &[i32]) -> Result<(Loaded, Vec<String>)> {
        let table = Arc::clone(&part.table);
        let mut still = self.waiting(&table, waited).await?;
        still.retain(|id| !part.held.contains(id));
        let is_open = |id: i32| still.binary_search(&id).is_ok();
        self.typed_rows(part, is_open, |id| id, &still).await
    }

    /// Leaves new raw rows in the queue, untyped.
    ///
    /// # Errors
    /// As [`Import::raw`].
    pub async fn leave(&mut self, raw: &StoredRaw) -> Result<()> {
        let new = raw
            .ids
            .iter()
            .zip(&raw.open)
            .filter(|(_, open)| **open == Open::New);
        self.queue(&raw.table, new.map(|(id, _)| *id).collect()).await
    }

    /// Puts raw rows into the queue.
    async fn queue(&mut self, table: &Arc<TableDescription>, mut new: Vec<i32>) -> Result<()> {
        new.sort_unstable();
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        let position = self.loading(Kind::Raw, table);
        let statements = Arc::clone(&self.tables[position].statements);
        self.call(statements.open.as_deref(), "queueing rows to be typed", &[&new])
            .await
    }

    async fn typed_rows(
        &mut self,
        mut part: TypedPart,
        open: impl Fn(i32) -> bool,
        id: impl Fn(i32) -> i32,
        waited: &[i32],
    ) -> Result<(Loaded, Vec<String>)> {
        let mut total = Loaded::default();
        let table = self.loading(Kind::Typed, &part.table);
        let statements = Arc::clone(&self.tables[table].statements);
        self.tell_raw(&part.table).await?;
        for slice in &mut part.slices {
            slice.retain(&open);
            if slice.len() == 0 {
                continue;
            }
            self.lock.check()?;
            slice.raw_ids.iter_mut().for_each(|row| *row = id(*row));
            let outcome = self.keep(table, slice).await?;
            total += self.after_typed(table, &statements, slice, outcome).await?;
        }
        if !waited.is_empty() {
            self.typed_ended(&statements, waited).await?;
        }
        let kept = part.defects.iter().filter_map(|defect| match defect.row {
            Some(row) => {
                let row = i32::try_from(row).ok()?;
                open(row).then(|| (id(row), defect))
            }
            None => Some((0, defect)),
        });
        let kept: Vec<_> = kept.collect();
        super::defects::keep(&mut self.transaction, self.stamp.import, &part.table.name, &kept).await?;
        Ok((
            total,
            kept.into_iter().map(|(_, defect)| defect.kind.clone()).collect(),
        ))
    }

    /// Those of the raw rows that wait in the queue, ascending.
    async fn waiting(&mut self, table: &Arc<TableDescription>, ids: &[i32]) -> Result<Vec<i32>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let names = Names::of(&StoredTable::new(Kind::Raw, table));
        let sql = format!(
            "SELECT coalesce(array_agg(DISTINCT o.id ORDER BY o.id), '{{}}') FROM {} o WHERE o.id = ANY ($1)",
            names.open.as_deref().unwrap_or_default()
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(ids)
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(|e| Error::sql(format!("asking which rows of {} wait", table.name), &e))
    }
}
