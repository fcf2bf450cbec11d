//! Raw rows that wait until there are enough of them for one COPY.

use std::collections::BTreeMap;

use fhir_crack::Batch;

/// Raw rows of one table kept back until there are enough for one COPY.
const ROWS_A_COPY: usize = 10_000;

/// Bytes of pages that the rows of one table may keep in memory before that.
const BYTES_A_COPY: usize = 8 << 20;

/// The same over all tables.
pub(super) const BYTES_WAITING: usize = 32 << 20;

/// Raw rows by table, in the order they arrived.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    tables: BTreeMap<String, Kept>,
    pub(super) bytes: usize,
}

/// The rows of one table, and the bytes of the pages that they keep in memory.
#[derive(Debug, Default)]
struct Kept {
    batches: Vec<Batch>,
    rows: usize,
    bytes: usize,
}

impl Waiting {
    /// Keeps rows back; all of their table where there are enough now.
    pub(super) fn add(&mut self, batch: Batch, bytes: usize) -> Option<Vec<Batch>> {
        let name = batch.table().name.clone();
        let kept = self.tables.entry(name.clone()).or_default();
        kept.rows += batch.rows();
        kept.bytes += bytes;
        kept.batches.push(batch);
        self.bytes += bytes;
        if kept.rows < ROWS_A_COPY && kept.bytes < BYTES_A_COPY {
            return None;
        }
        let full = self.tables.remove(&name)?;
        self.bytes -= full.bytes;
        Some(full.batches)
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Vec<Batch>> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.tables)
            .into_values()
            .map(|kept| kept.batches)
    }
}
