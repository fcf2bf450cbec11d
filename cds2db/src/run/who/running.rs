//! Patients with a running case, whom the hub knows.

use std::collections::BTreeSet;

use cds_hub::Hub;
use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::references::reference_id;
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result};

/// Everybody whose resources are asked for: the ward patients, and those with a running case in the hub, so that every
/// case once seen on a ward is followed to its end.
pub(crate) async fn of_interest(
    settings: &Settings,
    hub: &Hub,
    wards: &[WardPatient],
    zone: &TimeZone,
) -> Result<Vec<String>> {
    let mut ids: BTreeSet<String> = wards.iter().map(|p| p.patient_id.clone()).collect();
    ids.extend(running(settings, hub, zone).await?);
    if let Some(pattern) = &settings.debug.pids_pattern {
        ids.retain(|id| pattern.is_match(id).unwrap_or(false));
    }
    Ok(ids.into_iter().collect())
}

/// Patients with a case that has begun and not ended, by the hub's last version of their encounters.
async fn running(settings: &Settings, hub: &Hub, zone: &TimeZone) -> Result<Vec<String>> {
    let debug_now = settings.debug.starts_at_or_before.clone();
    let now = debug_now.unwrap_or_else(|| settings.wall_time(zone));
    let sql = "SELECT DISTINCT enc_patient_ref FROM cds2db_out.v_encounter_last_version \
               WHERE enc_status = 'in-progress' AND enc_period_start <= ($1)[1]::timestamp \
               AND (enc_period_end IS NULL OR enc_period_end > ($1)[1]::timestamp) \
               AND (cardinality($2) = 0 OR enc_class_code = ANY ($2)) \
               AND enc_id NOT IN (SELECT fhir_id FROM cds2db_out.v_deleted_resource WHERE resource = 'Encounter')";
    let rows = hub
        .select_text(sql, &[vec![now], settings.encounters.classes.clone()])
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "reading the running cases").because(e))?;
    let references = rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten());
    Ok(references
        .filter_map(|r| reference_id(&r, "Patient").map(str::to_owned))
        .collect())
}
