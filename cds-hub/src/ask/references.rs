use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::{column, last_version};
use crate::schema::identifier;
use crate::{Error, Hub, Result};

impl Hub {
    /// What the last versions of these resources refer to: position of the column in the table, and the reference. Each
    /// pair once.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn references_of(
        &self,
        table: &TableDescription,
        ids: &[String],
    ) -> Result<Vec<(usize, String)>> {
        let mut found = Vec::new();
        let Some(id) = column(table, "id") else {
            return Ok(found);
        };
        let references = table.columns.iter().enumerate();
        for (position, reference) in references.filter(|(_, c)| !c.reference_targets.is_empty()) {
            let reference = identifier(&reference.name);
            let sql = format!(
                "SELECT DISTINCT {reference} FROM {view} WHERE {id} = ANY ($1) AND {reference} IS NOT NULL",
                view = last_version(table)
            );
            let texts: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(ids)
                .fetch_all(self.pool())
                .await
                .map_err(|e| Error::sql(format!("reading what rows of {} refer to", table.name), &e))?;
            found.extend(texts.into_iter().map(|text| (position, text)));
        }
        Ok(found)
    }
}
