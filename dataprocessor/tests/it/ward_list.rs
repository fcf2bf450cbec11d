//! Profile ward-list: the rule of release 1.7.1.

use std::path::Path;

use dataprocessor::config::wall_time;
use dataprocessor::{CaseProfile, Config, ErrorKind, run};
use site_config::FlatToml;

use crate::server::TestHub;
use crate::settings::MANDATORY;

/// The ward-list profile at a moment, with further keys.
pub(crate) fn with(now: &str, more: &str) -> Config {
    let path = Path::new("x.toml");
    let toml = FlatToml::parse(
        &format!("{MANDATORY}\nCASE_PROFILE = \"ward-list\"\n[later]\n{more}"),
        path,
    )
    .unwrap();
    let mut config = Config::from_toml(&toml, path).unwrap();
    assert_eq!(config.profile, CaseProfile::WardList);
    config.debug_now = Some(wall_time::parse_moment(now).unwrap());
    config
}

pub(crate) fn at(now: &str) -> Config {
    with(now, "")
}

pub(crate) async fn shown(t: &TestHub, columns: &str) -> Vec<String> {
    t.lines(columns, "(SELECT * FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY fall_pat_id, fall_aufn_dat, fall_station) x").await
}

/// Room and bed of a part encounter.
fn place<'a>(kind: &'a str, name: &'a str) -> [(&'a str, &'a str); 2] {
    [
        ("enc_location_physicaltype_code", kind),
        ("enc_location_identifier_value", name),
    ]
}

#[tokio::test]
async fn an_admission_is_shown_with_all_its_columns() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "v1").await;
    let diagnosis = |condition: &'static str, role: &'static str| {
        [
            ("enc_diagnosis_condition_ref", condition),
            ("enc_diagnosis_use_code", role),
        ]
    };
    t.stay("e1", "p1", "2026-03-01 08:00", &diagnosis("Condition/c1", "AD"))
        .await;
    t.stay("e1", "p1", "2026-03-01 08:00", &diagnosis("Condition/c2", "AD"))
        .await;
    t.stay("e1", "p1", "2026-03-01 08:00", &diagnosis("Condition/c3", "CC"))
        .await;
    t.stay("e1", "p1", "2026-03-01 08:00", &diagnosis("Condition/c4", "AD"))
        .await;
    t.part(
        "a1",
        "e1",
        "p1",
        "2026-03-01 08:05",
        &[("enc_type_code", "abteilungskontakt")],
    )
    .await;
    t.part("v1", "e1", "p1", "2026-03-01 08:10", &place("ro", "Z12"))
        .await;
    t.part("v1", "e1", "p1", "2026-03-01 08:10", &place("bd", "B3"))
        .await;
    t.put(
        "condition",
        &[
            &[
                ("con_id", "c1"),
                ("con_code_text", "Sepsis"),
                ("con_code_code", "A41.9"),
            ],
            &[("con_id", "c2"), ("con_code_display", "Fieber")],
            &[("con_id", "c3"), ("con_code_text", "Nebendiagnose")],
            &[("con_id", "c4"), ("con_code_code", "I10")],
        ],
    )
    .await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 09:00", "81.5 kg")
        .await;
    t.measured("o2", "8302-2", "p1", "", "2020-03-01 09:05", "180 cm")
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
            "record_id = patient_fe_id::text, record_id = (SELECT patient_id::text FROM db_log.patient), redcap_repeat_instrument, redcap_repeat_instance, \
             redcap_data_access_group, projekt_versionsnummer, pat_id, pat_cis_pid, pat_name, pat_vorname, pat_gebdat, pat_aktuell_alter, pat_geschlecht, \
             pat_additional_values, patient_complete",
            "db2frontend_out.v_patient_fe"
        )
        .await,
        ["true | true | - | - | - | - | p1 | K-p1 | Alpha | Ada | 1950-05-05 | - | female | - | Complete"]
    );
    assert_eq!(
        t.lines(
            "record_id = patient_id_fk::text, redcap_repeat_instrument, redcap_repeat_instance, redcap_data_access_group, db_filter_8, \
             fall_fhir_enc_id, fall_pat_id, fall_id, fall_studienphase, fall_station, fall_aufn_dat, fall_zimmernr, fall_aufn_diag, \
             fall_gewicht_aktuell, fall_gewicht_aktl_einheit, fall_groesse, fall_groesse_einheit, fall_bmi, fall_status, fall_ent_dat, \
             fall_complete",
            "db2frontend_out.v_fall_fe"
        )
        .await,
        ["true | fall | 1 | - | - | e1 | p1 | F-e1 | PhaseB | S1 | 2026-03-01 08:00:00 | Zimmer: Z12  Bett: B3 | Sepsis (A41.9)/Fieber/I10 | \
          81.5 | kg | 180 | cm | - | in-progress | - | Incomplete"]
    );
    let values: String = sqlx::query_scalar("SELECT fall_additional_values FROM db2frontend_out.v_fall_fe")
        .fetch_one(t.hub.pool())
        .await
        .unwrap();
    assert_eq!(
        values,
        "# FHIR ID of all main Encounter(s) for the medical case (should be exactly one)\nmain_encounters = [\"e1\"]\n\
         # FHIR ID of all Encounters for the medical case at this point which are not the main Encounter\n\
         part_encounters = [\"a1\", \"v1\"]"
    );
    let values = FlatToml::parse(&values, Path::new("values")).unwrap();
    assert_eq!(values.get("main_encounters").unwrap().strings().unwrap(), ["e1"]);
    assert_eq!(
        values.get("part_encounters").unwrap().strings().unwrap(),
        ["a1", "v1"]
    );
}

#[tokio::test]
async fn transfers_within_and_between_wards_change_place_and_ward_but_no_identity() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "v1").await;
    t.stay("e1", "p1", "2026-02-20 08:00", &[]).await;
    t.part("v1", "e1", "p1", "2026-02-20 08:10", &place("ro", "Z1"))
        .await;
    t.part("v1", "e1", "p1", "2026-02-20 08:10", &place("bd", "B1"))
        .await;
    t.import().await;
    run(&t.hub, &at("2026-02-20 12:00")).await.unwrap();
    let columns = "fall_station, fall_zimmernr, fall_studienphase, redcap_repeat_instance, record_id = (SELECT min(patient_id)::text FROM db_log.patient)";
    assert_eq!(
        shown(&t, columns).await,
        ["S1 | Zimmer: Z1  Bett: B1 | PhaseA | 1 | true"]
    );

    // Another bed of the ward: only places with the newest start count, so the room is not known any more.
    t.part("v2", "e1", "p1", "2026-02-22 09:00", &place("bd", "B2"))
        .await;
    t.listed("S1", "p1", "v2").await;
    t.import().await;
    run(&t.hub, &at("2026-02-22 12:00")).await.unwrap();
    assert_eq!(
        shown(&t, columns).await,
        ["S1 | Zimmer: -  Bett: B2 | PhaseA | 1 | true"]
    );

    // Another ward: it has no phase B, and the case keeps the phase it was first shown with.
    t.part("v3", "e1", "p1", "2026-02-23 09:00", &place("ro", "Z9"))
        .await;
    t.listed("S2", "p1", "v3").await;
    t.import().await;
    run(&t.hub, &at("2026-02-23 12:00")).await.unwrap();
    assert_eq!(
        shown(&t, columns).await,
        ["S2 | Zimmer: Z9  Bett: - | PhaseA | 1 | true"]
    );
    assert_eq!(
        t.lines("count(*)", "db2frontend_out.v_fall_fe_last_version")
            .await,
        ["1"]
    );
}

#[tokio::test]
async fn a_discharged_case_is_updated_once_more_and_a_readmission_is_the_next_instance() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.patient("p2", "Beta").await;
    t.listed("S1", "p1", "v1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.part("v1", "e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();

    // Not on the list any more, but not seen finished either: the case is followed until it is.
    let finished = [
        ("enc_period_end", "2026-03-04 11:00"),
        ("enc_status", "finished"),
        ("enc_meta_lastupdated", "2126-01-01"),
    ];
    t.stay("e1", "p1", "2026-03-01", &finished).await;
    t.stay("e9", "p2", "2026-03-03", &[]).await;
    t.listed("S2", "p2", "e9").await;
    t.import().await;
    run(&t.hub, &at("2026-03-05")).await.unwrap();
    let columns =
        "fall_pat_id, fall_station, fall_status, fall_ent_dat, fall_complete, redcap_repeat_instance";
    assert_eq!(
        shown(&t, columns).await,
        [
            "p1 | S1 | finished | 2026-03-04 11:00:00 | Complete | 1",
            "p2 | S2 | in-progress | - | Incomplete | 1"
        ]
    );
    t.listed("S2", "p2", "e9").await;
    t.import().await;
    run(&t.hub, &at("2026-03-06")).await.unwrap();
    assert_eq!(shown(&t, "fall_pat_id").await, ["p2"]);

    t.stay("e2", "p1", "2026-03-11", &[]).await;
    t.listed("S1", "p1", "e2").await;
    t.listed("S2", "p2", "e9").await;
    t.import().await;
    run(&t.hub, &at("2026-03-12")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_fhir_enc_id, redcap_repeat_instance, record_id = (SELECT min(patient_id)::text FROM db_log.patient WHERE pat_id = fall_pat_id)").await,
        ["e2 | 2 | true", "e9 | 1 | true"]
    );
}

#[tokio::test]
async fn a_patient_on_two_wards_has_two_rows_of_one_instance() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "v1").await;
    t.listed("S2", "p1", "v2").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.part("v1", "e1", "p1", "2026-03-01", &[]).await;
    t.part("v2", "e1", "p1", "2026-03-02", &[]).await;
    t.import().await;
    for new in [3, 0] {
        assert_eq!(run(&t.hub, &at("2026-03-03")).await.unwrap().new, new);
        assert_eq!(
            shown(
                &t,
                "fall_station, fall_fhir_enc_id, redcap_repeat_instance, fall_studienphase"
            )
            .await,
            ["S1 | e1 | 1 | PhaseB", "S2 | e1 | 1 | PhaseA"]
        );
        assert_eq!(
            t.lines("count(*)", "db2frontend_out.v_fall_fe_last_version")
                .await,
            ["2"]
        );
    }
    assert_eq!(
        t.lines("count(DISTINCT fall_fe_id)", "db_log.fall_fe").await,
        ["2"]
    );
}

#[tokio::test]
async fn encounters_whose_case_is_unknown_do_not_pull_in_others() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.patient("p2", "Beta").await;
    let lost = [
        ("enc_partof_ref", ""),
        ("enc_partof_calculated_ref", "invalid"),
        ("enc_main_encounter_calculated_ref", "invalid"),
    ];
    t.listed("S1", "p1", "lost1").await;
    t.listed("S1", "p2", "v2").await;
    t.part("lost1", "x", "p1", "2026-03-01", &lost).await;
    t.part("lost2", "x", "p9", "2026-03-01", &lost).await;
    // Without partOf, but with a case calculated for it.
    t.stay("e2", "p2", "2026-03-01", &[]).await;
    t.part("v2", "e2", "p2", "2026-03-01", &[("enc_partof_ref", "")])
        .await;
    // A top-level type with a parent is no case of its own.
    t.part(
        "nested",
        "e2",
        "p2",
        "2026-03-01",
        &[("enc_type_code", "einrichtungskontakt")],
    )
    .await;
    t.import().await;
    let summary = run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(shown(&t, "fall_fhir_enc_id").await, ["e2"]);
    assert_eq!((summary.patients, summary.cases, summary.without_case), (2, 1, 1));
}

#[tokio::test]
async fn what_cannot_be_shown_stops_the_run_and_leaves_the_hub_free() {
    let t = TestHub::new().await;
    let error = run(&t.hub, &at("2026-03-03")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NobodyOfInterest);

    t.patient("p1", "Marker-Name").await;
    t.listed("S1", "p1", "e1").await;
    t.stay(
        "e1",
        "p1",
        "2026-03-01",
        &[("enc_type_code", "operation"), ("enc_type_system", "urn:other")],
    )
    .await;
    t.import().await;
    assert_eq!(
        run(&t.hub, &at("2026-03-03")).await.unwrap_err().kind(),
        ErrorKind::NoContacts
    );

    t.stay("e2", "p1", "2026-03-02", &[]).await;
    t.listed("Ward without phases", "p1", "e2").await;
    t.import().await;
    let error = run(&t.hub, &at("2026-03-03")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WardWithoutPhase);
    assert!(error.to_string().contains("Ward without phases") && !format!("{error:?}").contains("Marker"));
    assert_eq!(t.lines("count(*)", "db_log.patient_fe").await, ["0"]);
    let tested = with("2026-03-03", "WARDS_PHASE_B_TEST = [\"Ward without phases\"]");
    run(&t.hub, &tested).await.unwrap();
    assert_eq!(shown(&t, "fall_studienphase").await, ["PhaseBTest"]);
}

#[tokio::test]
async fn listed_patients_whom_the_hub_does_not_know_are_told_and_stop_nothing() {
    let t = TestHub::new().await;
    t.listed("S1", "p1", "e1").await;
    t.import().await;
    let summary = run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(
        (
            summary.patients,
            summary.cases,
            summary.unknown_patients,
            summary.without_case
        ),
        (0, 0, 1, 1)
    );
    // Known, but without the identifier asked for.
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.import().await;
    let filtered = with(
        "2026-03-03",
        "FRONTEND_DISPLAYED_PATIENT_FHIR_IDENTIFIER_SYSTEM = \"^urn:other$\"",
    );
    let summary = run(&t.hub, &filtered).await.unwrap();
    assert_eq!((summary.patients, summary.unknown_patients), (0, 1));
    assert_eq!(
        run(&t.hub, &at("2026-03-03")).await.unwrap_err().kind(),
        ErrorKind::NoContacts
    );
}

#[tokio::test]
async fn of_a_listed_patient_only_the_listed_case_counts() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    // Back on another ward before the end of the first case was seen.
    t.stay("e2", "p1", "2026-03-11", &[]).await;
    t.listed("S2", "p1", "e2").await;
    t.import().await;
    run(&t.hub, &at("2026-03-12")).await.unwrap();
    assert_eq!(
        shown(&t, "fall_fhir_enc_id, fall_station, redcap_repeat_instance").await,
        ["e2 | S2 | 2"]
    );
    // Off the list, both are followed until they are seen finished.
    t.patient("p2", "Beta").await;
    t.stay("e9", "p2", "2026-03-12", &[]).await;
    t.listed("S1", "p2", "e9").await;
    t.import().await;
    run(&t.hub, &at("2026-03-13")).await.unwrap();
    assert_eq!(
        t.lines(
            "fall_fhir_enc_id",
            "(SELECT DISTINCT fall_fhir_enc_id FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY 1) x"
        )
        .await,
        ["e1", "e2", "e9"]
    );
}
