//! Hub and database.

use cds_hub::Hub;
use monitoring::seconds_since_epoch as now;

use super::super::{connect::impatient, describe};
use super::finding::{Findings, kind_of};
use crate::config::Settings;
use crate::error::hub_error;
use crate::run::{described, reach};
use crate::{Error, Result};

const SECTION: &str = "hub";
/// Difference of two clocks in seconds that is worth a look.
pub(super) const APART: f64 = 5.0;

pub(super) async fn look(found: &mut Findings, settings: &Settings) {
    let hub = match reach::hub(&settings.database, impatient()).await {
        Ok(hub) => hub,
        Err(error) => {
            found.fault(SECTION, "database", kind_of(&error));
            return;
        }
    };
    found.fine(SECTION, "database", "answers");
    if let Err(error) = server(found, &hub).await {
        found.fault(SECTION, "server", kind_of(&error));
    }
    match fits(&hub, settings).await {
        Ok(tables) => found.fine(SECTION, "migrations", format!("none is due; {tables} tables")),
        Err(error) => found.fault(SECTION, "migrations", kind_of(&error)),
    }
    if let Err(error) = figures(found, &hub).await {
        found.fault(SECTION, "figures", kind_of(&error));
    }
    hub.close().await;
}

async fn server(found: &mut Findings, hub: &Hub) -> Result<()> {
    let before = now();
    let server = hub
        .postgres()
        .await
        .map_err(|e| hub_error("asking the server about itself", e))?;
    found.fine(SECTION, "PostgreSQL", &server.version);
    match &server.hub_release {
        Some(release) => found.fine(SECTION, "made by release", release),
        None => found.fault(
            SECTION,
            "made by release",
            "the database is no hub yet: cds-hub init",
        ),
    }
    clock(found, SECTION, "clock", server.clock, before, now());
    for setting in &server.settings {
        match setting.amiss() {
            None => found.fine(SECTION, &setting.name, &setting.value),
            Some(why) => found.look(SECTION, &setting.name, format!("{}: {why}", setting.value)),
        }
    }
    Ok(())
}

/// How far another clock is from ours, which was read before and after it.
pub(super) fn clock(
    found: &mut Findings,
    section: &'static str,
    what: &str,
    there: f64,
    before: f64,
    after: f64,
) {
    let apart = there - f64::midpoint(before, after);
    let text = format!(
        "{:.1} s {} of this machine's (answered in {:.1} s)",
        apart.abs(),
        if apart < 0.0 { "behind" } else { "ahead" },
        after - before
    );
    match apart.abs() > APART + (after - before) {
        true => found.look(section, what, text),
        false => found.fine(section, what, text),
    }
}

async fn fits(hub: &Hub, settings: &Settings) -> Result<usize> {
    let description = match describe::given(None, settings)? {
        Some(description) => description,
        None => described(hub).await?,
    };
    reach::fits(hub, &description, &settings.database).await?;
    Ok::<_, Error>(description.tables.len())
}

async fn figures(found: &mut Findings, hub: &Hub) -> Result<()> {
    let figures = hub
        .figures()
        .await
        .map_err(|e| hub_error("reading the figures", e))?;
    match &figures.lock {
        None => found.fine(SECTION, "lock", "free"),
        Some((module, since)) => {
            let text = format!("held by {} for {:.0} s", known_module(module), now() - since);
            found.look(SECTION, "lock", text);
        }
    }
    let quarantine = figures.quarantine;
    let text = format!("{} rows, {} due", quarantine.rows, quarantine.due);
    match quarantine.rows {
        0 => found.fine(SECTION, "quarantine", text),
        _ => found.look(SECTION, "quarantine", text),
    }
    let waiting: i64 = figures.inboxes.iter().map(|(_, rows)| rows).sum();
    found.fine(SECTION, "rows in inboxes of this role", waiting);
    let unanswered: i64 = figures.unanswered.iter().map(|(_, searches)| searches).sum();
    found.fine(SECTION, "searches that are asked again", unanswered);
    for (module, at) in &figures.imports {
        let what = format!("last import of {}", known_module(module));
        found.fine(SECTION, &what, format!("{:.1} h ago", (now() - at) / 3600.0));
    }
    found.fine(SECTION, "size", format!("{} MiB", figures.bytes >> 20));
    Ok(())
}

/// Modules by the names they are known by; who locks by hand may write anything.
fn known_module(name: &str) -> &str {
    const KNOWN: [&str; 7] = [
        "cds2db",
        "dataprocessor",
        "db2frontend",
        "frontend2db",
        "db.cron_job_data_transfer",
        "operator",
        "unknown",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("another module")
}
