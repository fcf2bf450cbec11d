//! Rows of a test on the way that a run's rows take into the hub.

use cds_hub::load::{Import, Loaded, RawPart, RawRows, TypedPart};
use fhir_crack::Batch;
use fhir_melt::{MeltOptions, melt};
use table_description::typing::Zone;

/// Stores raw rows, which wait to be typed; what became of them.
pub(crate) async fn store_raw(import: &mut Import<'_>, batches: &[Batch]) -> cds_hub::Result<Loaded> {
    let Some(part) = RawPart::new(batches)? else {
        return Ok(Loaded::default());
    };
    let stored = import.raw(&part).await?;
    import.leave(&stored).await?;
    Ok(stored.loaded)
}

/// Types raw rows that have waited, with their ids, and stores what comes of them, defects too.
pub(crate) async fn store_typed(
    import: &mut Import<'_>,
    waiting: &Batch,
    raw_ids: &[i32],
) -> cds_hub::Result<Loaded> {
    let (typed, defects) = melt(waiting, &MeltOptions::default()).typed(&Zone::berlin());
    let raw = RawRows::Ids(raw_ids);
    let mut part = TypedPart::new(waiting.table(), [(&typed, raw)])?;
    part.add_defects(&defects, waiting, raw);
    Ok(import.waited(part, raw_ids).await?.0)
}
