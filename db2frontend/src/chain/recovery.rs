//! Whether the last chain ended between the retrieval and the dataprocessor.

use std::path::Path;

use cds_hub::{Hub, HubOptions};
use site_config::{Database, FlatToml, resolve};
use sqlx::AssertSqlSafe;

use crate::hub::failed;
use crate::{Error, ErrorKind, Result};

/// Cases on the ward list of which the hub has no row for the frontend, where the list is newer than all such rows.
const OPEN: &str = "SELECT count(*) FROM db2dataprocessor_out.v_pids_per_ward_last_import p
WHERE p.last_processing_nr > coalesce((SELECT max(h.last_processing_nr) FROM db.data_import_hist h
                                       WHERE h.function_name = 'copy_fe_dp_in_to_db_log'), 0)
  AND p.encounter_id IS NOT NULL AND p.patient_id IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM db2dataprocessor_out.v_fall_fe f
    WHERE f.fall_fhir_enc_id = p.encounter_id
       OR 'Encounter/' || f.fall_fhir_enc_id IN (
         SELECT e.enc_main_encounter_calculated_ref FROM db2dataprocessor_out.v_encounter_last_version e
         WHERE e.enc_id = p.encounter_id))";

/// Asks with the dataprocessor's role: the frontend's may not read ward lists.
pub(super) async fn is_needed(hub: &Hub, dataprocessor: &Path, url: Option<&str>) -> Result<bool> {
    let own;
    let hub = match (url, database(dataprocessor)?) {
        (None, Some(database)) => {
            let options = HubOptions {
                password: database.password.clone(),
                connections: 1,
                ..HubOptions::new(database.url())
            };
            own = Hub::open(&options).await?;
            &own
        }
        _ => hub,
    };
    let open: i64 = sqlx::query_scalar(AssertSqlSafe(OPEN.to_owned()))
        .fetch_one(hub.pool())
        .await
        .map_err(|e| failed("looking for cases of the last chain", &e))?;
    Ok(open > 0)
}

fn database(file: &Path) -> Result<Option<Database>> {
    let wrong = |faults| Error::of_faults(ErrorKind::Configuration, faults);
    let toml = FlatToml::read(file).map_err(|fault| wrong(vec![fault]))?;
    let path = toml
        .text("PATH_TO_DB_CONFIG_TOML")
        .filter(|text| !text.is_empty());
    path.map(|path| Database::read(&resolve(path, file), "DATAPROCESSOR"))
        .transpose()
        .map_err(wrong)
}
