//! How the server reads for a run, once the tables are large.

use dataprocessor::config::wall_time;
use dataprocessor::{CaseProfile, Config, Snapshot, Sources};

use crate::server::TestHub;

/// Rows of the past, straight into the core: the plan depends on their number only.
const PAST: &str = "
INSERT INTO core.import (run, input_nr, last_nr, checked, seen_status, module, part, started, finished, aligned)
  VALUES (1, 1, 1, now(), '', 'test', 'test', now(), now(), true);
INSERT INTO core.encounter (encounter_id, encounter_raw_id, import_no, input_datetime, enc_id, enc_patient_ref, enc_class_code,
    enc_type_code, enc_main_encounter_calculated_ref, enc_period_start, enc_period_end, meta_digest, hash)
  SELECT 1000000 + n, 1000000 + n, (SELECT max(no) FROM core.import), now(), 'past-' || n, 'Patient/past-' || n / 3, 'IMP',
    'einrichtungskontakt', 'Encounter/past-' || n, '2020-01-01', '2020-01-02', 0, md5('e' || n)::uuid FROM generate_series(1, 30000) n;
INSERT INTO core.observation (observation_id, observation_raw_id, import_no, input_datetime, obs_id, obs_patient_ref,
    obs_code_system, obs_code_code, obs_effectivedatetime, obs_valuequantity_value, meta_digest, hash)
  SELECT 2000000 + n, 2000000 + n, (SELECT max(no) FROM core.import), now(), 'past-' || n, 'Patient/past-' || n / 15,
    'http://loinc.org', CASE n % 5 WHEN 0 THEN '29463-7' ELSE '2160-0' END, '2020-01-01', 70, 0, md5('o' || n)::uuid FROM generate_series(1, 60000) n;
INSERT INTO core.condition (condition_id, condition_raw_id, import_no, input_datetime, con_id, con_patient_ref, meta_digest, hash)
  SELECT 3000000 + n, 3000000 + n, (SELECT max(no) FROM core.import), now(), 'past-' || n, 'Patient/past-' || n / 3, 0,
    md5('c' || n)::uuid FROM generate_series(1, 20000) n;
INSERT INTO core.patient (patient_id, patient_raw_id, import_no, input_datetime, pat_id, meta_digest, hash)
  SELECT 4000000 + n, 4000000 + n, (SELECT max(no) FROM core.import), now(), 'past-' || n, 0, md5('p' || n)::uuid FROM generate_series(1, 20000) n;
ANALYZE;
";

#[tokio::test]
async fn no_large_table_is_read_from_end_to_end() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay(
        "e1",
        "p1",
        "2026-03-01",
        &[("enc_diagnosis_condition_ref", "Condition/c1")],
    )
    .await;
    t.put("condition", &[&[("con_id", "c1"), ("con_code_text", "Sepsis")]])
        .await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 10:00", "80 kg")
        .await;
    t.import().await;
    t.sql(PAST).await;
    for profile in [CaseProfile::Clock, CaseProfile::WardList] {
        let mut config = Config::default();
        config.profile = profile;
        config.debug_now = wall_time::parse("2026-03-02");
        let mut snapshot = Snapshot::explaining(&t.hub).await.unwrap();
        let sources = Sources::read(&mut snapshot, &config, config.now()).await.unwrap();
        assert_eq!(
            (
                sources.encounters.height(),
                sources.conditions.height(),
                sources.observations.height()
            ),
            (1, 1, 1)
        );
        assert!(snapshot.plans().len() >= 8);
        for plan in snapshot.plans() {
            for table in ["encounter", "observation", "condition", "patient"] {
                let scan = format!("Seq Scan on {table} ");
                assert!(!plan.contains(&scan), "{profile:?} reads all of {table}:\n{plan}");
            }
        }
        snapshot.close().await.unwrap();
    }
}
