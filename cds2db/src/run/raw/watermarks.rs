//! Watermarks: until when everything of a patient or id was loaded.

use std::collections::BTreeMap;

use cds_hub::load::Import;

use crate::Result;
use crate::error::hub_error;
use crate::run::ask::answered::Answered;
use crate::run::{Run, Scope};

/// Ids whose watermarks move with one statement.
const IDS_AT_ONCE: usize = 2_000;

impl Run<'_> {
    /// Moves the watermarks of what was answered in full, in the same transaction as its rows.
    pub(in crate::run) async fn move_watermarks(
        &self,
        complete: &[Answered],
        loaded_until: i64,
        import: &mut Import<'_>,
    ) -> Result<()> {
        if matches!(self.scope, Scope::Given(given) if !given.move_watermarks) {
            return Ok(());
        }
        let mut moved: BTreeMap<(&str, i64), Vec<String>> = BTreeMap::new();
        for answered in complete {
            let (request, until) = (answered.request(), answered.until(loaded_until));
            let ids = moved.entry((&request.watermark, until)).or_default();
            ids.extend(request.ids().iter().map(|id| (**id).to_owned()));
            if ids.len() >= IDS_AT_ONCE {
                move_watermark(&request.watermark, &std::mem::take(ids), until, import).await?;
            }
        }
        for ((watermark, until), ids) in moved {
            move_watermark(watermark, &ids, until, import).await?;
        }
        Ok(())
    }

    pub(in crate::run) async fn watermarks(
        &self,
        resource: &str,
        ids: &[String],
    ) -> Result<BTreeMap<String, i64>> {
        let marks = self
            .hub
            .watermarks(resource, ids)
            .await
            .map_err(|e| hub_error("reading the watermarks", e))?;
        Ok(marks.into_iter().collect())
    }
}

async fn move_watermark(
    watermark: &str,
    ids: &[String],
    loaded_until: i64,
    import: &mut Import<'_>,
) -> Result<()> {
    import
        .set_watermarks(watermark, ids, loaded_until)
        .await
        .map_err(|e| hub_error("moving the watermarks", e))
}
