use sqlx::postgres::PgConnection;

use super::part::RowDefect;
use crate::{Error, Result};

/// Writes defects of a table beside the raw rows they belong to; raw id 0 stands for none known.
pub(super) async fn keep(
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
