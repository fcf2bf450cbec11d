//! Pieces of raw rows that are typed at a time, so that memory stays bounded.

use cds_hub::load::OpenRows;
use fhir_crack::Batch;
use fhir_melt::{MeltOptions, TypedBatch, melt};
use futures_util::stream::{self, Stream};
use table_description::Defect;
use table_description::typing::Zone;

use crate::run::encoding::Encoding;

/// Raw rows typed at a time, at most.
pub(super) const RAW_ROWS: usize = 2_000;

/// Raw rows of a table typed first; what becomes of them tells how many follow at a time.
const FIRST_RAW_ROWS: usize = 200;

/// Raw rows typed at a time, at least.
const FEWEST_RAW_ROWS: usize = 20;

/// Typed rows aimed at: a Consent becomes twenty, and a piece should take as much memory whatever its table.
const TYPED_ROWS: usize = 8_000;

/// Raw rows with what was made of them.
pub(super) struct TypedPiece {
    pub(super) raw_ids: Vec<i32>,
    pub(super) batch: Batch,
    pub(super) typed: TypedBatch,
    pub(super) defects: Vec<Defect>,
}

/// The same when its typed rows are being encoded.
pub(super) struct EncodedPiece {
    pub(super) encoding: Encoding,
    pub(super) raw_ids: Vec<i32>,
    pub(super) batch: Batch,
    pub(super) defects: Vec<Defect>,
}

/// Melts and types raw rows as they come; an error is the last item.
pub(super) fn typed_pieces(
    open: OpenRows,
    zone: Zone,
) -> impl Stream<Item = cds_hub::Result<TypedPiece>> + Send + 'static {
    stream::try_unfold((open, FIRST_RAW_ROWS), move |(mut open, raw_rows)| {
        let zone = zone.clone();
        async move {
            open.set_chunk_rows(raw_rows);
            let Some((raw_ids, batch)) = open.next().await? else {
                return Ok(None);
            };
            let (typed, defects) = melt(&batch, &MeltOptions::default()).typed(&zone);
            let raw_rows =
                (raw_ids.len() * TYPED_ROWS / typed.rows().max(1)).clamp(FEWEST_RAW_ROWS, RAW_ROWS);
            let piece = TypedPiece {
                raw_ids,
                batch,
                typed,
                defects,
            };
            Ok(Some((piece, (open, raw_rows))))
        }
    })
}
