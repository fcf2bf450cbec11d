use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Row};

use crate::{Error, Hub, Result};

impl Hub {
    /// The whole output of a `COPY … TO STDOUT` statement.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn copy_out(&self, sql: &str) -> Result<Vec<u8>> {
        let failed = |e: &sqlx::Error| Error::sql("copying out", e);
        let mut stream = self.pool().copy_out_raw(sql).await.map_err(|e| failed(&e))?;
        let mut out = Vec::new();
        while let Some(bytes) = stream.try_next().await.map_err(|e| failed(&e))? {
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// The rows of a query whose columns are all text; `lists` are its parameters, each a `text[]`. For tests of other crates
    /// only: programs ask [`crate::ask`], which a test of cds2db holds.
    ///
    /// # Errors
    /// When the server refuses or a column is not text.
    #[doc(hidden)]
    pub async fn select_text(&self, sql: &str, lists: &[Vec<String>]) -> Result<Vec<Vec<Option<String>>>> {
        let failed = |e: &sqlx::Error| Error::sql("reading rows", e);
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for list in lists {
            query = query.bind(list);
        }
        let rows = query.fetch_all(self.pool()).await.map_err(|e| failed(&e))?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|n| row.try_get(n).map_err(|e| failed(&e)))
                    .collect()
            })
            .collect()
    }
}
