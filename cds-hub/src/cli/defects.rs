use cds_hub::schema::Model;
use cds_hub::{Hub, HubTables, Result};
use serde_json::json;

use super::output;

/// Lists the values that could not be typed, by resource, without the values.
pub(crate) async fn run(
    hub: &Hub,
    tables: &HubTables,
    table: Option<&str>,
    most: usize,
    as_json: bool,
) -> Result<()> {
    let lines = hub.defects(&Model::new(tables), table, most).await?;
    if as_json {
        let lines = lines.iter().map(|d| {
            json!({
                "table": d.table, "raw_id": d.raw_id, "resource": d.resource, "version": d.version,
                "column": d.column, "index": d.index_path, "kind": d.kind,
            })
        });
        output::json(&lines.collect());
        return Ok(());
    }
    for d in &lines {
        let version = d
            .version
            .as_deref()
            .map_or_else(String::new, |v| format!(" version {v}"));
        output::line(&format!(
            "{}{version}  {} [{}]  {}  (raw row {})",
            d.resource, d.column, d.index_path, d.kind, d.raw_id
        ));
    }
    output::line(&match lines.len() {
        0 => "no value could not be typed".to_owned(),
        n if n == most => format!("the first {n}; --most shows more"),
        n => format!("{n} values could not be typed; their cells are empty, the raw rows keep them"),
    });
    Ok(())
}
