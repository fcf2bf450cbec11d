use cds_hub::{Hub, Result};

use super::{output, serve};

/// Most rows listed.
const LISTED: i64 = 1000;

/// What to do with refused rows.
#[derive(clap::Subcommand)]
pub(crate) enum Quarantine {
    /// List the rows with the reason, without their values.
    List,
    /// Try rows again at once: all, or those with these numbers.
    Retry {
        /// Numbers as `list` shows them.
        ids: Vec<i64>,
    },
    /// Print the rows with their values as JSON lines. The output is patient data.
    Export,
}

pub(crate) async fn run(hub: &Hub, what: &Quarantine) -> Result<()> {
    match what {
        Quarantine::List => list(hub).await,
        Quarantine::Retry { ids } => {
            let lock = hub.lock("cds-hub", "quarantine retry").await?;
            let ids = (!ids.is_empty()).then_some(ids.as_slice());
            let transfer = hub.retry_quarantined(&lock, ids).await;
            lock.release(false).await?;
            serve::tell(&transfer?)
        }
        Quarantine::Export => output::bytes(&hub.export_quarantine().await?),
    }
}

async fn list(hub: &Hub) -> Result<()> {
    let rows = hub.quarantined(LISTED).await?;
    if rows.is_empty() {
        output::line("the quarantine is empty");
        return Ok(());
    }
    output::line(&format!(
        "{:>8}  {:<28} {:>8} {:<19}  {:<19}  reason",
        "number", "table", "attempts", "first seen", "next attempt"
    ));
    for row in rows {
        let second = |moment: &str| moment.chars().take(19).collect::<String>();
        output::line(&format!(
            "{:>8}  {:<28} {:>8} {:<19}  {:<19}  {} {}",
            row.id,
            row.table_name,
            row.attempts,
            second(&row.first_seen),
            second(&row.next_try),
            row.sqlstate,
            row.reason
        ));
    }
    Ok(())
}
