use std::collections::HashMap;

use sqlx::postgres::PgConnection;

use super::rows::Rows;
use crate::schema::StoredTable;
use crate::{Error, Result};

/// Writes how much was given of the incomplete dates and times of newly stored rows.
pub(super) async fn keep(
    connection: &mut PgConnection,
    import: i32,
    table: &StoredTable,
    rows: &Rows,
    stored: &[(usize, i32)],
) -> Result<()> {
    if rows.precisions().is_empty() || stored.is_empty() {
        return Ok(());
    }
    let key_of: HashMap<usize, i32> = stored.iter().copied().collect();
    let mut ids: Vec<i32> = Vec::new();
    let mut columns: Vec<&str> = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for (row, column, precision) in rows.precisions() {
        let (Some(&id), Some(column)) = (key_of.get(row), table.columns.get(*column)) else {
            continue;
        };
        ids.push(id);
        columns.push(&column.name);
        words.push(precision.as_str());
    }
    sqlx::query("SELECT core.keep_precision($1, $2, $3, $4, $5)")
        .bind(import)
        .bind(&table.name)
        .bind(ids)
        .bind(columns)
        .bind(words)
        .execute(connection)
        .await
        .map_err(|e| Error::sql(format!("keeping the precision of {}", table.name), &e))?;
    Ok(())
}
