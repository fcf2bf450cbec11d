use sqlx::postgres::PgConnection;

use crate::{Error, Result};

/// One function of a transfer, with the text the semaphore shows while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What stands before the function in the semaphore, such as `2/8`; the texts are the original's.
    pub label: &'static str,
    /// The qualified function, without arguments.
    pub function: &'static str,
    sql: &'static str,
}

/// The functions of a transfer in their order. Step 1 of the original, a re-import of old rows, is not among them:
/// it was switched off there.
#[must_use]
pub fn steps() -> &'static [Step] {
    macro_rules! step {
        ($label:literal, $function:literal) => {
            Step {
                label: $label,
                function: $function,
                sql: concat!("SELECT ", $function, "()"),
            }
        };
    }
    const STEPS: &[Step] = &[
        step!("2/8", "db.copy_raw_cds_in_to_db_log"),
        step!("3/8", "db.copy_type_cds_in_to_db_log"),
        step!("4/8", "db.take_over_last_check_date"),
        step!("5/8", "db.copy_fe_dp_in_to_db_log"),
        step!("6/8", "db.copy_fe_fe_in_to_db_log"),
        step!("7/8", "db.copy_submodules_dp_in_to_db_log"),
        step!("8/8", "db.copy_core_dp_in_to_db_log"),
        step!(
            "zusaetzlich temp - set old calculated items",
            "db.set_old_calculated_items"
        ),
    ];
    STEPS
}

/// What a transfer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// The results of the functions that had something to do.
    pub done: Vec<String>,
    /// The results of those that failed; each is in `db_config.db_error_log` too and is tried again by the next transfer.
    pub failed: Vec<String>,
}

impl Transfer {
    /// Whether no inbox held a row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.failed.is_empty()
    }

    /// Runs one step.
    ///
    /// # Errors
    /// When the server refuses the call itself; what goes wrong inside is told in [`Transfer::failed`].
    pub(crate) async fn run(&mut self, connection: &mut PgConnection, step: &Step) -> Result<()> {
        let result: Option<String> = sqlx::query_scalar(step.sql)
            .fetch_one(connection)
            .await
            .map_err(|e| Error::sql(format!("calling {}", step.function), &e))?;
        match result {
            Some(text) if text.starts_with("Fehler") => self.failed.push(text),
            Some(text) => self.done.push(text),
            None => {}
        }
        Ok(())
    }
}
