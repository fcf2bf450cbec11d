//! Profile clock: the seed's rule.

use dataprocessor::config::wall_time;
use dataprocessor::{CaseProfile, Config, run};

use crate::server::TestHub;

/// The clock profile at a moment.
fn at(now: &str) -> Config {
    let mut config = Config::default();
    config.profile = CaseProfile::Clock;
    config.debug_now = wall_time::parse_moment(now);
    assert!(config.debug_now.is_some());
    config
}

#[tokio::test]
async fn an_admission_is_shown_with_all_its_columns() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("Station 1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01 08:00", &[("enc_diagnosis_condition_ref", "Condition/c1"), ("enc_diagnosis_use_code", "CC")])
        .await;
    t.put("condition", &[&[("con_id", "c1"), ("con_code_code", "I10"), ("con_code_text", "Hypertonie")]]).await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 09:00", "81.5", "kg").await;
    t.measured("o2", "8302-2", "p1", "e1", "2026-03-01 09:05", "180", "cm").await;
    t.measured("o3", "39156-5", "p1", "e1", "2026-03-01 09:05", "25.1", "kg/m2").await;
    t.import().await;

    let summary = run(&t.hub, &at("2026-03-02 12:00")).await.unwrap();
    assert_eq!((summary.patients, summary.cases, summary.new, summary.seen), (1, 1, 2, 0));
    assert_eq!(
        t.lines(
            "record_id = patient_fe_id::text, redcap_repeat_instrument, redcap_repeat_instance, redcap_data_access_group, \
             projekt_versionsnummer, pat_id, pat_cis_pid, pat_name, pat_vorname, pat_gebdat, pat_aktuell_alter, pat_geschlecht, \
             pat_additional_values, patient_complete",
            "db2frontend_out.v_patient_fe"
        )
        .await,
        ["true | - | - | - | - | p1 | K-p1 | Alpha | Ada | 1950-05-05 | - | female | - | Complete"]
    );
    assert_eq!(
        t.lines(
            "record_id = patient_id_fk::text, redcap_repeat_instrument, redcap_repeat_instance, redcap_data_access_group, db_filter_8, \
             fall_fhir_enc_id, fall_pat_id, fall_id, fall_studienphase, fall_station, fall_aufn_dat, fall_zimmernr, fall_aufn_diag, \
             fall_gewicht_aktuell, fall_gewicht_aktl_einheit, fall_groesse, fall_groesse_einheit, fall_bmi, fall_status, fall_ent_dat, \
             fall_additional_values, fall_complete",
            "db2frontend_out.v_fall_fe"
        )
        .await,
        ["true | fall | 1 | - | - | e1 | p1 | F-e1 | - | Station 1 | 2026-03-01 08:00:00 | - | Hypertonie | 81.5 | kg | 180 | cm | \
          25.1 | in-progress | - | - | -"]
    );
    // The rows' ids are those of the typed rows they came from.
    assert_eq!(
        t.lines(
            "patient_fe_id = (SELECT patient_id FROM db_log.patient), (SELECT fall_fe_id FROM db_log.fall_fe) = (SELECT encounter_id FROM db_log.encounter)",
            "db_log.patient_fe"
        )
        .await,
        ["true | true"]
    );
}
