//! Profile clock: the seed's rule.

use dataprocessor::config::wall_time;
use dataprocessor::{CaseProfile, Config, Reason, run};

use crate::server::TestHub;

/// The clock profile at a moment.
pub(crate) fn at(now: &str) -> Config {
    let mut config = Config::default();
    config.profile = CaseProfile::Clock;
    config.debug_now = wall_time::parse_moment(now);
    assert!(config.debug_now.is_some());
    config
}

/// What `fall_fe` shows of each case after the newest run.
pub(crate) async fn shown(t: &TestHub, columns: &str) -> Vec<String> {
    t.lines(columns, "(SELECT * FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY fall_pat_id, redcap_repeat_instance) x").await
}

#[tokio::test]
async fn an_admission_is_shown_with_all_its_columns() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("Station 1", "p1", "e1").await;
    t.stay(
        "e1",
        "p1",
        "2026-03-01 08:00",
        &[
            ("enc_diagnosis_condition_ref", "Condition/c1"),
            ("enc_diagnosis_use_code", "CC"),
        ],
    )
    .await;
    t.put(
        "condition",
        &[&[
            ("con_id", "c1"),
            ("con_code_code", "I10"),
            ("con_code_text", "Hypertonie"),
        ]],
    )
    .await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 09:00", "81.5 kg")
        .await;
    t.measured("o2", "8302-2", "p1", "e1", "2026-03-01 09:05", "180 cm")
        .await;
    t.measured("o3", "39156-5", "p1", "e1", "2026-03-01 09:05", "25.1 kg/m2")
        .await;
    t.import().await;

    let summary = run(&t.hub, &at("2026-03-02 12:00")).await.unwrap();
    assert_eq!(
        (summary.patients, summary.cases, summary.new, summary.seen),
        (1, 1, 2, 0)
    );
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

#[tokio::test]
async fn only_cases_that_run_at_the_moment_are_shown() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2", "p3", "p4", "p5"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, "x").await;
    }
    t.patient("p6", "Not listed").await;
    t.stay("running", "p1", "2026-03-01 08:00", &[]).await;
    t.stay(
        "ends-later",
        "p2",
        "2026-03-01 08:00",
        &[("enc_period_end", "2026-03-02 12:00:01")],
    )
    .await;
    t.stay(
        "ended",
        "p3",
        "2026-03-01 08:00",
        &[
            ("enc_period_end", "2026-03-02 12:00:00"),
            ("enc_status", "finished"),
        ],
    )
    .await;
    t.stay("starts-now", "p4", "2026-03-02 12:00:00", &[]).await;
    t.stay(
        "starts-later",
        "p4",
        "2026-03-02 12:00:01",
        &[("enc_status", "planned")],
    )
    .await;
    t.stay(
        "outpatient",
        "p5",
        "2026-03-01 08:00",
        &[("enc_class_code", "AMB")],
    )
    .await;
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
    assert_eq!(summary.reasons, [(Reason::Ended, 1), (Reason::Class, 1)].into());
    // patient_fe holds everybody on the list, with or without a case.
    assert_eq!((summary.patients, summary.cases, summary.without_case), (5, 3, 2));
    let mut any_class = at("2026-03-02 12:00");
    any_class.encounter_classes.clear();
    assert_eq!(run(&t.hub, &any_class).await.unwrap().cases, 4);
}

#[tokio::test]
async fn a_contact_belongs_to_its_case_by_the_calculated_reference() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "ward").await;
    t.stay("case", "p1", "2026-03-01 08:00", &[]).await;
    t.part(
        "ward",
        "case",
        "p1",
        "2026-03-01 09:00",
        &[("enc_partof_ref", "")],
    )
    .await;
    t.part("bed", "case", "p1", "2026-03-01 10:00", &[]).await;
    let unknown = [
        ("enc_partof_ref", ""),
        ("enc_partof_calculated_ref", "invalid"),
        ("enc_main_encounter_calculated_ref", "invalid"),
    ];
    t.part("lost", "case", "p1", "2026-03-01 10:00", &unknown).await;
    // Of a server without levels nothing is calculated: an encounter without a parent is the case.
    t.patient("p2", "Beta").await;
    t.listed("S1", "p2", "plain").await;
    let plain = [
        ("enc_type_system", ""),
        ("enc_type_code", ""),
        ("enc_main_encounter_calculated_ref", ""),
    ];
    t.stay("plain", "p2", "2026-03-01 08:00", &plain).await;
    t.import().await;
    let summary = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_fhir_enc_id, redcap_repeat_instance").await,
        ["case | 1", "plain | 1"]
    );
    assert_eq!(summary.several_cases, 0);
    // The seed's optional filter leaves the case level only.
    let path = std::path::Path::new("x.toml");
    let text = format!(
        "{}FRONTEND_DISPLAYED_ENCOUNTER_FILTER = [\"enc_type_code = '^EINRICHTUNG' + enc_class_code = 'imp'\"]",
        crate::settings::MANDATORY
    );
    let toml = site_config::FlatToml::parse(&text, path).unwrap();
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
    assert_eq!(
        shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await,
        both
    );
    let again = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!((again.new, again.seen), (0, 3));
    assert_eq!(
        shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await,
        both
    );
    // On one ward again: the row of that ward stays what it was.
    t.listed("S2", "p1", "e1").await;
    t.import().await;
    run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_station, fall_fhir_enc_id, redcap_repeat_instance").await,
        ["S2 | e1 | 2"]
    );
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
    assert_eq!(
        shown(&t, "fall_station, redcap_repeat_instance").await,
        ["S2 | 1"]
    );

    // Discharged, and back a week later under a new name.
    t.stay(
        "e1",
        "p1",
        "2026-03-01",
        &[
            ("enc_period_end", "2026-03-04"),
            ("enc_status", "finished"),
            ("enc_meta_lastupdated", "2126-01-01"),
        ],
    )
    .await;
    t.patient("p1", "Beta").await;
    t.stay("e2", "p1", "2026-03-11", &[]).await;
    t.listed("S1", "p1", "e2").await;
    t.import().await;
    run(&t.hub, &at("2026-03-12")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_fhir_enc_id, fall_station, redcap_repeat_instance").await,
        ["e2 | S1 | 2"]
    );
    assert_eq!(shown(&t, "record_id").await, record);
    assert_eq!(
        t.lines(
            "pat_name, record_id",
            "db2dataprocessor_out.v_patient_fe_last_version"
        )
        .await,
        [format!("Beta | {}", record[0])]
    );
}

#[tokio::test]
async fn past_moments_at_clock_changes_and_year_ends() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "x").await;
    // Wall time of Berlin: the night the clocks went forward, back, and the new year.
    t.stay(
        "spring",
        "p1",
        "2024-03-31 01:59:59",
        &[("enc_period_end", "2024-03-31 03:00:01")],
    )
    .await;
    t.stay(
        "autumn",
        "p1",
        "2024-10-27 02:15:00",
        &[("enc_period_end", "2024-10-27 02:45:00")],
    )
    .await;
    t.stay(
        "new-year",
        "p1",
        "2024-12-31 23:59:59",
        &[("enc_period_end", "2025-01-01 00:00:01")],
    )
    .await;
    t.stay(
        "leap-day",
        "p1",
        "2024-02-29 00:00:00",
        &[("enc_period_end", "2024-03-01 00:00:00")],
    )
    .await;
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
