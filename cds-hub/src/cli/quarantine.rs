use std::collections::BTreeSet;

use cds_hub::{Hub, Result};

use serde_json::json;

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

pub(crate) async fn run(hub: &Hub, what: &Quarantine, as_json: bool) -> Result<()> {
    match what {
        Quarantine::List => list(hub, as_json).await,
        Quarantine::Retry { ids } => {
            let lock = hub.lock("cds-hub", "quarantine retry").await?;
            let before = kept(hub, ids).await?;
            let some = (!ids.is_empty()).then_some(ids.as_slice());
            let transfer = hub.retry_quarantined(&lock, some).await;
            lock.release(false).await?;
            let transfer = transfer?;
            let after = kept(hub, ids).await?;
            let (tried, landed) = (before.len(), before.difference(&after).count());
            if as_json {
                output::json(&json!({"tried": tried, "landed": landed}));
            } else {
                output::line(&format!("{tried} rows tried, {landed} landed"));
            }
            if transfer.is_empty() || as_json {
                return serve::failed(&transfer);
            }
            serve::tell(&transfer, false)
        }
        Quarantine::Export => output::bytes(&hub.export_quarantine().await?),
    }
}

/// Numbers of the rows in the quarantine, all or those among `ids`.
async fn kept(hub: &Hub, ids: &[i64]) -> Result<BTreeSet<i64>> {
    let rows = hub.quarantined(i64::MAX).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.id)
        .filter(|id| ids.is_empty() || ids.contains(id))
        .collect())
}

async fn list(hub: &Hub, as_json: bool) -> Result<()> {
    let rows = hub.quarantined(LISTED).await?;
    if as_json {
        let rows = rows.iter().map(|r| {
            json!({
                "number": r.id, "table": r.table_name, "attempts": r.attempts, "first_seen": r.first_seen,
                "next_try": r.next_try, "sqlstate": r.sqlstate, "reason": r.reason,
            })
        });
        output::json(&rows.collect());
        return Ok(());
    }
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
