//! Writing to `db_log` as to the tables it is in the original: resets and repair scripts of a site.

use cds_hub::{Hub, HubTables};
use sqlx::Executor as _;

use crate::server;
use crate::sql::{one, rows, run};

async fn as_owner_of_log(hub: &Hub, sql: &'static str) -> Result<u64, String> {
    let mut transaction = hub.pool().begin().await.unwrap();
    transaction.execute("SET LOCAL ROLE db_log_user").await.unwrap();
    let done = transaction.execute(sql).await.map_err(|e| e.to_string())?;
    transaction.commit().await.unwrap();
    Ok(done.rows_affected())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_db_log_are_inserted_changed_and_deleted() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('[1]p1', '[1]female'), ('[1]p2', '[1]male');
         INSERT INTO db2dataprocessor_in.patient_fe (patient_fe_id, record_id, pat_id) VALUES (7, '7', 'p1'), (8, '7', 'p2')",
    )
    .await;
    hub.transfer(std::time::Duration::ZERO).await.unwrap();

    // An insert comes with an import, is hashed, and waits for typing.
    let insert = "INSERT INTO db_log.patient_raw (pat_id, pat_gender) VALUES ('[1]p3', '[1]female')";
    assert_eq!(as_owner_of_log(&hub, insert).await, Ok(1));
    let inserted = "SELECT pat_id, last_processing_nr > 0, current_dataset_status FROM db_log.patient_raw WHERE pat_id = '[1]p3'";
    assert_eq!(rows(&hub, inserted).await, ["[1]p3|true|input"]);
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_raw_diff").await,
        "3"
    );

    // A change is hashed anew, so that a delivery of the same content finds the row; what stood before is kept.
    let update = "UPDATE db_log.patient_raw SET pat_gender = '[1]other' WHERE pat_id = '[1]p2'";
    assert_eq!(as_owner_of_log(&hub, update).await, Ok(1));
    let kept = "SELECT before ->> 'pat_gender' AS b FROM core.overwritten WHERE table_name = 'patient_raw'";
    assert_eq!(one(&hub, kept).await, "[1]male");
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('[1]p2', '[1]other')",
    )
    .await;
    hub.transfer(std::time::Duration::ZERO).await.unwrap();
    let count = "SELECT count(*) FROM db_log.patient_raw WHERE pat_id = '[1]p2'";
    assert_eq!(one(&hub, count).await, "1");
    let refused = as_owner_of_log(&hub, "UPDATE db_log.patient_raw SET last_processing_nr = 5").await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("numbers of a row are those of its imports"),
        "{refused}"
    );

    // A delete takes the row out of every view and keeps it beside; ids that repeat are told apart by their content.
    assert_eq!(
        as_owner_of_log(&hub, "DELETE FROM db_log.patient_raw WHERE pat_id = '[1]p1'").await,
        Ok(1)
    );
    assert_eq!(
        as_owner_of_log(&hub, "DELETE FROM db_log.patient_fe WHERE pat_id = 'p2'").await,
        Ok(1)
    );
    assert_eq!(rows(&hub, "SELECT pat_id FROM db_log.patient_fe").await, ["p1"]);
    let waits = "SELECT count(*) FROM cds2db_out.v_patient_raw_diff WHERE pat_id = '[1]p1'";
    assert_eq!(one(&hub, waits).await, "0");
    assert_eq!(
        rows(
            &hub,
            "SELECT table_name, \"row\" ->> 'pat_id' AS id FROM core.removed ORDER BY 1"
        )
        .await,
        ["patient_fe|p2", "patient_raw|[1]p1"]
    );
    let broken: Vec<String> = hub
        .check(&HubTables::standard(), 100)
        .await
        .unwrap()
        .iter()
        .filter(|f| f.rule.is_invariant())
        .map(|f| format!("{} {f}", f.rule))
        .collect();
    assert_eq!(broken, Vec::<String>::new());
    // Whoever had no right has none.
    let mut module = hub.pool().begin().await.unwrap();
    module.execute("SET LOCAL ROLE cds2db_user").await.unwrap();
    assert!(module.execute("DELETE FROM db_log.patient").await.is_err());
}

/// A reset of everything, table by table, as before a test.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_empties_every_table() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) SELECT '[1]p' || n FROM generate_series(1, 30) n",
    )
    .await;
    hub.transfer(std::time::Duration::ZERO).await.unwrap();
    for table in cds_hub::schema::Model::new(&HubTables::standard()).tables() {
        run(&hub, &format!("DELETE FROM db_log.{}", table.name)).await;
        let left = format!("SELECT count(*) FROM db_log.{}", table.name);
        assert_eq!(one(&hub, &left).await, "0");
    }
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    hub.transfer(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(
        one(&hub, "SELECT pat_id FROM cds2db_out.v_patient_raw_last_version").await,
        "[1]p1"
    );
}

/// The structure log says what is there and what was.
#[tokio::test(flavor = "multi_thread")]
async fn the_structure_log_follows_the_hub() {
    let hub = server::hub().await;
    run(&hub, "SELECT db.log_table_view_structure()").await;
    let noted = "SELECT count(*) FROM db_config.log_table_structure WHERE status = 'A'";
    let first: i64 = one(&hub, noted).await.parse().unwrap();
    assert!(first > 10_000, "{first}");
    run(&hub, "SELECT db.log_table_view_structure()").await;
    assert_eq!(one(&hub, noted).await, first.to_string(), "nothing changed");
    run(
        &hub,
        "CREATE VIEW db_config.v_mine AS SELECT 1 AS x; SELECT db.log_table_view_structure()",
    )
    .await;
    run(
        &hub,
        "DROP VIEW db_config.v_mine; SELECT db.log_table_view_structure()",
    )
    .await;
    let was = "SELECT DISTINCT table_name, status FROM db_config.log_table_structure WHERE status = 'H'";
    assert_eq!(rows(&hub, was).await, ["v_mine|H"]);
}
