//! Searches that broke off are remembered by whom they were for, since a patient may be nobody's patient any more when the
//! next run begins: his case has ended, and the end was stored.

use cds_hub::Hub;
use cds_hub::load::Import;

use super::requests::Request;
use crate::{Error, ErrorKind, Result};

/// Name of the watermarks that say until when something was tried and not answered in full; their ids are made of the name of
/// the watermark it is about, a slash and the id.
const UNANSWERED: &str = "unanswered";

async fn keep(watermark: &str, ids: &[impl AsRef<str>], until: i64, import: &mut Import<'_>) -> Result<()> {
    let ids: Vec<String> = ids
        .iter()
        .map(|id| format!("{watermark}/{}", id.as_ref()))
        .collect();
    import
        .set_watermarks(UNANSWERED, &ids, until)
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "remembering what was not answered").because(e))
}

/// Remembers whom these searches were for.
pub(crate) async fn remember(unanswered: &[Request], until: i64, import: &mut Import<'_>) -> Result<()> {
    for request in unanswered {
        keep(&request.watermark, request.ids(), until, import).await?;
    }
    Ok(())
}

/// Name of the watermark of the census of deleted resources.
pub(crate) const CENSUS: &str = "deletions";

/// Remembers for whom deleted resources were looked for, and whether the server answered.
pub(crate) async fn census(
    patients: &[String],
    answered: bool,
    until: i64,
    import: &mut Import<'_>,
) -> Result<()> {
    if !answered {
        return keep(CENSUS, patients, until, import).await;
    }
    import
        .set_watermarks(CENSUS, patients, until)
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "moving the watermarks").because(e))
}

/// The ids for which a search of these watermarks was tried and has not been answered in full since.
pub(crate) async fn ids(hub: &Hub, watermarks: &[String]) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT t.id FROM (SELECT split_part(patient_id, '/', 1) AS name, split_part(patient_id, '/', 2) AS id, \
               loaded_until FROM core.watermark WHERE resource = ($2)[1]) t \
               LEFT JOIN core.watermark w ON w.resource = t.name AND w.patient_id = t.id \
               WHERE t.name = ANY ($1) AND (w.loaded_until IS NULL OR w.loaded_until < t.loaded_until)";
    let rows = hub
        .select_text(sql, &[watermarks.to_vec(), vec![UNANSWERED.to_owned()]])
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "reading what was not answered").because(e))?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect())
}
