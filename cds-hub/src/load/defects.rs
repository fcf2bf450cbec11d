use std::collections::HashMap;

use fhir_crack::Batch;
use sqlx::postgres::PgConnection;
use table_description::Defect;

use super::part::RowDefect;
use crate::{Error, Result};

/// Writes defects of a table beside the raw rows they belong to; raw id 0 stands for none known.
pub(super) async fn keep_rows(
    connection: &mut PgConnection,
    import: i32,
    table: &str,
    defects: &[(i32, &RowDefect)],
) -> Result<()> {
    if defects.is_empty() {
        return Ok(());
    }
    let raw_ids: Vec<i32> = defects.iter().map(|(id, _)| *id).collect();
    let texts = |text: fn(&RowDefect) -> &str| defects.iter().map(|(_, d)| text(d)).collect::<Vec<_>>();
    sqlx::query("SELECT core.keep_defects($1, $2, $3, $4, $5, $6)")
        .bind(import)
        .bind(vec![table; defects.len()])
        .bind(raw_ids)
        .bind(texts(|d| &d.column))
        .bind(texts(|d| &d.index))
        .bind(texts(|d| &d.kind))
        .execute(connection)
        .await
        .map_err(|e| Error::sql("keeping defects", &e))?;
    Ok(())
}

/// Writes defects beside the raw rows they belong to, found by the resource's id.
///
/// Where a batch has several versions of a resource, the newest one gets the defect; raw id 0 stands for none found.
pub(super) async fn keep(
    connection: &mut PgConnection,
    import: i32,
    defects: &[Defect],
    batch: &Batch,
    raw_ids: &[i32],
) -> Result<()> {
    if defects.is_empty() {
        return Ok(());
    }
    let mut raw_of: HashMap<&str, i32> = HashMap::new();
    if let Some(column) = batch.table().position_of_path("id") {
        for (row, entry) in batch.entries(column) {
            let Some(&raw_id) = raw_ids.get(row as usize) else {
                continue;
            };
            let newest = raw_of.entry(entry.text).or_insert(raw_id);
            *newest = raw_id.max(*newest);
        }
    }
    let raw_ids: Vec<i32> = defects
        .iter()
        .map(|d| {
            d.resource_id
                .as_deref()
                .and_then(|id| raw_of.get(id))
                .copied()
                .unwrap_or_default()
        })
        .collect();
    let tables: Vec<&str> = defects.iter().map(|d| d.table.name.as_str()).collect();
    let columns: Vec<&str> = defects.iter().map(Defect::column_name).collect();
    let indexes: Vec<String> = defects.iter().map(Defect::index_text).collect();
    let kinds: Vec<&str> = defects.iter().map(|d| d.kind.as_str()).collect();
    sqlx::query("SELECT core.keep_defects($1, $2, $3, $4, $5, $6)")
        .bind(import)
        .bind(tables)
        .bind(raw_ids)
        .bind(columns)
        .bind(indexes)
        .bind(kinds)
        .execute(connection)
        .await
        .map_err(|e| Error::sql("keeping defects", &e))?;
    Ok(())
}
