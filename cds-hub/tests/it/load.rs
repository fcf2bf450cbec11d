//! Imports through the loader: from batches to what the contract shows.

use std::sync::Arc;

use cds_hub::load::{Loaded, RawPart, RawRows, TypedPart};
use cds_hub::{ErrorKind, Hub};
use fhir_crack::{Batch, BatchBuilder};
use fhir_melt::{MeltOptions, melt};
use table_description::typing::Zone;
use table_description::{TableDescription, default_description};

use crate::parts::{store_raw, store_typed};
use crate::server;
use crate::sql::{one, rows, run, transfer, transfer_fhir};

pub(crate) fn table(name: &str) -> Arc<TableDescription> {
    Arc::clone(default_description().table(name).unwrap())
}

/// Raw rows given as cells by column name.
pub(crate) fn batch(table: &Arc<TableDescription>, rows: &[Vec<(&str, String)>]) -> Batch {
    let mut builder = BatchBuilder::new(Arc::clone(table));
    for row in rows {
        builder.begin_row();
        for (column, cell) in row {
            builder.push_cell(table.position(column).unwrap(), cell);
        }
    }
    builder.finish()
}

pub(crate) fn patient(id: &str, version: u32, names: &[&str]) -> Vec<(&'static str, String)> {
    let family: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("[{}.1]{name}", n + 1))
        .collect();
    vec![
        ("pat_id", format!("[1]{id}")),
        ("pat_meta_versionid", format!("[1.1]{version}")),
        (
            "pat_meta_lastupdated",
            format!("[1.1]2024-01-{version:02}T10:00:00Z"),
        ),
        ("pat_name_family", family.join(" ~ ")),
        ("pat_birthdate", "[1]1950-05".to_owned()),
    ]
}

/// Imports raw rows, then types what waits, as a retrieval does; what the raw half did.
pub(crate) async fn import(hub: &Hub, batches: &[Batch]) -> Loaded {
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    let loaded = store_raw(&mut import, batches).await.unwrap();
    let summary = import.commit().await.unwrap();
    let mut open = hub.open_raw(batches[0].table(), 1_000).await.unwrap();
    let mut import = hub.continue_import(&lock, summary.run).await.unwrap();
    while let Some((raw_ids, batch)) = open.next().await.unwrap() {
        store_typed(&mut import, &batch, &raw_ids).await.unwrap();
    }
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    loaded
}

pub(crate) async fn patients(hub: &Hub, rows: &[Vec<(&str, String)>]) -> Loaded {
    import(hub, &[batch(&table("patient"), rows)]).await
}

const LAST: &str =
    "SELECT pat_id, pat_name_family, pat_meta_versionid FROM cds2db_out.v_patient_last_version ORDER BY 1, 2";

/// The wanted answers of H.6, all through the loader.
#[tokio::test(flavor = "multi_thread")]
async fn versions_come_change_and_return() {
    let hub = server::hub().await;
    let newest = "SELECT pat_name_family FROM db_log.patient
                  WHERE last_processing_nr = db.get_last_processing_nr_typed()::int ORDER BY 1";
    let loaded = patients(&hub, &[patient("p1", 1, &["Beta", "Gamma"])]).await;
    assert_eq!(
        loaded,
        Loaded {
            new: 1,
            ..Loaded::default()
        }
    );
    patients(&hub, &[patient("p1", 2, &["Beta", "Gamma2"])]).await;
    assert_eq!(rows(&hub, newest).await, ["Beta", "Gamma2"]);
    let loaded = patients(&hub, &[patient("p1", 3, &["Beta", "Gamma2"])]).await;
    assert_eq!(
        loaded,
        Loaded {
            seen: 1,
            meta_changed: 1,
            ..Loaded::default()
        }
    );
    assert_eq!(rows(&hub, newest).await, ["Beta", "Gamma2"]);
    assert_eq!(rows(&hub, LAST).await, ["p1|Beta|3", "p1|Gamma2|3"]);
    // Back to the first content.
    patients(&hub, &[patient("p1", 4, &["Beta", "Gamma"])]).await;
    assert_eq!(rows(&hub, LAST).await, ["p1|Beta|4", "p1|Gamma|4"]);
    assert_eq!(one(&hub, "SELECT count(*) FROM db_log.patient_raw").await, "2");
    assert_eq!(
        rows(
            &hub,
            "SELECT before ->> 'pat_meta_versionid' FROM core.overwritten WHERE table_name = 'patient_raw' ORDER BY import_no"
        )
        .await,
        ["[1.1]2", "[1.1]1"]
    );
}

/// The loader and a foreign writer produce the same rows, hashes and companion entries.
#[tokio::test(flavor = "multi_thread")]
async fn the_loader_and_the_inbox_agree() {
    let deliveries = [
        vec![patient("p1", 1, &["Alpha"]), patient("p2", 1, &["Beta", "Gamma"])],
        vec![
            patient("p1", 1, &["Alpha"]),
            patient("p2", 2, &["Beta", "Gamma"]),
            patient("p1", 2, &["Alpha2"]),
            patient("p3", 1, &["Delta"]),
            patient("p3", 1, &["Delta"]),
        ],
        vec![
            patient("p1", 3, &["Alpha"]),
            patient("p3", 2, &["Delta", "Delta"]),
        ],
    ];
    let (ours, foreign) = (server::hub().await, server::hub().await);
    for delivery in &deliveries {
        patients(&ours, delivery).await;
        for row in delivery {
            let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
            let values: Vec<String> = row.iter().map(|(_, cell)| format!("'{cell}'")).collect();
            let insert = format!(
                "INSERT INTO cds2db_in.patient_raw ({}) VALUES ({})",
                columns.join(", "),
                values.join(", ")
            );
            run(&foreign, &insert).await;
        }
        transfer_fhir(&foreign).await;
        run(
            &foreign,
            "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_versionid, pat_meta_lastupdated,
                                            pat_name_family, pat_birthdate)
             SELECT patient_raw_id, substr(pat_id, 4), substr(pat_meta_versionid, 6),
                    substr(pat_meta_lastupdated, 6)::timestamptz AT TIME ZONE 'Europe/Berlin', n, '1950-05-01'
             FROM cds2db_out.v_patient_raw_diff,
                  unnest(regexp_split_to_array(regexp_replace(pat_name_family, '\\[[0-9.]+\\]', '', 'g'), ' ~ ')) n",
        )
        .await;
        transfer_fhir(&foreign).await;
    }
    for table in ["patient_raw", "patient"] {
        let content = format!(
            "SELECT pat_id, pat_name_family, pat_meta_versionid, pat_meta_lastupdated, pat_birthdate, hash_index_col,
                    left(current_dataset_status, 9) AS status,
                    dense_rank() OVER (ORDER BY last_processing_nr) AS last,
                    dense_rank() OVER (ORDER BY input_processing_nr) AS first,
                    raw_already_processed IS NULL
             FROM db_log.{table} {} ORDER BY hash_index_col",
            if table == "patient" { "CROSS JOIN (VALUES (NULL)) AS v(raw_already_processed)" } else { "" }
        );
        assert_eq!(
            rows(&ours, &content).await,
            rows(&foreign, &content).await,
            "{table}"
        );
        let digests = format!("SELECT hash, meta_digest FROM core.{table} ORDER BY hash");
        assert_eq!(
            rows(&ours, &digests).await,
            rows(&foreign, &digests).await,
            "{table}"
        );
        let generated = format!("SELECT hash_index_col FROM cds2db_in.{table}");
        assert_eq!(rows(&ours, &generated).await, Vec::<String>::new());
    }
}

/// A month is stored as its first day, and that it was one is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_typing_leaves_out_is_kept_beside() {
    let hub = server::hub().await;
    let mut row = patient("p1", 1, &["Alpha"]);
    row.push(("pat_deceaseddatetime", "[1]never".to_owned()));
    patients(&hub, &[row]).await;
    assert_eq!(
        one(&hub, "SELECT pat_birthdate FROM db_log.patient").await,
        "1950-05-01"
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT table_name, column_name, precision FROM core.precision"
        )
        .await,
        ["patient|pat_birthdate|month"]
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT d.table_name, d.column_name, d.index_path, d.kind, r.pat_id
             FROM core.defect d JOIN db_log.patient_raw r ON r.patient_raw_id = d.raw_id"
        )
        .await,
        ["patient|pat_deceaseddatetime|1|not_a_datetime|[1]p1"]
    );
    let model = cds_hub::schema::Model::new(&cds_hub::HubTables::standard());
    let lines = hub.defects(&model, Some("patient"), 10).await.unwrap();
    assert_eq!(
        (lines.len(), &*lines[0].resource, &*lines[0].column),
        (1, "Patient/p1", "pat_deceaseddatetime")
    );
    assert!(
        hub.defects(&model, Some("encounter"), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

/// A raw row that waits is delivered again with other `meta`: its typed row has the newer one, though the row that waited was
/// typed as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_waited_is_typed_as_it_came_last() {
    let hub = server::hub().await;
    let table = table("patient");
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let of_version = |version| batch(&table, &[patient("p1", version, &["Alpha"])]);
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(&mut import, &[of_version(1)]).await.unwrap();
    import.commit().await.unwrap();

    let (waiting_ids, waiting) = hub
        .open_raw(&table, 10)
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    let typed = |batch: &Batch, raw: RawRows<'_>| {
        let rows = melt(batch, &MeltOptions::default()).typed(&Zone::berlin()).0;
        TypedPart::new(&table, [(&rows, raw)]).unwrap()
    };
    let again = of_version(2);
    let mut import = hub.begin_import(&lock).await.unwrap();
    let part = RawPart::new(std::slice::from_ref(&again)).unwrap().unwrap();
    let raw = import.raw(&part).await.unwrap();
    import.typed(typed(&again, RawRows::From(0)), &raw).await.unwrap();
    let waited = typed(&waiting, RawRows::Ids(&waiting_ids));
    import.waited(waited, &waiting_ids).await.unwrap();
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    for name in ["patient_raw", "patient"] {
        let found = rows(&hub, &format!("SELECT pat_meta_versionid FROM db_log.{name}")).await;
        let expected = if name == "patient" { "2" } else { "[1.1]2" };
        assert_eq!(found, [expected], "{name}");
    }
}

/// A long queue is read in chunks, in the order of ids, with every cell as it was stored.
#[tokio::test(flavor = "multi_thread")]
async fn open_rows_come_back_as_they_were_cracked() {
    let hub = server::hub().await;
    let delivery: Vec<_> = (0..2_500)
        .map(|n| patient(&format!("p{n}"), 1, &["Alpha ~ [sic]", "Größe"]))
        .collect();
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    let table = table("patient");
    // Several batches in one call.
    let batches: Vec<Batch> = delivery.chunks(100).map(|rows| batch(&table, rows)).collect();
    assert_eq!(store_raw(&mut import, &batches).await.unwrap().new, 2_500);
    import.commit().await.unwrap();
    let mut open = hub.open_raw(&table, 999).await.unwrap();
    let (mut sizes, mut ids, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((raw_ids, batch)) = open.next().await.unwrap() {
        sizes.push(batch.rows());
        ids.extend(raw_ids);
        for row in 0..batch.rows() {
            let mut text = Vec::new();
            let column = table.position("pat_name_family").unwrap();
            assert!(batch.write_cell(row, column, &fhir_crack::Notation::default(), &mut text));
            cells.push(String::from_utf8(text).unwrap());
        }
    }
    assert_eq!(sizes, [999, 999, 502]);
    assert!(ids.is_sorted());
    assert!(cells.iter().all(|c| c == "[1.1]Alpha ~ [sic] ~ [2.1]Größe"));
    lock.release(true).await.unwrap();
}

/// 50,000 rows of one resource in one import.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_rows_in_one_import() {
    let hub = server::hub().await;
    let table = table("observation");
    let cells: Vec<_> = (0..50_000)
        .map(|n| vec![("obs_id", format!("[1]o{n}"))])
        .collect();
    let batches: Vec<Batch> = cells.chunks(10_000).map(|rows| batch(&table, rows)).collect();
    assert_eq!(import(&hub, &batches).await.new, 50_000);
    for name in ["observation_raw", "observation"] {
        let numbers = format!(
            "SELECT count(*), count(DISTINCT last_processing_nr), min(last_processing_nr) > max({name}_id) FROM db_log.{name}"
        );
        assert_eq!(one(&hub, &numbers).await, "50000|1|true", "{name}");
    }
    assert_eq!(
        import(&hub, &batches).await,
        Loaded {
            seen: 50_000,
            ..Loaded::default()
        }
    );
    assert_eq!(
        one(
            &hub,
            "SELECT count(*) FROM db2dataprocessor_out.v_observation_last_import"
        )
        .await,
        "50000"
    );
}

/// References worked out later overwrite a calculated column; what was shown before is kept, for such an import too that
/// stores nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_calculated_column_is_overwritten_and_the_past_kept() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.condition (condition_raw_id, con_id, con_encounter_calculated_ref) VALUES (1, 'c1', 'invalid')",
    )
    .await;
    transfer(&hub, "copy_type_cds_in_to_db_log").await.unwrap();
    let shown = "SELECT con_encounter_calculated_ref FROM db_log.condition";
    assert_eq!(one(&hub, shown).await, "invalid");
    let moment = one(&hub, "SELECT clock_timestamp()").await;
    let id: i32 = one(&hub, "SELECT condition_id FROM db_log.condition")
        .await
        .parse()
        .unwrap();
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    let condition = table("condition");
    let found = [
        (id, "Encounter/e1".to_owned()),
        (id + 1_000, "Encounter/e2".to_owned()),
    ];
    import
        .set_calculated(&condition, "con_encounter_calculated_ref", &found)
        .await
        .unwrap();
    let error = import
        .set_calculated(&condition, "con_id", &found)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    import.commit().await.unwrap();
    lock.release(true).await.unwrap();
    assert_eq!(one(&hub, shown).await, "Encounter/e1");
    let past = format!("SELECT con_encounter_calculated_ref FROM db.condition_as_of('{moment}')");
    assert_eq!(one(&hub, &past).await, "invalid");
    let now = "SELECT con_encounter_calculated_ref FROM db.condition_as_of(now())";
    assert_eq!(one(&hub, now).await, "Encounter/e1");
}
