//! Searches that broke off are remembered by whom they were for, since a patient may be nobody's patient any more when the
//! next run begins: his case has ended, and the end was stored.

use cds_hub::Hub;
use cds_hub::load::Import;

use super::requests::Request;
use crate::{Error, ErrorKind, Result};

async fn keep(watermark: &str, ids: &[impl AsRef<str>], until: i64, import: &mut Import<'_>) -> Result<()> {
    let ids: Vec<String> = ids.iter().map(|id| id.as_ref().to_owned()).collect();
    import
        .keep_unanswered(watermark, &ids, until)
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

/// Name of the census of deleted resources.
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
        .set_census(CENSUS, patients, until)
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "noting the census").because(e))
}

/// The ids for which a search of these watermarks was tried and has not been answered in full since.
pub(crate) async fn ids(hub: &Hub, watermarks: &[String]) -> Result<Vec<String>> {
    hub.unanswered(watermarks)
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "reading what was not answered").because(e))
}
