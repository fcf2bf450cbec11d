//! Patients with a running case, whom the hub knows.

use std::collections::BTreeSet;

use cds_hub::Hub;
use cds_hub::ask::Running;
use jiff::tz::TimeZone;
use table_description::TableDescription;

use crate::Result;
use crate::config::Settings;
use crate::error::hub_error;
use crate::references::reference_id;
use crate::ward::WardPatient;

/// Everybody whose resources are asked for: the ward patients, and those with a running case in the hub, so that every
/// case once seen on a ward is followed to its end.
pub(crate) async fn of_interest(
    settings: &Settings,
    hub: &Hub,
    encounters: Option<&TableDescription>,
    wards: &[WardPatient],
    zone: &TimeZone,
) -> Result<Vec<String>> {
    let mut ids: BTreeSet<String> = wards.iter().map(|p| p.patient_id.clone()).collect();
    if let Some(encounters) = encounters {
        ids.extend(running(settings, hub, encounters, zone).await?);
    }
    if let Some(pattern) = &settings.debug.pids_pattern {
        ids.retain(|id| pattern.is_match(id).unwrap_or(false));
    }
    Ok(ids.into_iter().collect())
}

/// Patients with a case that has begun and not ended, by the hub's last version of their encounters.
async fn running(
    settings: &Settings,
    hub: &Hub,
    encounters: &TableDescription,
    zone: &TimeZone,
) -> Result<Vec<String>> {
    let debug_now = settings.debug.starts_at_or_before.clone();
    let now = debug_now.unwrap_or_else(|| settings.wall_time(zone));
    let running = Running {
        at: &now,
        classes: &settings.encounters.classes,
    };
    let references = hub.running_patients(encounters, running).await;
    let references = references.map_err(|e| hub_error("reading the running cases", e))?;
    Ok(references
        .iter()
        .filter_map(|r| reference_id(r, "Patient").map(str::to_owned))
        .collect())
}
