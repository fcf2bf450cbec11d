//! Profile ward-list: what is shown of a patient and a case.

use dataprocessor::run;

use crate::server::TestHub;
use crate::ward_list::{at, shown, with};

#[tokio::test]
async fn the_official_name_wins_then_any_given_name_then_the_first_row() {
    let t = TestHub::new().await;
    let name = |id: &'static str, kind: &'static str, family: &'static str| {
        let mut row = vec![
            ("pat_id", id),
            ("pat_name_family", family),
            ("pat_identifier_value", "K"),
        ];
        if !kind.is_empty() {
            row.push(("pat_name_use", kind));
        }
        row
    };
    let given = |mut row: Vec<(&'static str, &'static str)>| {
        row.push(("pat_name_given", "Ada"));
        row
    };
    t.put(
        "patient",
        &[
            &given(name("p1", "maiden", "Maiden")),
            &name("p1", "official", "Official without given"),
            &given(name("p1", "official", "Official")),
            &given(name("p1", "official", "Second official")),
            &name("p2", "official", "Only family"),
            &given(name("p2", "", "With given")),
            &name("p3", "old", "First"),
            &name("p3", "", "Second"),
        ],
    )
    .await;
    for patient in ["p1", "p2", "p3"] {
        t.listed("S1", patient, &format!("e-{patient}")).await;
        t.stay(&format!("e-{patient}"), patient, "2026-03-01", &[]).await;
    }
    t.import().await;
    run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(
        t.lines(
            "pat_id, pat_name, pat_vorname",
            "(SELECT * FROM db_log.patient_fe ORDER BY pat_id) x"
        )
        .await,
        ["p1 | Official | Ada", "p2 | With given | Ada", "p3 | First | -"]
    );
}

#[tokio::test]
async fn measurements_count_until_the_last_encounter_ended_and_units_are_checked() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2", "p3"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, &format!("e-{patient}")).await;
        let end = [("enc_period_end", "2026-03-05 10:00"), ("enc_status", "finished")];
        t.stay(&format!("e-{patient}"), patient, "2026-03-01", &end).await;
    }
    // p1: after the end and of another case do not count; height counts from any time before.
    t.measured("o1", "29463-7", "p1", "e-p1", "2026-03-05 09:59:58", "80 kg")
        .await;
    t.measured("o2", "29463-7", "p1", "e-p1", "2026-03-05 09:59:59", "81 kg")
        .await;
    t.measured("o3", "29463-7", "p1", "elsewhere", "2026-03-04 09:00", "82 kg")
        .await;
    t.measured("o4", "8302-2", "p1", "elsewhere", "2019-03-04 09:00", "179 cm")
        .await;
    // p2: a code that is no unit gives way to the text.
    t.measured("o5", "29463-7", "p2", "e-p2", "2026-03-02", "70 Kilogramm")
        .await;
    t.measured("o6", "8302-2", "p2", "e-p2", "2026-03-02", "1.7 m")
        .await;
    // p3: no unit at all.
    t.measured("o7", "29463-7", "p3", "e-p3", "2026-03-02", "60")
        .await;
    t.import().await;
    run(&t.hub, &at("2026-03-09")).await.unwrap();
    let columns =
        "fall_gewicht_aktuell, fall_gewicht_aktl_einheit, fall_groesse, fall_groesse_einheit, fall_bmi";
    assert_eq!(
        shown(&t, columns).await,
        [
            "80 | kg | 179 | cm | -",
            "70 | Kilogramm | 1.7 | m | -",
            "60 | - | - | - | -"
        ]
    );
    // While a case is open, everything before now counts.
    t.patient("p4", "Open").await;
    for patient in ["p1", "p2", "p3", "p4"] {
        t.listed("S1", patient, &format!("e-{patient}")).await;
    }
    t.stay("e-p4", "p4", "2026-03-06", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-03-09")).await.unwrap();
    assert_eq!(shown(&t, "fall_gewicht_aktuell").await, ["81", "70", "60", "-"]);
}

#[tokio::test]
async fn room_and_bed_can_be_named_by_the_location() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "v1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    let at_place = |kind: &'static str, reference: &'static str| {
        [
            ("enc_location_physicaltype_code", kind),
            ("enc_location_ref", reference),
        ]
    };
    t.part("v1", "e1", "p1", "2026-03-01", &at_place("ro", "Location/l1"))
        .await;
    t.part("v1", "e1", "p1", "2026-03-01", &at_place("bd", "Location/l2"))
        .await;
    t.put(
        "location",
        &[
            &[("loc_id", "l1"), ("loc_name", "Zimmer 7")],
            &[("loc_id", "l2"), ("loc_description", "nameless")],
        ],
    )
    .await;
    t.import().await;
    let config = with(
        "2026-03-03",
        "FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN = \"loc_name\"",
    );
    run(&t.hub, &config).await.unwrap();
    assert_eq!(shown(&t, "fall_zimmernr").await, ["Zimmer: Zimmer 7  Bett: -"]);
    let sources =
        "(SELECT DISTINCT source_table FROM core.lineage WHERE source_table LIKE 'location%' ORDER BY 1) x";
    assert_eq!(
        t.lines("source_table", sources).await,
        ["location", "location_raw"]
    );
}

#[tokio::test]
async fn the_case_number_is_that_of_the_configured_system() {
    let t = TestHub::new().await;
    for patient in ["p1", "p2"] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, &format!("e-{patient}")).await;
    }
    let number = |system: &'static str, value: &'static str| {
        [("enc_identifier_system", system), ("enc_identifier_value", value)]
    };
    for identifier in [
        number("urn:visit", "V1"),
        number("urn:case", "F2"),
        number("urn:case", "F1"),
        number("urn:case", "F2"),
    ] {
        t.stay("e-p1", "p1", "2026-03-01", &identifier).await;
    }
    t.stay("e-p2", "p2", "2026-03-01", &number("urn:visit", "V2"))
        .await;
    t.import().await;
    run(
        &t.hub,
        &with(
            "2026-03-03",
            "COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM = \"urn:case\"",
        ),
    )
    .await
    .unwrap();
    assert_eq!(shown(&t, "fall_id").await, ["F2, F1", "-"]);
    run(&t.hub, &at("2026-03-03")).await.unwrap();
    assert_eq!(shown(&t, "fall_id").await, ["V1", "V2"]);
}

#[tokio::test]
async fn a_moment_before_a_phase_has_no_phase() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.patient("p2", "Beta").await;
    t.listed("S1", "p1", "e1").await;
    t.listed("S1", "p2", "e2").await;
    t.stay("e1", "p1", "2026-01-11 09:59:59", &[]).await;
    t.stay("e2", "p2", "2026-01-11 10:00:00", &[]).await;
    t.import().await;
    run(&t.hub, &at("2026-01-12")).await.unwrap();
    assert_eq!(shown(&t, "fall_studienphase").await, ["NoPhaseActive", "PhaseA"]);
}
