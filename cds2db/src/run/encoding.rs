//! Rows on their way into the form that the hub takes.

use cds_hub::load::Encoded;
use fhir_crack::Batch;
use fhir_melt::TypedBatch;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{Error, ErrorKind, Result};

/// Rows of one table that are being hashed and encoded on another thread, so that the hub does not wait for it.
pub(crate) struct Encoding {
    table: String,
    work: JoinHandle<cds_hub::Result<Option<Encoded>>>,
}

impl Encoding {
    /// Encodes raw rows; the batches are of one table, and at least one.
    pub(crate) fn of_raw(batches: Vec<Batch>) -> Self {
        let table = batches
            .first()
            .map(|b| b.table().name.clone())
            .unwrap_or_default();
        let work = spawn_blocking(move || Encoded::raw(&batches));
        Self { table, work }
    }

    /// Encodes typed rows of these raw rows.
    pub(crate) fn of_typed(batch: TypedBatch, raw_ids: Vec<i32>) -> Self {
        let table = batch.table().name.clone();
        let work = spawn_blocking(move || Encoded::typed(&batch, &raw_ids).map(Some));
        Self { table, work }
    }

    /// Waits for the rows; the table's name with them.
    ///
    /// # Errors
    /// When they are of different tables or cannot be encoded. What a panic said is left out, since it may hold a value.
    pub(crate) async fn done(self) -> Result<(String, Encoded)> {
        let failed = || Error::new(ErrorKind::Hub, format!("encoding rows of {}", self.table));
        let encoded = self.work.await.map_err(|_| failed())?;
        let encoded = encoded.map_err(|e| failed().because(e))?.ok_or_else(failed)?;
        Ok((self.table, encoded))
    }
}
