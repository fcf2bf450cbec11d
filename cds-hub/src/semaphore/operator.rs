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
    /// [`ErrorKind::Locked`] when somebody holds the lock; when the server refuses.
    pub async fn resume(&self) -> Result<()> {
        let before: Option<String> = sqlx::query_scalar("SELECT core.resume()")
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("resuming the hub", &e))?;
        if before.is_some_and(|state| state.starts_with("Ongoing")) {
            let place = "a module or a transfer holds the lock; it is free when that ends or dies, or at once after \
                         `cds-hub unlock --force`";
            return Err(Error::new(ErrorKind::Locked, place));
        }
        Ok(())
    }

    /// Takes the lock from whoever holds it: an import that is being made under it will not be stored. Whether somebody
    /// held it; that is recorded in the error log.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn break_lock(&self) -> Result<bool> {
        sqlx::query_scalar("SELECT core.break_lock()")
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("breaking the lock", &e))
    }
}
