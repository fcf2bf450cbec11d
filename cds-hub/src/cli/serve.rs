use std::convert::Infallible;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use cds_hub::scheduler::{ServeOptions, Served};
use cds_hub::transfer::Transfer;
use cds_hub::{Error, ErrorKind, Hub, Result};
use monitoring::ServiceManager;

use serde_json::json;

use super::metrics::Metrics;
use super::output;

/// How often metrics are written.
const METRICS_EVERY: Duration = Duration::from_secs(15);

/// Runs due transfers until the process is asked to stop.
pub(crate) async fn serve(hub: &Hub, interval: Option<u64>, metrics: Option<&Path>) -> Result<()> {
    let options = ServeOptions {
        interval: interval.map(Duration::from_secs),
        ..ServeOptions::default()
    };
    output::line("serving: transfers what modules leave in the inboxes; Ctrl-C ends it");
    let manager = ServiceManager::of_environment();
    let metrics = Mutex::new(Metrics::new(metrics));
    let mut is_ready = false;
    let say = |served: &Served<'_>| {
        // The scheduler has its connection and listens.
        if !std::mem::replace(&mut is_ready, true) {
            manager.ready("serves");
        }
        manager.alive();
        manager.status(&in_a_line(served));
        if let Ok(mut metrics) = metrics.lock() {
            count(served, &mut metrics);
        }
        say(served);
    };
    // All in one task, so that a scheduler that hangs in it gives no sign of life either.
    tokio::select! {
        served = hub.serve_telling(options, asked_to_stop(), say) => served?,
        never = manager.signs_of_life() => match never {},
        never = written(hub, &metrics) => match never {},
    }
    manager.stopping("stopped");
    output::line("stopped");
    Ok(())
}

/// Writes the metrics now and then. A file that cannot be written is told once.
async fn written(hub: &Hub, metrics: &Mutex<Metrics>) -> Infallible {
    if !metrics.lock().is_ok_and(|metrics| metrics.are_wanted()) {
        return std::future::pending().await;
    }
    let mut is_told = false;
    loop {
        let figures = hub.figures().await.ok();
        if let Ok(mut metrics) = metrics.lock()
            && let Err(error) = metrics.write(figures.as_ref())
            && !std::mem::replace(&mut is_told, true)
        {
            output::note(&format!("the metrics cannot be written: {error}"));
        }
        tokio::time::sleep(METRICS_EVERY).await;
    }
}

fn count(served: &Served<'_>, metrics: &mut Metrics) {
    match served {
        Served::Transferred(transfer) => {
            metrics.looked();
            metrics.transferred(!transfer.failed.is_empty());
        }
        Served::Failed(_) => metrics.transferred(true),
        _ => metrics.looked(),
    }
}

/// What a service manager shows.
fn in_a_line(served: &Served<'_>) -> String {
    match served {
        Served::Transferred(transfer) if transfer.failed.is_empty() => {
            format!("serves; {} functions moved rows", transfer.done.len())
        }
        Served::Transferred(transfer) => {
            format!(
                "serves; {} functions failed and are tried again",
                transfer.failed.len()
            )
        }
        Served::Failed(error) => format!("cannot work, tries again: {error}"),
        _ => "serves; nothing waits".to_owned(),
    }
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
pub(super) async fn asked_to_stop() {
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
