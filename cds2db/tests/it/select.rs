//! Looking into a hub: the only place of these tests that knows its client library for that.

use cds_hub::Hub;
use sqlx::{AssertSqlSafe, Row as _};

/// The rows of a query whose columns are all text.
pub(crate) async fn select(hub: &Hub, sql: &str) -> Vec<Vec<Option<String>>> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(hub.pool());
    let rows = rows.await.expect("a query");
    let row = |row: &sqlx::postgres::PgRow| {
        let cells = (0..row.len()).map(|n| row.try_get(n).expect("text"));
        cells.collect()
    };
    rows.iter().map(row).collect()
}
