use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;

use crate::schema::StoredTable;
use crate::{Error, Result};

/// A row the database refused while it was loaded.
pub(crate) struct Refused {
    table: String,
    inbox: &'static str,
    row: String,
    state: String,
    reason: String,
}

impl Refused {
    /// A row given by the texts of its data columns. It is kept in the form an inbox takes, so a retry goes through the
    /// table's first inbox.
    pub(crate) fn new(
        table: &StoredTable,
        texts: Vec<Option<String>>,
        raw_id: Option<i32>,
        state: String,
        reason: String,
    ) -> Self {
        let mut row = Map::new();
        if let (Some(column), Some(raw_id)) = (table.raw_id_column(), raw_id) {
            row.insert(column, raw_id.into());
        }
        for (column, text) in table.columns.iter().zip(texts) {
            if let Some(text) = text {
                row.insert(column.name.clone(), Value::String(text));
            }
        }
        Self {
            table: table.name.clone(),
            inbox: table.inboxes().first().copied().unwrap_or_default(),
            row: Value::Object(row).to_string(),
            state,
            reason,
        }
    }

    /// Puts it into the quarantine, in the transaction of the import that brought it.
    pub(crate) async fn keep(&self, connection: &mut PgConnection, import: i32) -> Result<()> {
        sqlx::query(
            "INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason, attempts, first_seen, last_tried,
                                          next_try, import_no)
             VALUES ($1, $2, $3::json, $4, $5, 1, clock_timestamp(), clock_timestamp(), core.try_again(1), $6)",
        )
        .bind(&self.table)
        .bind(self.inbox)
        .bind(&self.row)
        .bind(&self.state)
        .bind(&self.reason)
        .bind(import)
        .execute(connection)
        .await
        .map_err(|e| Error::sql(format!("putting a row of {} into the quarantine", self.table), &e))?;
        Ok(())
    }
}
