use cds_hub::schema::Model;
use cds_hub::{Error, ErrorKind, Hub, HubTables, Result};

use super::output;

/// Prints the rows a row was made from, indented by how far they are from it.
pub(crate) async fn trace(hub: &Hub, tables: &HubTables, table: &str, id: i32) -> Result<()> {
    for origin in hub.trace(&Model::new(tables), table, id).await? {
        let number = |nr: Option<i32>| nr.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let resource = match (&origin.resource, &origin.version) {
            (Some(resource), Some(version)) => format!("  {resource} version {version}"),
            (Some(resource), None) => format!("  {resource}"),
            _ => String::new(),
        };
        output::line(&format!(
            "{:indent$}{} {}{resource}  (came with {}, confirmed by {})",
            "",
            origin.table,
            origin.id,
            number(origin.input_processing_nr),
            number(origin.last_processing_nr),
            indent = 2 * origin.depth
        ));
    }
    Ok(())
}

/// Prints a table as it was at a moment, as CSV with a header.
pub(crate) async fn as_of(hub: &Hub, tables: &HubTables, moment: &str, table: &str) -> Result<()> {
    let model = Model::new(tables);
    let stored = model
        .table(table)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table {table}")))?;
    output::bytes(&hub.as_of(stored, moment).await?)
}
