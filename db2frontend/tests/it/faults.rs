//! What servers do wrong: it passes, or it is told; nothing is lost and nothing doubled.

use fixtures::redcap::{RedcapFault, RedcapFaultRule, RedcapFaults};

use crate::project::{export_to, import_from, records, row, start, value};
use crate::server::TestHub;

fn seeds() -> u64 {
    std::env::var("DB2FRONTEND_FAULTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(6)
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_pass_lose_and_double_nothing() {
    let t = TestHub::with_patients(7).await;
    let calm = start();
    export_to(&t, &calm).await.unwrap();
    let wanted = calm.rows();
    for seed in 0..seeds() {
        let server = start();
        server.set_faults(RedcapFaults::seeded(seed, 150));
        let mut chains = 0;
        // A chain may fail as a whole; the next one goes on.
        while server.rows() != wanted {
            chains += 1;
            assert!(chains < 12, "seed {seed}");
            let _ = export_to(&t, &server).await;
        }
        let note = format!("note {seed}");
        server.edit(|p| {
            for id in records(&calm) {
                p.edit(&id, Some(("medikationsanalyse", 1)), "fall_meda_id", "F");
                p.edit(&id, Some(("medikationsanalyse", 1)), "meda_notiz", &note);
                p.edit(
                    &id,
                    Some(("medikationsanalyse", 1)),
                    "medikationsanalyse_complete",
                    "2",
                );
            }
        });
        let count = |note: &str| {
            format!(
                "SELECT count(*) FROM db2frontend_out.v_medikationsanalyse_fe WHERE meda_notiz = '{note}'"
            )
        };
        while import_from(&t, &server).await.is_err() {
            chains += 1;
            assert!(chains < 24, "seed {seed}");
            // What failed left nothing behind.
            assert_eq!(t.texts(&count(&note)).await, ["(0)"], "seed {seed}");
        }
        assert_eq!(t.texts(&count(&note)).await, ["(7)"], "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manners_of_servers_are_found_out() {
    let t = TestHub::with_patients(3).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    let ids = records(&server);
    server.edit(|p| {
        p.edit(&ids[0], None, "projekt_versionsnummer", "Größe ü; a,b\t|");
        p.edit(&ids[0], Some(("fall", 1)), "fall_gewicht_aktuell", "80.5");
    });
    import_from(&t, &server).await.unwrap();
    let sql = "SELECT (SELECT count(*) FROM db2frontend_out.v_patient_fe) + (SELECT count(*) FROM db2frontend_out.v_fall_fe)";
    let before = t.texts(sql).await;
    for fault in [
        "decimal-comma",
        "delimiter:;",
        "delimiter:tab",
        "delimiter:|",
        "latin-1",
        "blank-when-empty",
    ] {
        server.set_faults(
            RedcapFaults::default().with(RedcapFaultRule::new(fault.parse().unwrap()).content("record")),
        );
        let done = import_from(&t, &server).await.unwrap();
        assert!(done.is_complete() && done.records == 3, "{fault}: {done:?}");
        assert_eq!(t.texts(sql).await, before, "{fault}");
    }
    // A server that allows few columns at once is asked for fewer records, and says so in the end.
    server.set_faults(
        RedcapFaults::default().with(RedcapFaultRule::new(RedcapFault::MostColumns(3)).content("record")),
    );
    let error = import_from(&t, &server).await.unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_are_short_are_looked_into() {
    let t = TestHub::with_patients(4).await;
    let wanted = start();
    export_to(&t, &wanted).await.unwrap();
    for (fault, recounted) in [
        (RedcapFault::ShortCount(2), false),
        // The export asks for ids, which a wrong count does not touch.
        (RedcapFault::LowCount(1), false),
        (RedcapFault::Blank, true),
    ] {
        let server = start();
        let rule = RedcapFaultRule::new(fault.clone()).imports().times(1);
        server.set_faults(RedcapFaults::default().with(rule));
        let done = export_to(&t, &server).await.unwrap();
        assert!(done.is_complete(), "{fault:?}: {done:?}");
        assert_eq!(done.recounted > 0, recounted, "{fault:?}: {done:?}");
        assert_eq!(server.rows(), wanted.rows(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_refused_is_told_by_record_form_and_field_and_the_others_go() {
    let t = TestHub::with_patients(3).await;
    let server = start();
    // A case number the project does not take: its field wants a number there.
    t.sql(
        "INSERT INTO db2dataprocessor_in.retrolektive_mrpbewertung_fe (record_id, redcap_repeat_instance, \
         redcap_repeat_instrument, ret_id, ret_meda_dat1, retrolektive_mrpbewertung_complete) SELECT record_id, '1', \
         'retrolektive_mrpbewertung', 'R', '0001-01-01', 'Incomplete' FROM db2dataprocessor_out.v_patient_fe",
    )
    .await;
    t.sql("SELECT db.copy_fe_dp_in_to_db_log()").await;
    t.sql("UPDATE core.retrolektive_mrpbewertung_fe SET ret_meda_dat1 = '10000-01-01' WHERE record_id = (SELECT record_id FROM core.retrolektive_mrpbewertung_fe ORDER BY record_id::int LIMIT 1)")
        .await;
    let done = export_to(&t, &server).await.unwrap();
    let first = records(&server)[0].clone();
    let told: Vec<_> = done
        .not_written
        .iter()
        .map(|n| (n.form.as_str(), n.record.as_str(), n.field.as_str()))
        .collect();
    assert_eq!(
        told,
        [("retrolektive_mrpbewertung", first.as_str(), "ret_meda_dat1")],
        "{done:?}"
    );
    assert!(!done.text().contains("10000"));
    for id in &records(&server)[1..] {
        assert_eq!(
            value(&server, id, Some(("retrolektive_mrpbewertung", 1)), "ret_id"),
            "R"
        );
    }
    assert!(row(&server, &first, Some(("retrolektive_mrpbewertung", 1))).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_stay_are_told_as_such() {
    let t = TestHub::with_patients(1).await;
    let server = start();
    for fault in [
        "login",
        "login:302",
        "login:403",
        "banned",
        "status:503",
        "not-a-list",
        "reset",
    ] {
        server.set_faults(RedcapFaults::default().with(RedcapFaultRule::new(fault.parse().unwrap())));
        let error = import_from(&t, &server).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains(server.token()) && !said.contains("127.0.0.1"),
            "{fault}: {said}"
        );
    }
}
