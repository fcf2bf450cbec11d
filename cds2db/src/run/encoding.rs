//! Rows on their way into the form that the hub takes, and from there to the disk.

use std::sync::Arc;

use cds_hub::load::{RawPart, RawRows, TypedPart};
use tokio::task::{JoinHandle, spawn_blocking};

use super::kept::hub_rows::HubRows;
use super::raw::waiting::Ready;
use crate::{Error, ErrorKind, Result};

/// Rows of one table that are being hashed, encoded and written on another thread.
pub(crate) struct Encoding {
    table: String,
    work: JoinHandle<Result<()>>,
}

impl Encoding {
    /// Encodes rows of one table; at least one batch.
    pub(crate) fn of(ready: Vec<Ready>, rows: Arc<HubRows>) -> Self {
        let table = ready
            .first()
            .map(|r| r.batch.table().name.clone())
            .unwrap_or_default();
        let work = spawn_blocking(move || encode(ready, &rows));
        Self { table, work }
    }

    /// Waits until the rows are written.
    ///
    /// # Errors
    /// When they cannot be. What a panic said is left out, since it may hold a value.
    pub(crate) async fn done(self) -> Result<()> {
        let failed = || Error::new(ErrorKind::Hub, format!("encoding rows of {}", self.table));
        self.work.await.map_err(|_| failed())?
    }
}

fn encode(ready: Vec<Ready>, rows: &HubRows) -> Result<()> {
    let (mut batches, mut made) = (Vec::new(), Vec::new());
    let mut first = 0;
    for Ready {
        batch,
        typed,
        defects,
    } in ready
    {
        made.push((first, typed, defects));
        first += batch.rows();
        batches.push(batch);
    }
    let Some(table) = batches.first().map(|batch| Arc::clone(batch.table())) else {
        return Ok(());
    };
    let failed = |e| Error::new(ErrorKind::Hub, format!("encoding rows of {}", table.name)).because(e);
    let Some(raw) = RawPart::new(&batches).map_err(failed)? else {
        return Ok(());
    };
    let typed = made
        .iter()
        .flat_map(|(first, typed, _)| typed.iter().map(|typed| (&**typed, RawRows::From(*first))));
    let mut part = TypedPart::new(&table, typed).map_err(failed)?;
    for ((first, _, defects), batch) in made.iter().zip(&batches) {
        part.add_defects(defects, batch, RawRows::From(*first));
    }
    rows.add(&table.name, &raw, &part)
}
