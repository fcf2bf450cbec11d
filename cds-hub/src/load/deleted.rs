use std::collections::{HashMap, HashSet};

use super::Import;
use crate::{Error, Hub, Result};

impl Hub {
    /// The resources marked as gone from the server, as ids by resource type.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn deleted(&self) -> Result<HashMap<String, HashSet<String>>> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT resource, fhir_id FROM core.deleted WHERE returned IS NULL")
                .fetch_all(self.pool())
                .await
                .map_err(|e| Error::sql("reading which resources are gone", &e))?;
        let mut deleted: HashMap<String, HashSet<String>> = HashMap::new();
        for (resource, id) in rows {
            deleted.entry(resource).or_default().insert(id);
        }
        Ok(deleted)
    }
}

impl Import<'_> {
    /// Marks resources as gone from the server; their rows stay. `found_by` says how that was noticed.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn mark_deleted(&mut self, resource: &str, ids: &[String], found_by: &str) -> Result<()> {
        sqlx::query("SELECT core.mark_deleted($1, $2, $3, $4)")
            .bind(self.number())
            .bind(resource)
            .bind(ids)
            .bind(found_by)
            .execute(self.connection())
            .await
            .map_err(|e| Error::sql(format!("marking which {resource} are gone"), &e))?;
        Ok(())
    }

    /// Takes the marks off resources that the server has again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn mark_returned(&mut self, resource: &str, ids: &[String]) -> Result<()> {
        sqlx::query("SELECT core.mark_returned($1, $2, $3)")
            .bind(self.number())
            .bind(resource)
            .bind(ids)
            .execute(self.connection())
            .await
            .map_err(|e| Error::sql(format!("marking which {resource} are back"), &e))?;
        Ok(())
    }
}
