//! Rows that wait until there are enough of them to be encoded together.

use std::collections::BTreeMap;
use std::sync::Arc;

use fhir_crack::Batch;
use fhir_melt::TypedBatch;
use table_description::Defect;

/// Raw rows of one table kept back until there are enough for one COPY.
const ROWS_A_COPY: usize = 10_000;
/// Typed rows of one table kept back, about.
const TYPED_ROWS_A_COPY: usize = 20_000;
/// Bytes of pages that the rows of one table may keep in memory before that.
const BYTES_A_COPY: usize = 8 << 20;
/// The same over all tables.
pub(super) const BYTES_WAITING: usize = 32 << 20;

/// Raw rows with the typed rows made of them, shared with the run's files.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) batch: Batch,
    pub(crate) typed: Vec<Arc<TypedBatch>>,
    pub(crate) defects: Vec<Defect>,
}

/// Rows by table, in the order they arrived.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    tables: BTreeMap<String, Kept>,
    pub(super) bytes: usize,
}

/// The rows of one table, and the bytes of the pages that they keep in memory.
#[derive(Debug, Default)]
struct Kept {
    ready: Vec<Ready>,
    rows: usize,
    typed: usize,
    bytes: usize,
}

impl Waiting {
    /// Keeps rows back; all of their table where there are enough now.
    pub(super) fn add(&mut self, ready: Ready, bytes: usize) -> Option<Vec<Ready>> {
        let name = ready.batch.table().name.clone();
        let kept = self.tables.entry(name.clone()).or_default();
        kept.rows += ready.batch.rows();
        kept.typed += ready.typed.iter().map(|typed| typed.rows()).sum::<usize>();
        kept.bytes += bytes;
        kept.ready.push(ready);
        self.bytes += bytes;
        if kept.rows < ROWS_A_COPY && kept.typed < TYPED_ROWS_A_COPY && kept.bytes < BYTES_A_COPY {
            return None;
        }
        let full = self.tables.remove(&name)?;
        self.bytes -= full.bytes;
        Some(full.ready)
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Vec<Ready>> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.tables)
            .into_values()
            .map(|kept| kept.ready)
    }
}
