use super::waiting::held;
use crate::{Error, Hub, Result};

impl Hub {
    /// Stops modules and transfers: the state becomes `Interrupted_<reason>`, out of which nobody can lock.
    ///
    /// # Errors
    /// [`Condition::LockHeld`](crate::Condition::LockHeld) when somebody holds the lock; when the server refuses.
    pub async fn interrupt(&self, reason: &str) -> Result<()> {
        let stopped: bool = sqlx::query_scalar("SELECT core.interrupt($1)")
            .bind(reason)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("interrupting the hub", &e))?;
        if stopped {
            Ok(())
        } else {
            Err(held(self.pool(), "somebody holds the lock").await)
        }
    }

    /// Ends an interruption: the next transfer runs. Nothing happens if there is none.
    ///
    /// # Errors
    /// [`Condition::LockHeld`](crate::Condition::LockHeld) when somebody holds the lock; when the server refuses.
    pub async fn resume(&self) -> Result<()> {
        let before: Option<String> = sqlx::query_scalar("SELECT core.resume()")
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("resuming the hub", &e))?;
        if before.is_some_and(|state| state.starts_with("Ongoing")) {
            let place = "a module or a transfer holds the lock; it is free when that ends or dies, or at once after \
                         `cds-hub unlock --force`";
            return Err(held(self.pool(), place).await);
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

    /// Takes away a lock that a module left when it died, as the original's start line does with `--resetLock`: the module
    /// whose it was, `None` where there was none or its holder is alive.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn reset_lock(&self) -> Result<Option<String>> {
        let failed = |e| Error::sql("resetting the lock", &e);
        let module: Option<String> = sqlx::query_scalar("SELECT db.data_transfer_get_lock_module()")
            .fetch_one(self.pool())
            .await
            .map_err(failed)?;
        let Some(module) = module.filter(|module| !module.trim().is_empty()) else {
            return Ok(None);
        };
        // Our own holders renew their lease; those of the original have none.
        let alive = "SELECT coalesce(bool_or(token IS NOT NULL AND expires > clock_timestamp()), false) FROM core.lease";
        let is_alive: bool = sqlx::query_scalar(alive)
            .fetch_one(self.pool())
            .await
            .map_err(failed)?;
        if is_alive {
            return Ok(None);
        }
        let reset: bool = sqlx::query_scalar("SELECT db.data_transfer_reset_lock($1)")
            .bind(&module)
            .fetch_one(self.pool())
            .await
            .map_err(failed)?;
        Ok(reset.then_some(module))
    }
}
