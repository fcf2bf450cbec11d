use crate::{Error, ErrorKind, Hub, Result};

impl Hub {
    /// Stops modules and transfers: the state becomes `Interrupted_<reason>`, out of which nobody can lock.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when somebody holds the lock; when the server refuses.
    pub async fn interrupt(&self, reason: &str) -> Result<()> {
        let stopped: bool = sqlx::query_scalar("SELECT core.interrupt($1)")
            .bind(reason)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("interrupting the hub", &e))?;
        if stopped {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Locked, "somebody holds the lock"))
        }
    }

    /// Ends an interruption: the next transfer runs. Nothing happens if there is none.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn resume(&self) -> Result<()> {
        sqlx::query("SELECT core.resume()")
            .execute(self.pool())
            .await
            .map_err(|e| Error::sql("resuming the hub", &e))?;
        Ok(())
    }
}
