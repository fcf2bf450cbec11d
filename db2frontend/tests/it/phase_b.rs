//! When phase B of the study begins, rows that tested phase A are blanked in the project and no longer shown.

use dataprocessor::config::{Phases, WardPhases, wall_time};

use crate::hospital::Case;
use crate::project::{export_to, import_from, records, row, start, value};
use crate::server::TestHub;

const FORM: &str = "retrolektive_mrpbewertung";
const NOTICE: &str = "(Test der Phase A; nicht bewerten)";

/// A problem of the first record, as the dataprocessor brings it.
async fn problem(t: &TestHub, number: u32, text: &str) {
    t.sql(&format!(
        "INSERT INTO db2dataprocessor_in.{FORM}_fe (record_id, redcap_repeat_instance, redcap_repeat_instrument, ret_id, \
         ret_kurzbeschr, {FORM}_complete) SELECT record_id, '{number}', '{FORM}', 'R{number}', '{text}', 'Incomplete' \
         FROM db2dataprocessor_out.v_patient_fe ORDER BY record_id::int LIMIT 1"
    ))
    .await;
    t.sql("SELECT db.copy_fe_dp_in_to_db_log()").await;
}

async fn process_in_phase_b(t: &TestHub) {
    let mut config = t.processing();
    let ward = |name: &str| WardPhases {
        ward: name.to_owned(),
        a_start: wall_time::parse("2020-01-01"),
        b_start: wall_time::parse("2026-02-15"),
        b_test: false,
    };
    config.phases = Phases::new(vec![ward("Station 1"), ward("Station 2")]);
    dataprocessor::run(&t.hub, &config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_phase_a_are_blanked_once_and_not_shown_again() {
    let t = TestHub::with_patients(2).await;
    problem(&t, 1, "*TEST* of phase A").await;
    problem(&t, 2, "a real one").await;
    let server = start();
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!((done.tests_left_out, done.tests_blanked), (0, 0), "{done:?}");
    let id = records(&server)[0].clone();
    let shown = |number: u32, field: &str| value(&server, &id, Some((FORM, number)), field);
    assert_eq!(shown(1, "ret_kurzbeschr"), "*TEST* of phase A");
    let real = row(&server, &id, Some((FORM, 2))).unwrap();

    // Phase B begins, and one more test is left in the hub.
    problem(&t, 3, "*TEST* that was never shown").await;
    for (id, patient, ward, start) in [
        ("e1", "p1", "Station 2", "2026-02-01 10:00:30"),
        ("e2", "p2", "Station 1", "2026-02-01 10:00:30"),
        ("e3", "p2", "Station 1", "2026-03-01 10:00:30"),
    ] {
        t.case(&Case {
            id: id.to_owned(),
            patient: patient.to_owned(),
            ward: ward.to_owned(),
            start: start.to_owned(),
            status: "in-progress".to_owned(),
            number: format!("F{}", &id[1..]),
            ..Case::default()
        })
        .await;
    }
    t.arrive().await;
    import_from(&t, &server).await.unwrap();
    process_in_phase_b(&t).await;
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!((done.tests_left_out, done.tests_blanked), (2, 1), "{done:?}");
    assert!(done.is_complete() && done.conflicts.is_empty(), "{done:?}");
    assert_eq!(shown(1, "ret_kurzbeschr"), NOTICE);
    assert_eq!(shown(1, &format!("{FORM}_complete")), "1", "unverified");
    assert_eq!(row(&server, &id, Some((FORM, 2))).unwrap(), real);
    assert!(row(&server, &id, Some((FORM, 3))).is_none());
    let phase = |record: &str, case: u32| value(&server, record, Some(("fall", case)), "fall_studienphase");
    let second = records(&server)[1].clone();
    assert_eq!(
        [phase(&id, 1), phase(&second, 1), phase(&second, 2)],
        ["PhaseA", "PhaseA", "PhaseB"]
    );

    // The next chain has the notice in the hub and changes nothing.
    import_from(&t, &server).await.unwrap();
    process_in_phase_b(&t).await;
    let before = server.rows();
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!((done.tests_left_out, done.tests_blanked), (1, 0), "{done:?}");
    assert_eq!(server.rows(), before);
}
