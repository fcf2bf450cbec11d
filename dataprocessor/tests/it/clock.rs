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

/// What `fall_fe` shows of each case after the newest run.
async fn shown(t: &TestHub, columns: &str) -> Vec<String> {
    t.lines(columns, "(SELECT * FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY fall_pat_id, redcap_repeat_instance) x").await
}

#[tokio::test]
async fn only_cases_that_run_at_the_moment_are_shown() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2", "p3", "p4", "p5"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, "x").await;
    }
    t.patient("p6", "Not listed").await;
    t.stay("running", "p1", "2026-03-01 08:00", &[]).await;
    t.stay("ends-later", "p2", "2026-03-01 08:00", &[("enc_period_end", "2026-03-02 12:00:01")]).await;
    t.stay("ended", "p3", "2026-03-01 08:00", &[("enc_period_end", "2026-03-02 12:00:00"), ("enc_status", "finished")]).await;
    t.stay("starts-now", "p4", "2026-03-02 12:00:00", &[]).await;
    t.stay("starts-later", "p4", "2026-03-02 12:00:01", &[("enc_status", "planned")]).await;
    t.stay("outpatient", "p5", "2026-03-01 08:00", &[("enc_class_code", "AMB")]).await;
    t.stay("not-listed", "p6", "2026-03-01 08:00", &[]).await;
    t.part("part", "running", "p1", "2026-03-01 08:00", &[]).await;
    t.import().await;

    let summary = run(&t.hub, &at("2026-03-02 12:00")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_fhir_enc_id, fall_aufn_dat, fall_ent_dat, fall_status").await,
        [
            "running | 2026-03-01 08:00:00 | - | in-progress",
            "ends-later | 2026-03-01 08:00:00 | 2026-03-02 12:00:01 | in-progress",
            "starts-now | 2026-03-02 12:00:00 | - | in-progress",
        ]
    );
    // patient_fe holds everybody on the list, with or without a case.
    assert_eq!((summary.patients, summary.cases, summary.without_case), (5, 3, 2));
    let mut any_class = at("2026-03-02 12:00");
    any_class.encounter_classes.clear();
    assert_eq!(run(&t.hub, &any_class).await.unwrap().cases, 4);
}

#[tokio::test]
async fn an_encounter_without_part_of_counts_as_a_case_whatever_its_type() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "ward").await;
    t.stay("case", "p1", "2026-03-01 08:00", &[]).await;
    t.part("ward", "case", "p1", "2026-03-01 09:00", &[("enc_partof_ref", "")]).await;
    t.part("bed", "case", "p1", "2026-03-01 10:00", &[]).await;
    t.import().await;
    let summary = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(shown(&t, "fall_fhir_enc_id, redcap_repeat_instance").await, ["case | 1", "ward | 2"]);
    assert_eq!(summary.several_cases, 1);
    // The seed's optional filter leaves the case level only.
    let path = std::path::Path::new("x.toml");
    let text = format!("{}FRONTEND_DISPLAYED_ENCOUNTER_FILTER = [\"enc_type_code = '^EINRICHTUNG' + enc_class_code = 'imp'\"]", crate::settings::MANDATORY);
    let toml = dataprocessor::flat_toml::FlatToml::parse(&text, path).unwrap();
    let mut filtered = Config::from_toml(&toml, path).unwrap();
    filtered.debug_now = wall_time::parse("2026-03-02");
    assert_eq!(run(&t.hub, &filtered).await.unwrap().cases, 1);
}

#[tokio::test]
async fn a_patient_on_two_wards_has_a_row_and_an_instance_for_each() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S2", "p1", "e1").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    let both = ["S1 | e1 | 1", "S2 | e1 | 2"];
    assert_eq!(shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await, both);
    let again = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!((again.new, again.seen), (0, 3));
    assert_eq!(shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await, both);
    // On one ward again: the row of that ward stays what it was.
    t.listed("S2", "p1", "e1").await;
    t.import().await;
    run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await, ["S2 | e1 | 2"]);
}

#[tokio::test]
async fn a_transfer_keeps_the_instance_and_a_readmission_gets_the_next() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    let record = shown(&t, "record_id").await;

    t.listed("S2", "p1", "e1").await;
    t.import().await;
    run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(shown(&t, "fall_station, redcap_repeat_instance").await, ["S2 | 1"]);

    // Discharged, and back a week later under a new name.
    t.stay("e1", "p1", "2026-03-01", &[("enc_period_end", "2026-03-04"), ("enc_status", "finished"), ("enc_meta_lastupdated", "2126-01-01")]).await;
    t.patient("p1", "Beta").await;
    t.stay("e2", "p1", "2026-03-11", &[]).await;
    t.listed("S1", "p1", "e2").await;
    t.import().await;
    run(&t.hub, &at("2026-03-12")).await.unwrap();
    assert_eq!(shown(&t, "fall_fhir_enc_id, fall_station, redcap_repeat_instance").await, ["e2 | S1 | 2"]);
    assert_eq!(shown(&t, "record_id").await, record);
    assert_eq!(t.lines("pat_name, record_id", "db2dataprocessor_out.v_patient_fe_last_version").await, [format!("Beta | {}", record[0])]);
}

#[tokio::test]
async fn several_names_of_the_newest_identifier_are_joined() {
    let t = TestHub::new().await;
    let name = |family: &'static str, number: &'static str, value: &'static str| {
        [("pat_id", "p1"), ("pat_identifier_value", value), ("pat_name_family", family), ("pat_name_given", "Ada"), ("pat_meta_versionid", number)]
    };
    t.put("patient", &[&name("Alt", "1", "K1"), &name("Alpha", "1", "K2"), &name("Beta", "1", "K2"), &name("Alpha", "1", "K2")]).await;
    t.listed("S1", "p1", "e1").await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(
        t.lines("pat_cis_pid, pat_name, pat_vorname, record_id = (SELECT max(patient_id)::text FROM db_log.patient)", "db_log.patient_fe").await,
        ["K2 | Alpha; Beta | Ada | true"]
    );
}

#[tokio::test]
async fn identifier_filters_keep_matching_rows_and_drop_patients_without() {
    let t = TestHub::new().await;
    let row = |id: &'static str, system: &'static str, kind: &'static str, value: &'static str| {
        [("pat_id", id), ("pat_identifier_system", system), ("pat_identifier_type_code", kind), ("pat_identifier_value", value)]
    };
    t.put("patient", &[&row("p1", "https://kis/pid", "MR", "yes"), &row("p1", "https://kis/kvnr", "KVZ10", "no"), &row("p2", "urn:x", "MR", "no")]).await;
    t.put("patient", &[&[("pat_id", "p3"), ("pat_identifier_value", "no system")]]).await;
    for patient in ["p1", "p2", "p3"] {
        t.listed("S1", patient, "x").await;
    }
    t.import().await;
    let mut config = at("2026-03-02");
    config.identifiers.system = Some("^https://kis/pid$|other".into());
    config.identifiers.type_code = Some("MR".into());
    let summary = run(&t.hub, &config).await.unwrap();
    assert_eq!(t.lines("pat_id, pat_cis_pid", "db_log.patient_fe").await, ["p1 | yes"]);
    assert_eq!((summary.patients, summary.unknown_patients), (1, 2));
    config.identifiers.system = Some("nothing like that".into());
    assert_eq!(run(&t.hub, &config).await.unwrap().patients, 0);
}

#[tokio::test]
async fn measurements_are_the_newest_before_the_moment() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2", "p3", "p4"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, "x").await;
        t.stay(&format!("e-{patient}"), patient, "2026-03-01 08:00", &[]).await;
    }
    // p1: of the encounter, also from before it began; the future and other codes do not count.
    t.measured("o1", "29463-7", "p1", "e-p1", "2026-02-01 00:00", "80", "kg").await;
    t.measured("o2", "3142-7", "p1", "e-p1", "2026-03-01 10:00", "81", "kg").await;
    t.measured("o3", "29463-7", "p1", "e-p1", "2026-03-02 12:00", "99", "kg").await;
    t.measured("o4", "29463-7", "p1", "", "2026-03-02 11:00", "98", "kg").await;
    t.measured("o5", "8287-5", "p1", "e-p1", "2026-03-02 11:00", "97", "kg").await;
    // p2: none of the encounter, so the patient's own during the stay.
    t.measured("o6", "29463-7", "p2", "", "2026-03-01 07:59:59", "60", "kg").await;
    t.measured("o7", "29463-7", "p2", "", "2026-03-01 08:00:00", "61", "kg").await;
    // p3: no unit; p4: none at all.
    t.measured("o8", "29463-7", "p3", "e-p3", "2026-03-01 10:00", "70", "").await;
    t.import().await;
    // A correction of p1's value keeps its time; one entered in error is withdrawn.
    t.measured("o2", "3142-7", "p1", "e-p1", "2026-03-01 10:00", "82.5", "kg").await;
    t.sql("UPDATE cds2db_in.observation SET obs_meta_lastupdated = '2126-01-01'").await;
    t.import().await;
    for patient in ["p1", "p2", "p3", "p4"] {
        t.listed("S1", patient, "x").await;
    }
    t.import().await;
    run(&t.hub, &at("2026-03-02 12:00")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_pat_id, fall_gewicht_aktuell, fall_gewicht_aktl_einheit, fall_groesse, fall_groesse_einheit").await,
        ["p1 | 82.5 | kg | - | -", "p2 | 61 | kg | - | -", "p3 | 70 | - | - | -", "p4 | - | - | - | -"]
    );
}

#[tokio::test]
async fn diagnoses_are_the_texts_of_all_conditions_named() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    for condition in ["c1", "c2", "c3", "c9"] {
        t.stay("e1", "p1", "2026-03-01", &[("enc_diagnosis_condition_ref", &format!("Condition/{condition}"))]).await;
    }
    t.put("condition", &[
        &[("con_id", "c1"), ("con_code_text", "Sepsis"), ("con_code_code", "A41.9")],
        &[("con_id", "c1"), ("con_code_text", "Sepsis"), ("con_code_code", "91302008")],
        &[("con_id", "c2"), ("con_code_display", "Fieber")],
        &[("con_id", "c3"), ("con_code_code", "I10")],
    ]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(shown(&t, "fall_aufn_diag").await, ["Sepsis; Fieber; I10"]);
}

#[tokio::test]
async fn past_moments_at_clock_changes_and_year_ends() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "x").await;
    // Wall time of Berlin: the night the clocks went forward, back, and the new year.
    t.stay("spring", "p1", "2024-03-31 01:59:59", &[("enc_period_end", "2024-03-31 03:00:01")]).await;
    t.stay("autumn", "p1", "2024-10-27 02:15:00", &[("enc_period_end", "2024-10-27 02:45:00")]).await;
    t.stay("new-year", "p1", "2024-12-31 23:59:59", &[("enc_period_end", "2025-01-01 00:00:01")]).await;
    t.stay("leap-day", "p1", "2024-02-29 00:00:00", &[("enc_period_end", "2024-03-01 00:00:00")]).await;
    t.import().await;
    for (now, case) in [
        ("2024-03-31 03:00:00", Some("spring")),
        ("2024-03-31T01:00:00Z", Some("spring")),
        ("2024-03-31T00:59:59Z", Some("spring")),
        ("2024-03-31 03:00:01", None),
        ("2024-10-27 02:30:00", Some("autumn")),
        ("2024-10-27T00:30:00Z", Some("autumn")),
        ("2024-10-27T01:30:00Z", Some("autumn")),
        ("2024-10-27T03:00:00+01:00", None),
        ("2024-12-31 23:59:59", Some("new-year")),
        ("2025-01-01", Some("new-year")),
        ("2024-12-31T23:00:00Z", Some("new-year")),
        ("2025-01-01 00:00:01", None),
        ("2024-02-29 23:59:59", Some("leap-day")),
        ("2024-03-01", None),
    ] {
        run(&t.hub, &at(now)).await.unwrap();
        let cases = t
            .lines("fall_fhir_enc_id", "db2dataprocessor_out.v_fall_fe WHERE last_processing_nr = (SELECT max(last_processing_nr) FROM db2dataprocessor_out.v_patient_fe)")
            .await;
        assert_eq!(cases, case.into_iter().collect::<Vec<_>>(), "{now}");
    }
}

#[tokio::test]
async fn unchanged_rows_are_not_written_again_and_the_fhir_value_wins_over_an_edit() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    let config = at("2026-03-02");
    assert_eq!(run(&t.hub, &config).await.unwrap().new, 2);
    let again = run(&t.hub, &config).await.unwrap();
    assert_eq!((again.new, again.seen), (0, 2));
    assert_eq!(t.lines("count(*)", "db_log.patient_fe").await, ["1"]);
    // The frontend delivers the whole form back with a corrected name and its own form untouched.
    t.sql(
        "INSERT INTO db2frontend_in.patient_fe (record_id, pat_id, pat_cis_pid, pat_name, pat_vorname, pat_gebdat, pat_geschlecht, patient_complete) \
         SELECT record_id, pat_id, pat_cis_pid, 'Edited', pat_vorname, pat_gebdat, pat_geschlecht, patient_complete FROM db_log.patient_fe; \
         SELECT db.copy_fe_fe_in_to_db_log()",
    )
    .await;
    assert_eq!(t.lines("pat_name", "db2frontend_out.v_patient_fe_last_version").await, ["Edited"]);
    let third = run(&t.hub, &config).await.unwrap();
    assert_eq!((third.new, third.seen), (0, 2));
    assert_eq!(t.lines("pat_name", "db2frontend_out.v_patient_fe_last_version").await, ["Alpha"]);
    // Nothing is lost: the edit is still there.
    assert_eq!(t.lines("count(*)", "db_log.patient_fe").await, ["2"]);
}

#[tokio::test]
async fn every_row_names_its_typed_and_raw_sources() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[("enc_diagnosis_condition_ref", "Condition/c1")]).await;
    t.put("condition", &[&[("con_id", "c1"), ("con_code_text", "Sepsis")]]).await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 10:00", "80", "kg").await;
    t.measured("o2", "29463-7", "p1", "e1", "2026-03-01 09:00", "79", "kg").await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    let sources = |table: &str| {
        let from = format!(
            "(SELECT DISTINCT l.source_table FROM core.lineage l JOIN core.{table} c USING (row_id) WHERE l.table_name = '{table}' ORDER BY 1) x"
        );
        let t = &t;
        async move { t.lines("source_table", &from).await }
    };
    assert_eq!(sources("patient_fe").await, ["patient", "patient_raw", "pids_per_ward", "pids_per_ward_raw"]);
    assert_eq!(
        sources("fall_fe").await,
        ["condition", "condition_raw", "encounter", "encounter_raw", "observation", "observation_raw", "patient", "patient_raw", "pids_per_ward", "pids_per_ward_raw"]
    );
    assert_eq!(
        t.lines("obs_id", "core.lineage l JOIN db_log.observation o ON o.observation_id = l.source_id WHERE source_table = 'observation'").await,
        ["o1"]
    );
    assert_eq!(
        t.lines("obs_id", "core.lineage l JOIN db_log.observation_raw o ON o.observation_raw_id = l.source_id WHERE source_table = 'observation_raw'").await,
        ["o1"]
    );
}

#[tokio::test]
async fn an_empty_hub_gives_empty_tables() {
    let t = TestHub::new().await;
    let summary = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!((summary.patients, summary.cases, summary.new, summary.seen), (0, 0, 0, 0));
    assert_eq!(t.lines("pc_value", "db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'").await, ["ReadyToConnect"]);
}
