use std::time::Duration;

use cds_hub::scheduler::{ServeOptions, Served};
use cds_hub::transfer::Transfer;
use cds_hub::{Error, ErrorKind, Hub, Result};

use serde_json::json;

use super::output;

/// Runs due transfers until the process is asked to stop.
pub(crate) async fn serve(hub: &Hub, interval: Option<u64>) -> Result<()> {
    let options = ServeOptions {
        interval: interval.map(Duration::from_secs),
        ..ServeOptions::default()
    };
    output::line("serving: transfers what modules leave in the inboxes; Ctrl-C ends it");
    hub.serve_telling(options, asked_to_stop(), say).await?;
    output::line("stopped");
    Ok(())
}

/// One line for each function that did something or failed.
fn say(served: &Served<'_>) {
    match served {
        Served::Transferred(transfer) => {
            for line in &transfer.done {
                output::line(line);
            }
            for line in &transfer.failed {
                output::note(&format!(
                    "{line} (tried again; the reason is in db_config.v_db_error_log)"
                ));
            }
        }
        Served::Failed(error) => output::error(error),
        _ => {}
    }
}

/// Moves what waits in the inboxes, after waiting for the lock that long.
pub(crate) async fn transfer(hub: &Hub, patience: u64, as_json: bool) -> Result<()> {
    tell(&hub.transfer(Duration::from_secs(patience)).await?, as_json)
}

/// Prints what a transfer did; a failed function is an error.
pub(crate) fn tell(transfer: &Transfer, as_json: bool) -> Result<()> {
    if as_json {
        output::json(&json!({"done": transfer.done, "failed": transfer.failed}));
        return failed(transfer);
    }
    for line in transfer.done.iter().chain(&transfer.failed) {
        output::line(line);
    }
    if transfer.is_empty() {
        output::line("nothing was waiting");
    }
    failed(transfer)
}

/// The error of a transfer some of whose functions failed.
pub(crate) fn failed(transfer: &Transfer) -> Result<()> {
    match transfer.failed.len() {
        0 => Ok(()),
        n => Err(Error::new(
            ErrorKind::Database,
            format!("{n} functions of the transfer failed; see the status"),
        )),
    }
}

/// Ctrl-C or the polite signal of a service manager.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
