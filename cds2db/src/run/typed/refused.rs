//! Runs whose data failed a test: remembered in the hub, so that nothing of them is handed on untested.

use std::collections::{BTreeSet, HashSet};

use cds_hub::Hub;
use cds_hub::load::{Import, Run as HubRun};
use table_description::Description;

use super::earlier::Earlier;
use crate::{Error, ErrorKind, Result};

/// Name of the watermarks whose ids are the numbers of refused runs.
const REFUSED: &str = "refused";

/// Remembers in the hub that the data of a run failed a test, and those of the earlier runs that were tested with them.
pub(crate) async fn remember_refusal(mut import: Import<'_>, earlier: &Earlier, micros: i64) -> Result<()> {
    let numbers = earlier.runs();
    let runs: BTreeSet<i32> = numbers.chain([import.run().number()]).collect();
    let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
    let failed = |e| Error::new(ErrorKind::Hub, "remembering that the data were refused").because(e);
    import
        .set_watermarks(REFUSED, &runs, micros)
        .await
        .map_err(failed)?;
    import.commit().await.map(drop).map_err(failed)
}

/// A run without tests hands nothing on that a test refused.
///
/// # Errors
/// [`ErrorKind::Data`] while rows of a refused run wait.
pub(crate) async fn none_refused(hub: &Hub, description: &Description, run: HubRun) -> Result<()> {
    let sql = "SELECT patient_id FROM core.watermark WHERE resource = ($1)[1]";
    let rows = hub
        .select_text(sql, &[vec![REFUSED.to_owned()]])
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "asking which runs were refused").because(e))?;
    let refused: HashSet<i32> = rows
        .into_iter()
        .flatten()
        .filter_map(|number| number?.parse().ok())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    for table in &description.tables {
        let runs = Earlier::of(hub, table, run).await?;
        if let Some(refused) = runs.iter().find(|run| refused.contains(&run.number())) {
            let text = format!(
                "{}: {refused} failed a test of the data and wait; what was fetched now is stored and waits with them. \
                 `cds2db run` tests all of them and hands them on, with --warn-only in spite of failures",
                table.name
            );
            return Err(Error::new(ErrorKind::Data, text));
        }
    }
    Ok(())
}
