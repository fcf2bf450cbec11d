//! Plain SQL as foreign modules write it, and results as text.

use cds_hub::Hub;
use sqlx::{AssertSqlSafe, Executor, Row};

/// Runs statements.
pub(crate) async fn run(hub: &Hub, sql: &str) {
    hub.pool()
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// The rows of a query as text, columns separated by `|`, NULL as `-`.
pub(crate) async fn rows(hub: &Hub, sql: &str) -> Vec<String> {
    // Every column as text, so that no test has to name types.
    let wrapped = format!(
        "SELECT array(SELECT coalesce(v.value, '-') FROM json_each_text(row_to_json(q)) v) FROM ({sql}) q"
    );
    let found = sqlx::query(AssertSqlSafe(wrapped)).fetch_all(hub.pool()).await;
    let found = found.unwrap_or_else(|e| panic!("{sql}: {e}"));
    found
        .iter()
        .map(|row| row.get::<Vec<String>, _>(0).join("|"))
        .collect()
}

/// The single value of a query.
pub(crate) async fn one(hub: &Hub, sql: &str) -> String {
    let mut found = rows(hub, sql).await;
    assert_eq!(found.len(), 1, "{sql}");
    found.remove(0)
}

/// The number in a result such as `Done db.x - last_pro_nr:17`.
pub(crate) async fn transfer(hub: &Hub, function: &str) -> Option<i64> {
    let text = one(hub, &format!("SELECT db.{function}() AS result")).await;
    let number = text.strip_prefix(&format!("Done db.{function} - last_pro_nr:"))?;
    Some(number.parse().unwrap())
}

/// All three steps of the FHIR part, as the scheduler runs them.
pub(crate) async fn transfer_fhir(hub: &Hub) {
    for function in [
        "copy_raw_cds_in_to_db_log",
        "copy_type_cds_in_to_db_log",
        "take_over_last_check_date",
    ] {
        let text = one(hub, &format!("SELECT db.{function}() AS result")).await;
        assert!(!text.starts_with("Fehler"), "{text}");
    }
}
