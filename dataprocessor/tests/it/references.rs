//! References in every form that a server may write, and never another patient's resource behind one.

use dataprocessor::{CaseProfile, Config, run};

use crate::server::TestHub;
use crate::{clock, ward_list};

async fn shown(t: &TestHub, columns: &str) -> Vec<String> {
    t.lines(
        columns,
        "(SELECT * FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY fall_pat_id) x",
    )
    .await
}

fn profiles() -> [Config; 2] {
    [clock::at("2026-03-02 12:00"), ward_list::at("2026-03-02 12:00")]
}

/// Patient, subject of the case as it is written, and of its weight.
const SUBJECTS: [(&str, &str); 5] = [
    ("p1", "Patient/p1/_history/2"),
    ("p2", "https://h/fhir/Patient/p2"),
    ("p3", "https://h/Patient/fhir/Patient/p3"),
    ("p4", "http://old.example/fhir/Patient/p4/_history/3"),
    ("p_5", "Patient/p_5"),
];

#[tokio::test]
async fn a_subject_in_any_form_is_the_patient() {
    for config in profiles() {
        let t = TestHub::new().await;
        for (patient, subject) in SUBJECTS {
            t.patient(patient, "Name").await;
            t.listed("S1", patient, &format!("e-{patient}")).await;
            let subject_of = |column: &'static str| [(column, subject)];
            t.stay(
                &format!("e-{patient}"),
                patient,
                "2026-03-01",
                &subject_of("enc_patient_ref"),
            )
            .await;
            t.put(
                "observation",
                &[&[
                    ("obs_id", patient),
                    ("obs_status", "final"),
                    ("obs_patient_ref", subject),
                    ("obs_encounter_calculated_ref", &format!("Encounter/e-{patient}")),
                    ("obs_code_system", "http://loinc.org"),
                    ("obs_code_code", "29463-7"),
                    ("obs_effectivedatetime", "2026-03-01 10:00"),
                    ("obs_valuequantity_value", "80"),
                ]],
            )
            .await;
        }
        // Somebody else, whose id is the version or the base's path of another reference.
        for stranger in ["2", "fhir", "3"] {
            t.patient(stranger, "Stranger").await;
            t.stay(&format!("e-{stranger}"), stranger, "2026-03-01", &[])
                .await;
        }
        t.import().await;
        run(&t.hub, &config).await.unwrap();
        let wanted: Vec<String> = SUBJECTS
            .iter()
            .map(|(patient, _)| format!("{patient} | e-{patient} | 80"))
            .collect();
        assert_eq!(
            shown(&t, "fall_pat_id, fall_fhir_enc_id, fall_gewicht_aktuell").await,
            wanted,
            "{:?}",
            config.profile
        );
    }
}

#[tokio::test]
async fn a_diagnosis_is_never_another_patients() {
    // What the encounter of p1 says, and which text is shown for it.
    let cases = [
        ("Condition/301", "Sepsis"),
        ("Condition/301/_history/2", "Sepsis"),
        ("https://h/fhir/Condition/301", "Sepsis"),
        ("http://old.example/fhir/Condition/301/_history/2", "Sepsis"),
        // Another patient's: by a mistake of the server, or by the same id under another base.
        ("Condition/2", "-"),
        ("http://old.example/fhir/Condition/2", "-"),
        ("Condition/301/_history", "-"),
        // Without a subject only our own server's reference tells that it is meant.
        ("Condition/unsaid", "Fieber"),
        ("http://old.example/fhir/Condition/unsaid", "-"),
    ];
    for (reference, wanted) in cases {
        for config in profiles() {
            let t = TestHub::new().await;
            for patient in ["p1", "p2"] {
                t.patient(patient, "Name").await;
                t.listed("S1", patient, &format!("e-{patient}")).await;
            }
            let diagnosis = [
                ("enc_diagnosis_condition_ref", reference),
                ("enc_diagnosis_use_code", "AD"),
            ];
            t.stay("e-p1", "p1", "2026-03-01", &diagnosis).await;
            t.stay("e-p2", "p2", "2026-03-01", &[]).await;
            t.put(
                "condition",
                &[
                    &[
                        ("con_id", "301"),
                        ("con_patient_ref", "Patient/p1/_history/7"),
                        ("con_code_text", "Sepsis"),
                    ],
                    &[
                        ("con_id", "2"),
                        ("con_patient_ref", "Patient/p2"),
                        ("con_code_text", "Geheim"),
                    ],
                    &[("con_id", "unsaid"), ("con_code_text", "Fieber")],
                ],
            )
            .await;
            t.import().await;
            run(&t.hub, &config).await.unwrap();
            assert_eq!(
                shown(&t, "fall_pat_id, fall_aufn_diag").await,
                [format!("p1 | {wanted}"), "p2 | -".to_owned()],
                "{reference} {:?}",
                config.profile
            );
        }
    }
}

#[tokio::test]
async fn a_weight_that_names_the_encounter_of_another_patient_is_not_shown_there() {
    for config in profiles() {
        let t = TestHub::new().await;
        for patient in ["p1", "p2"] {
            t.patient(patient, "Name").await;
            t.listed("S1", patient, &format!("e-{patient}")).await;
            t.stay(&format!("e-{patient}"), patient, "2026-03-01", &[]).await;
        }
        t.measured("o1", "29463-7", "p2", "e-p1", "2026-03-01 10:00", "99 kg")
            .await;
        t.import().await;
        run(&t.hub, &config).await.unwrap();
        assert_eq!(
            shown(&t, "fall_pat_id, fall_gewicht_aktuell").await,
            ["p1 | -", "p2 | 99"],
            "{:?}",
            config.profile
        );
    }
}

#[tokio::test]
async fn contacts_of_another_patient_are_no_part_of_a_case() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, &format!("e-{patient}")).await;
        t.stay(&format!("e-{patient}"), patient, "2026-03-01", &[]).await;
    }
    let room = [
        ("enc_location_physicaltype_code", "ro"),
        ("enc_location_identifier_value", "Z9"),
    ];
    t.part("v2", "e-p1", "p2", "2026-03-01", &room).await;
    t.import().await;
    let config = ward_list::at("2026-03-02");
    assert_eq!(config.profile, CaseProfile::WardList);
    run(&t.hub, &config).await.unwrap();
    assert_eq!(
        shown(&t, "fall_pat_id, fall_zimmernr").await,
        ["p1 | Zimmer: -  Bett: -", "p2 | Zimmer: Z9  Bett: -"]
    );
}
