use crate::{Error, ErrorKind, Hub, Result};

/// Name of the job.
const JOB: &str = "cds_hub_transfer";

impl Hub {
    /// Lets pg_cron run the transfers, every minute, instead of [`Hub::serve`]. A second call changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when this database does not have the extension; when the server refuses.
    pub async fn serve_by_pg_cron(&self) -> Result<()> {
        if !self.has_pg_cron().await? {
            return Err(Error::new(
                ErrorKind::Options,
                "this database does not have pg_cron; CREATE EXTENSION pg_cron (it has to be among the server's \
                 shared_preload_libraries), or run `cds-hub serve`",
            ));
        }
        sqlx::query("SELECT cron.schedule($1, '* * * * *', 'SELECT db.cron_job_data_transfer()')")
            .bind(JOB)
            .execute(self.pool())
            .await
            .map(|_| ())
            .map_err(|e| Error::sql("handing the transfers to pg_cron", &e))
    }

    /// Takes the transfers from pg_cron again; nothing happens where it does not have them.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn leave_pg_cron(&self) -> Result<()> {
        if !self.has_pg_cron().await? {
            return Ok(());
        }
        sqlx::query("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = $1")
            .bind(JOB)
            .execute(self.pool())
            .await
            .map(|_| ())
            .map_err(|e| Error::sql("taking the transfers from pg_cron", &e))
    }

    async fn has_pg_cron(&self) -> Result<bool> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')")
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("looking for pg_cron", &e))
    }
}
