use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;

use crate::schema::StoredTable;
use crate::{Error, Result};

/// A row the database refused while it was loaded.
pub(crate) struct Refused {
    table: String,
    row: String,
    state: String,
}

impl Refused {
    /// A row given by the texts of its data columns. It is kept in the form an inbox takes, so a retry goes through the
    /// table's first inbox.
    pub(crate) fn new(
        table: &StoredTable,
        texts: Vec<Option<String>>,
        raw_id: Option<i32>,
        state: String,
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
            row: Value::Object(row).to_string(),
            state,
        }
    }

    /// Puts it into the quarantine, in the transaction of the import that brought it.
    pub(crate) async fn keep(&self, connection: &mut PgConnection, import: i32) -> Result<()> {
        sqlx::query("SELECT core.refuse($1, $2, $3::json, $4)")
            .bind(import)
            .bind(&self.table)
            .bind(&self.row)
            .bind(&self.state)
            .execute(connection)
            .await
            .map_err(|e| Error::sql(format!("putting a row of {} into the quarantine", self.table), &e))?;
        Ok(())
    }
}
