//! What goes out, what comes back, and that nothing changes when nothing has changed.

use db2frontend::api::Reason;
use fixtures::redcap::{RedcapOptions, RedcapServer, Rights};

use crate::project::{export_to, import_from, project, records, row, start, value};
use crate::server::TestHub;

const COUNTS: &str = "SELECT count(*) FROM db2frontend_out.v_patient_fe UNION ALL SELECT count(*) FROM \
                      db2frontend_out.v_fall_fe";

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_out_with_groups_and_a_second_time_changes_nothing() {
    let t = TestHub::with_patients(3).await;
    let server = start();
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!(
        (done.forms["patient"].new, done.forms["fall"].new),
        (3, 3),
        "{done:?}"
    );
    assert!(done.is_complete() && done.conflicts.is_empty(), "{done:?}");
    assert_eq!(done.groups_made, ["Station 1", "Station 2"]);
    let first = records(&server)[0].clone();
    let patient = row(&server, &first, None).unwrap();
    assert_eq!(patient.values["pat_name"], "Family 1");
    assert_eq!(patient.values["patient_complete"], "2");
    assert_eq!(patient.group, "station_2");
    let fall = row(&server, &first, Some(("fall", 1))).unwrap();
    assert_eq!(fall.values["fall_aufn_dat"], "2026-02-01 10:00");
    assert_eq!(fall.values["fall_complete"], "0");
    assert!(fall.values["fall_additional_values"].contains("%QUOTE%e1%QUOTE%"));

    let imported = import_from(&t, &server).await.unwrap();
    assert!(imported.is_complete() && imported.records == 3, "{imported:?}");
    let counts = t.texts(COUNTS).await;
    t.process().await;
    let again = export_to(&t, &server).await.unwrap();
    assert_eq!(
        (again.forms["fall"].unchanged, again.forms["fall"].changed),
        (3, 0),
        "{again:?}"
    );
    assert!(
        again.conflicts.is_empty() && again.assigned == 0 && again.groups_made.is_empty(),
        "{again:?}"
    );
    let once_more = import_from(&t, &server).await.unwrap();
    assert!(
        once_more.tables.iter().all(|table| table.new == 0),
        "{once_more:?}"
    );
    assert_eq!(t.texts(COUNTS).await, counts);
    // What the frontend cannot keep, seconds, is still there, and the frontend's rows are the hub's own.
    let starts = t
        .texts("SELECT DISTINCT fall_aufn_dat FROM db2frontend_out.v_fall_fe")
        .await;
    assert_eq!(starts, ["(\"2026-02-01 10:00:30\")"]);
    assert_eq!(counts, ["(3)", "(3)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clinicians_enter_comes_into_the_hub() {
    let t = TestHub::with_patients(1).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    let id = records(&server)[0].clone();
    let note = "\"quoted\"\nline 2; a,b\ttab 😀 %PLUS% 100 %";
    server.edit(|p| {
        let form = Some(("medikationsanalyse", 1));
        for (field, text) in [
            ("fall_meda_id", "F1"),
            ("meda_notiz", note),
            ("meda_mrp_detekt", "1"),
            ("meda_typ", "b"),
            ("meda_dat", "2026-02-02 11:12:13"),
            ("meda_aufwand_zeit_and", "12"),
            ("meda_gewicht_aktuell", "80.50"),
            ("meda_additional_values", "a%PLUS%b%PERCENT%PLUS%"),
            ("medikationsanalyse_complete", "2"),
        ] {
            p.edit(&id, form, field, text);
        }
        // Without its case an analysis is none.
        p.edit(&id, Some(("medikationsanalyse", 2)), "meda_notiz", "draft");
        p.edit(
            &id,
            Some(("medikationsanalyse", 2)),
            "medikationsanalyse_complete",
            "0",
        );
        p.edit(
            &id,
            Some(("mrpdokumentation_validierung", 1)),
            "mrp_pigrund___3",
            "1",
        );
        p.edit(
            &id,
            Some(("mrpdokumentation_validierung", 1)),
            "mrpdokumentation_validierung_complete",
            "1",
        );
        // Misfits stop nothing.
        p.edit(&id, None, "pat_gebdat", "Marker");
    });
    let done = import_from(&t, &server).await.unwrap();
    assert_eq!((done.left_out, done.misfits.len()), (1, 1), "{done:?}");
    assert_eq!(done.misfits[0].field, "pat_gebdat");
    assert!(
        !done.is_complete() && !done.text().contains("Marker") && !format!("{done:?}").contains("Marker")
    );
    #[expect(clippy::type_complexity, reason = "a row as it is selected")]
    let rows: Vec<(String, String, String, String, String, f64, String, String)> = sqlx::query_as(
        "SELECT redcap_repeat_instrument, redcap_repeat_instance, meda_notiz, meda_mrp_detekt, meda_typ, meda_gewicht_aktuell, \
         meda_additional_values, to_char(meda_dat, 'YYYY-MM-DD HH24:MI:SS') FROM db2frontend_out.v_medikationsanalyse_fe",
    )
    .fetch_all(t.hub.pool())
    .await
    .unwrap();
    // Two choices have the label of `b`, so it stays a code.
    let wanted = (
        "medikationsanalyse".to_owned(),
        "1".to_owned(),
        note.to_owned(),
        "Ja".to_owned(),
        "b".to_owned(),
        80.5,
        "a+b%PLUS%".to_owned(),
        "2026-02-02 11:12:13".to_owned(),
    );
    assert_eq!(rows, [wanted]);
    let ticks = t
        .texts(
            "SELECT mrp_pigrund___3, mrp_pigrund___4, mrpdokumentation_validierung_complete FROM \
             db2frontend_out.v_mrpdokumentation_validierung_fe",
        )
        .await;
    assert_eq!(ticks, ["(Checked,Unchecked,Unverified)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_that_is_taken_is_never_written_over() {
    let t = TestHub::with_patients(2).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    import_from(&t, &server).await.unwrap();
    let ids = records(&server);
    // Somebody entered a case by hand where ours would go, and another patient under a record of ours.
    server.edit(|p| {
        for (field, text) in [
            ("fall_fhir_enc_id", "other"),
            ("fall_id", "X"),
            ("fall_complete", "0"),
        ] {
            p.edit(&ids[0], Some(("fall", 1)), field, text);
        }
        p.edit(&ids[1], None, "pat_id", "another");
    });
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!(done.moved, 1, "{done:?}");
    assert_eq!(
        value(&server, &ids[0], Some(("fall", 1)), "fall_fhir_enc_id"),
        "other"
    );
    assert_eq!(
        value(&server, &ids[0], Some(("fall", 2)), "fall_fhir_enc_id"),
        "e1"
    );
    assert!(
        done.not_written
            .iter()
            .any(|n| n.record == ids[1] && n.form == "patient"),
        "{done:?}"
    );
    assert!(
        done.not_written
            .iter()
            .any(|n| n.record == ids[1] && n.form == "fall"),
        "{done:?}"
    );
    assert_eq!(value(&server, &ids[1], None, "pat_id"), "another");
    // The next chain keeps the new place.
    import_from(&t, &server).await.unwrap();
    t.process().await;
    let again = export_to(&t, &server).await.unwrap();
    assert_eq!(
        value(&server, &ids[0], Some(("fall", 2)), "fall_fhir_enc_id"),
        "e1"
    );
    assert!(row(&server, &ids[0], Some(("fall", 3))).is_none(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_told() {
    let t = TestHub::with_patients(1).await;
    let all = Rights {
        export: true,
        import: true,
        groups: true,
    };
    let with = |rights| {
        let options = RedcapOptions {
            rights,
            ..RedcapOptions::default()
        };
        RedcapServer::start(project(), options).unwrap()
    };
    let server = with(Rights { import: false, ..all });
    let error = export_to(&t, &server).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::NoImport), "{error}");
    let server = with(Rights { groups: false, ..all });
    let done = export_to(&t, &server).await.unwrap();
    assert!(
        done.without_groups && !done.is_complete() && done.forms["patient"].new == 1,
        "{done:?}"
    );
    let server = with(Rights { export: false, ..all });
    let error = import_from(&t, &server).await.unwrap_err();
    assert!(!error.to_string().contains(server.token()));
    let options = RedcapOptions {
        hashed_ids: true,
        ..RedcapOptions::default()
    };
    let server = RedcapServer::start(project(), options).unwrap();
    server.edit(|p| p.edit("7", None, "pat_name", "x"));
    let error = import_from(&t, &server).await.unwrap_err();
    assert!(error.to_string().contains("hashes"), "{error}");
}
