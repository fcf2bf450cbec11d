//! Rows and imports that the hub does not take.

use cds_hub::ErrorKind;
use cds_hub::load::{Loaded, RawRows, TypedPart};
use fhir_melt::{MeltOptions, melt};
use table_description::typing::Zone;

use crate::load::{batch, import, patient, patients, table};
use crate::parts::store_raw;
use crate::server;
use crate::sql::{one, rows, run, transfer};

/// Bad rows go to the quarantine, the others land; the transfer tries them again.
#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_do_not_stop_an_import() {
    let hub = server::hub().await;
    run(
        &hub,
        "ALTER TABLE core.patient_raw ADD CONSTRAINT no_bad CHECK (pat_gender <> '[1]bad')",
    )
    .await;
    let delivery: Vec<_> = (0..200)
        .map(|n| {
            let mut row = patient(&format!("p{n}"), 1, &["Alpha"]);
            match n {
                77 | 150 => row.push(("pat_gender", "[1]bad".to_owned())),
                // The server cannot store this character.
                20 => row.push(("pat_gender", "[1]fe\0male".to_owned())),
                _ => {}
            }
            row
        })
        .collect();
    let loaded = patients(&hub, &delivery).await;
    assert_eq!(
        loaded,
        Loaded {
            new: 197,
            quarantined: 3,
            ..Loaded::default()
        }
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT sqlstate, reason LIKE '%[1]%', count(*) FROM core.quarantine GROUP BY 1, 2 ORDER BY 1"
        )
        .await,
        ["22021|false|1", "23514|false|2"]
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_last_version").await,
        "197"
    );
    // The next import is accepted; when the reason is gone, the rows land.
    let loaded = patients(&hub, &delivery[..10]).await;
    assert_eq!(
        loaded,
        Loaded {
            seen: 10,
            ..Loaded::default()
        }
    );
    run(
        &hub,
        "ALTER TABLE core.patient_raw DROP CONSTRAINT no_bad; UPDATE core.quarantine SET next_try = now()",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(
        rows(&hub, "SELECT sqlstate, attempts FROM core.quarantine").await,
        ["22P05|2"]
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_raw_diff").await,
        "2"
    );
}

/// Nothing of an import can be seen before its commit, and nothing remains without one.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_whole_or_nothing() {
    let hub = server::hub().await;
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(
        &mut import,
        &[batch(&table("patient"), &[patient("p1", 1, &["Alpha"])])],
    )
    .await
    .unwrap();
    import
        .set_watermarks("Patient", &["p1".to_owned()], 1_700_000_000_000_000)
        .await
        .unwrap();
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "0");
    drop(import);
    assert!(
        hub.watermarks("Patient", &["p1".to_owned()])
            .await
            .unwrap()
            .is_empty()
    );
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(
        &mut import,
        &[batch(&table("patient"), &[patient("p1", 1, &["Alpha"])])],
    )
    .await
    .unwrap();
    import
        .set_watermarks("Patient", &["p1".to_owned()], 1_700_000_000_000_000)
        .await
        .unwrap();
    import.commit().await.unwrap();
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "1");
    assert_eq!(
        hub.watermarks("Patient", &["p1".to_owned()]).await.unwrap()["p1"],
        1_700_000_000_000_000
    );
    // An import without rows leaves nothing.
    let summary = hub.begin_import(&lock).await.unwrap().commit().await.unwrap();
    assert_eq!(summary.number, None);
    assert_eq!(one(&hub, "SELECT count(*) FROM core.import").await, "1");
    lock.release(true).await.unwrap();
}

/// A typed row whose raw row is not among those given would be taken for another resource's.
#[test]
fn a_typed_row_without_raw_row_is_refused() {
    let table = table("patient");
    let waiting = batch(
        &table,
        &[patient("p1", 1, &["Alpha"]), patient("p2", 1, &["Beta"])],
    );
    let (typed, _) = melt(&waiting, &MeltOptions::default()).typed(&Zone::berlin());
    assert!(TypedPart::new(&table, [(&typed, RawRows::Ids(&[7, 8]))]).is_ok());
    let error = TypedPart::new(&table, [(&typed, RawRows::Ids(&[7]))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
}

/// Whoever lost the lock cannot commit.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_the_lock_is_refused() {
    let hub = server::hub().await;
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(
        &mut import,
        &[batch(&table("patient"), &[patient("p1", 1, &["Alpha"])])],
    )
    .await
    .unwrap();
    run(&hub, "SELECT db.data_transfer_reset_lock('cds2db')").await;
    assert_eq!(import.commit().await.unwrap_err().kind(), ErrorKind::LockLost);
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "0");
}

/// One import at a time: a second one would wait for the first for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_import_under_the_same_lock_is_refused() {
    let hub = server::hub().await;
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let first = hub.begin_import(&lock).await.unwrap();
    assert_eq!(
        hub.begin_import(&lock).await.unwrap_err().kind(),
        ErrorKind::Options
    );
    assert_eq!(
        hub.transfer_all(&lock).await.unwrap_err().kind(),
        ErrorKind::Options
    );
    drop(first);
    hub.begin_import(&lock).await.unwrap().commit().await.unwrap();
    assert!(hub.transfer_all(&lock).await.unwrap().is_empty());
    lock.release(true).await.unwrap();
}

/// Errors say where, never what: a marker in every cell is in the quarantine's row and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn refused_values_stay_out_of_errors() {
    let hub = server::hub().await;
    run(
        &hub,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$BEGIN RAISE EXCEPTION 'refused %', NEW USING DETAIL = NEW::text, HINT = NEW::text; END$$;
         CREATE TRIGGER refuse BEFORE INSERT ON core.patient_raw FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    )
    .await;
    let table = table("patient");
    let row: Vec<(&str, String)> = table
        .columns
        .iter()
        .map(|c| (c.name.as_str(), "MARKER".to_owned()))
        .collect();
    assert_eq!(import(&hub, &[batch(&table, &[row])]).await.quarantined, 1);
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('MARKER', 'MARKER')",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    let listed = format!("{:?}", hub.quarantined(10).await.unwrap());
    assert!(
        listed.contains("refused by a trigger") && !listed.contains("MARKER"),
        "{listed}"
    );
    let log = rows(&hub, "SELECT e FROM db_config.db_error_log e").await;
    assert!(
        log.len() == 2 && log.iter().all(|l| !l.contains("MARKER")),
        "{log:?}"
    );
    let exported = String::from_utf8(hub.export_quarantine().await.unwrap()).unwrap();
    assert_eq!(exported.lines().count(), 2);
    assert!(exported.lines().all(|l| l.contains("MARKER")));
    // A refusal that is no row's fault is an error without values.
    run(
        &hub,
        "ALTER TABLE core.patient_raw RENAME COLUMN pat_gender TO gone",
    )
    .await;
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut failing = hub.begin_import(&lock).await.unwrap();
    let rows = [batch(&table, &[vec![("pat_id", "MARKER".to_owned())]])];
    let error = store_raw(&mut failing, &rows).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("MARKER"));
    assert_eq!(error.sqlstate(), Some("42703"));
}
