//! Whose value stands.

use db2frontend::Config;
use db2frontend::config::ConflictRule;
use db2frontend::export::Kept;

use crate::hospital::Patient;
use crate::project::{export_by, export_to, import_from, records, start, value};
use crate::server::TestHub;

/// A patient whose name is edited in the frontend, and changes in FHIR where `changes`.
async fn edited(rule: ConflictRule, changes: bool) -> (String, Vec<(bool, Kept)>) {
    let t = TestHub::with_patients(1).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    import_from(&t, &server).await.unwrap();
    t.process().await;
    let id = records(&server)[0].clone();
    server.edit(|p| p.edit(&id, None, "pat_name", "Edited"));
    if changes {
        t.patient(&Patient {
            id: "p1".to_owned(),
            family: "Married".to_owned(),
            given: "Ada".to_owned(),
            birth: "1950-05-05".to_owned(),
        })
        .await;
        t.arrive().await;
    }
    import_from(&t, &server).await.unwrap();
    t.process().await;
    let mut config = Config::default();
    config.conflict_rule = rule;
    let done = export_by(&t, &server, &config).await.unwrap();
    let listed = done.conflicts.iter().map(|c| {
        assert_eq!(
            (c.form.as_str(), c.field.as_str(), c.record.as_str()),
            ("patient", "pat_name", id.as_str())
        );
        (c.changed, c.kept)
    });
    (value(&server, &id, None, "pat_name"), listed.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_decides_and_every_conflict_is_listed() {
    use ConflictRule::{Fhir, Frontend, Newest};
    for (rule, changes, stands, kept) in [
        (Fhir, false, "Family 1", Kept::Hub),
        (Fhir, true, "Married", Kept::Hub),
        (Frontend, false, "Edited", Kept::Frontend),
        (Frontend, true, "Edited", Kept::Frontend),
        (Newest, false, "Edited", Kept::Frontend),
        (Newest, true, "Married", Kept::Hub),
    ] {
        let (value, listed) = edited(rule, changes).await;
        assert_eq!(value, stands, "{rule:?} {changes}");
        assert_eq!(listed, [(changes, kept)], "{rule:?} {changes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_has_not_seen_is_not_overwritten() {
    let t = TestHub::with_patients(1).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    import_from(&t, &server).await.unwrap();
    t.process().await;
    let id = records(&server)[0].clone();
    // Edited between the import and the export of one chain.
    server.edit(|p| p.edit(&id, None, "pat_name", "Edited"));
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!((done.waiting, done.conflicts.len()), (1, 0), "{done:?}");
    assert_eq!(value(&server, &id, None, "pat_name"), "Edited");
    import_from(&t, &server).await.unwrap();
    t.process().await;
    let done = export_to(&t, &server).await.unwrap();
    assert_eq!((done.waiting, done.conflicts.len()), (0, 1), "{done:?}");
    assert_eq!(value(&server, &id, None, "pat_name"), "Family 1");
    let names = t
        .texts("SELECT pat_name FROM db2frontend_out.v_patient_fe ORDER BY 1")
        .await;
    assert_eq!(names, ["(Edited)", "(\"Family 1\")"]);
}
