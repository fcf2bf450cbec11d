use crate::{Error, Hub, Result};

/// Encounters of the newest ward list whose case the hub knows and has no row for the frontend, where no dataprocessor has been
/// at work since: what it shows no row for is its decision.
const WITHOUT_FORM: &str = "
SELECT count(DISTINCT e.enc_main_encounter_calculated_ref)
FROM db2dataprocessor_out.v_pids_per_ward_last_import p
JOIN db2dataprocessor_out.v_encounter_last_version e ON e.enc_id = p.encounter_id
WHERE e.enc_main_encounter_calculated_ref LIKE 'Encounter/%'
  AND p.last_processing_nr > coalesce((SELECT max(h.last_processing_nr) FROM db.data_import_hist h
                                       WHERE h.function_name = 'copy_fe_dp_in_to_db_log'), 0)
  AND NOT EXISTS (SELECT FROM db2dataprocessor_out.v_fall_fe f
                  WHERE 'Encounter/' || f.fall_fhir_enc_id = e.enc_main_encounter_calculated_ref)";

impl Hub {
    /// How many cases of the newest ward list have no row for the frontend yet: a chain broke off before the dataprocessor.
    /// For the role of the dataprocessor.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn listed_without_form(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(WITHOUT_FORM)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("looking for cases of an interrupted chain", &e))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// How many entries the newest ward list has: patients, once a ward.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn listed_patients(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM cds2db_out.v_pids_per_ward_raw_last_import WHERE patient_id <> 'EMPTY_DATA'";
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("reading the ward list", &e))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// How many rows lie in quarantine.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn rows_in_quarantine(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM core.quarantine")
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("counting the rows in quarantine", &e))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}
