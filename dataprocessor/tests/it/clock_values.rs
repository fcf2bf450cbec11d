//! Profile clock: what is shown of a patient and a case.

use dataprocessor::run;

use crate::clock::{at, shown};
use crate::server::TestHub;

#[tokio::test]
async fn several_names_of_the_newest_identifier_are_joined() {
    let t = TestHub::new().await;
    let name = |family: &'static str, number: &'static str, value: &'static str| {
        [
            ("pat_id", "p1"),
            ("pat_identifier_value", value),
            ("pat_name_family", family),
            ("pat_name_given", "Ada"),
            ("pat_meta_versionid", number),
        ]
    };
    t.put(
        "patient",
        &[
            &name("Alt", "1", "K1"),
            &name("Alpha", "1", "K2"),
            &name("Beta", "1", "K2"),
            &name("Alpha", "1", "K2"),
        ],
    )
    .await;
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
        [
            ("pat_id", id),
            ("pat_identifier_system", system),
            ("pat_identifier_type_code", kind),
            ("pat_identifier_value", value),
        ]
    };
    t.put(
        "patient",
        &[
            &row("p1", "https://kis/pid", "MR", "yes"),
            &row("p1", "https://kis/kvnr", "KVZ10", "no"),
            &row("p2", "urn:x", "MR", "no"),
        ],
    )
    .await;
    t.put(
        "patient",
        &[&[("pat_id", "p3"), ("pat_identifier_value", "no system")]],
    )
    .await;
    for patient in ["p1", "p2", "p3"] {
        t.listed("S1", patient, "x").await;
    }
    t.import().await;
    let mut config = at("2026-03-02");
    config.identifiers.system = Some("^https://kis/pid$|other".into());
    config.identifiers.type_code = Some("MR".into());
    let summary = run(&t.hub, &config).await.unwrap();
    assert_eq!(
        t.lines("pat_id, pat_cis_pid", "db_log.patient_fe").await,
        ["p1 | yes"]
    );
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
        t.stay(&format!("e-{patient}"), patient, "2026-03-01 08:00", &[])
            .await;
    }
    // p1: of the encounter, also from before it began; the future and other codes do not count.
    t.measured("o1", "29463-7", "p1", "e-p1", "2026-02-01 00:00", "80 kg")
        .await;
    t.measured("o2", "3142-7", "p1", "e-p1", "2026-03-01 10:00", "81 kg")
        .await;
    t.measured("o3", "29463-7", "p1", "e-p1", "2026-03-02 12:00", "99 kg")
        .await;
    t.measured("o4", "29463-7", "p1", "", "2026-03-02 11:00", "98 kg")
        .await;
    t.measured("o5", "8287-5", "p1", "e-p1", "2026-03-02 11:00", "97 kg")
        .await;
    // p2: none of the encounter, so the patient's own during the stay.
    t.measured("o6", "29463-7", "p2", "", "2026-03-01 07:59:59", "60 kg")
        .await;
    t.measured("o7", "29463-7", "p2", "", "2026-03-01 08:00:00", "61 kg")
        .await;
    // p3: no unit; p4: none at all.
    t.measured("o8", "29463-7", "p3", "e-p3", "2026-03-01 10:00", "70")
        .await;
    t.import().await;
    // A correction of p1's value keeps its time; one entered in error is withdrawn.
    t.measured("o2", "3142-7", "p1", "e-p1", "2026-03-01 10:00", "82.5 kg")
        .await;
    t.sql("UPDATE cds2db_in.observation SET obs_meta_lastupdated = '2126-01-01'")
        .await;
    t.import().await;
    for patient in ["p1", "p2", "p3", "p4"] {
        t.listed("S1", patient, "x").await;
    }
    t.import().await;
    run(&t.hub, &at("2026-03-02 12:00")).await.unwrap();
    assert_eq!(
        shown(
            &t,
            "fall_pat_id, fall_gewicht_aktuell, fall_gewicht_aktl_einheit, fall_groesse, fall_groesse_einheit"
        )
        .await,
        [
            "p1 | 82.5 | kg | - | -",
            "p2 | 61 | kg | - | -",
            "p3 | 70 | - | - | -",
            "p4 | - | - | - | -"
        ]
    );
}

#[tokio::test]
async fn diagnoses_are_the_texts_of_all_conditions_named() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    for condition in ["c1", "c2", "c3", "c9"] {
        t.stay(
            "e1",
            "p1",
            "2026-03-01",
            &[("enc_diagnosis_condition_ref", &format!("Condition/{condition}"))],
        )
        .await;
    }
    t.put(
        "condition",
        &[
            &[
                ("con_id", "c1"),
                ("con_code_text", "Sepsis"),
                ("con_code_code", "A41.9"),
            ],
            &[
                ("con_id", "c1"),
                ("con_code_text", "Sepsis"),
                ("con_code_code", "91302008"),
            ],
            &[("con_id", "c2"), ("con_code_display", "Fieber")],
            &[("con_id", "c3"), ("con_code_code", "I10")],
        ],
    )
    .await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(shown(&t, "fall_aufn_diag").await, ["Sepsis; Fieber; I10"]);
}

#[tokio::test]
async fn the_case_number_is_the_first_identifier() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    for (system, value) in [("urn:visit", "V1"), ("urn:case", "F1")] {
        let identifier = [("enc_identifier_system", system), ("enc_identifier_value", value)];
        t.stay("e1", "p1", "2026-03-01", &identifier).await;
    }
    t.import().await;
    let mut config = at("2026-03-02");
    for system in [None, Some("urn:case".to_owned())] {
        config.case_number_system = system;
        run(&t.hub, &config).await.unwrap();
        assert_eq!(shown(&t, "fall_id").await, ["V1"]);
    }
}
