use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;

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
}
