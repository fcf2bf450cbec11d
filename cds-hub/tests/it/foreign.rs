//! Transfers of rows that foreign modules put into the inboxes with plain SQL.

use cds_hub::Hub;

use crate::server;
use crate::sql::{one, rows, run, transfer, transfer_fhir};

/// Delivers patients raw and typed together, each `id`, and transfers them.
async fn deliver(hub: &Hub, patients: &[&str]) {
    for id in patients {
        run(
            hub,
            &format!(
                "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('[1]{id}', '[1]female')"
            ),
        )
        .await;
        run(
            hub,
            &format!(
                "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_gender)
                 SELECT max(patient_raw_id), '{id}', 'female' FROM cds2db_in.patient_raw"
            ),
        )
        .await;
    }
    transfer_fhir(hub).await;
}

/// H.3: the numbers after each of six deliveries.
#[tokio::test(flavor = "multi_thread")]
async fn processing_numbers_follow_the_golden_sequence() {
    let hub = server::hub().await;
    let steps: [&[&str]; 6] = [
        &["P1", "P2"],
        &["P1"],
        &["P1", "P2"],
        &["P3"],
        &["P1"],
        &["P3", "P4"],
    ];
    let mut last_of: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for (step, delivered) in steps.into_iter().enumerate() {
        deliver(&hub, delivered).await;
        let newest: i64 = one(&hub, "SELECT db.get_last_processing_nr_typed() AS n")
            .await
            .parse()
            .unwrap();
        for id in delivered {
            last_of.insert(id, newest);
        }
        let expected: Vec<String> = last_of.iter().map(|(id, n)| format!("{id}|{n}")).collect();
        let typed = rows(
            &hub,
            "SELECT pat_id, last_processing_nr FROM db_log.patient ORDER BY pat_id",
        )
        .await;
        assert_eq!(typed, expected, "typed, step {}", step + 1);
        let raw = rows(
            &hub,
            "SELECT substr(pat_id, 4) AS id, last_processing_nr FROM db_log.patient_raw ORDER BY pat_id",
        )
        .await;
        assert_eq!(raw, expected, "raw, step {}", step + 1);
    }
    assert_eq!(
        rows(
            &hub,
            "SELECT patient_id FROM db_log.patient WHERE input_processing_nr <= patient_id"
        )
        .await,
        Vec::<String>::new(),
        "a number is larger than the ids of its rows"
    );
}

const FIRST: &str = "
    INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family) VALUES
      ('[1]p1', '[1.1]1', '[1.1]2024-01-01T10:00:00+01:00', '[1.1]Alpha'),
      ('[1]p2', '[1.1]1', '[1.1]2024-01-01T10:00:00+01:00', '[1.1]Beta ~ [2.1]Gamma');
    INSERT INTO cds2db_in.pids_per_ward_raw (ward_name, patient_id, encounter_id) VALUES ('W', 'p1', 'e1'), ('W', 'p2', 'e2')";

const SECOND: &str = "
    INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family) VALUES
      ('[1]p1', '[1.1]1', '[1.1]2024-01-01T10:00:00+01:00', '[1.1]Alpha'),
      ('[1]p2', '[1.1]2', '[1.1]2024-01-02T10:00:00+01:00', '[1.1]Beta ~ [2.1]Gamma'),
      ('[1]p1', '[1.1]2', '[1.1]2024-01-02T10:00:00+01:00', '[1.1]Alpha2'),
      ('[1]p3', '[1.1]1', '[1.1]2024-01-02T10:00:00+01:00', '[1.1]Delta'),
      ('[1]p3', '[1.1]1', '[1.1]2024-01-02T10:00:00+01:00', '[1.1]Delta')";

/// H.4, raw: ids, numbers and status of a first and a second delivery.
#[tokio::test(flavor = "multi_thread")]
async fn first_and_second_delivery_of_raw_rows() {
    let hub = server::hub().await;
    let before: i64 = one(&hub, "SELECT last_value FROM db.db_seq")
        .await
        .parse()
        .unwrap();
    run(&hub, FIRST).await;
    let inbox = rows(
        &hub,
        "SELECT patient_raw_id, input_datetime FROM cds2db_in.patient_raw ORDER BY 1",
    )
    .await;
    let first = transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert!(first > before + 3, "the number comes after the ids");
    assert_eq!(one(&hub, "SELECT count(*) FROM cds2db_in.patient_raw").await, "0");
    assert_eq!(
        rows(
            &hub,
            "SELECT patient_raw_id, input_datetime FROM db_log.patient_raw ORDER BY 1"
        )
        .await,
        inbox
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT current_dataset_status, input_processing_nr, last_processing_nr, raw_already_processed,
                    last_check_datetime IS NOT NULL FROM db_log.patient_raw"
        )
        .await,
        vec![format!("input|{first}|{first}|-|true"); 2]
    );
    assert_eq!(one(&hub, "SELECT count(*) FROM db.data_import_hist").await, "9");

    run(&hub, SECOND).await;
    let second = transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    let found = rows(
        &hub,
        "SELECT pat_name_family, pat_meta_versionid, input_processing_nr, last_processing_nr,
                current_dataset_status ~ '^Last Time the same Dataset : [0-9]{4}-[0-9-]+ [0-9:.]+[+]0[12]$' AS again
         FROM db_log.patient_raw ORDER BY patient_raw_id",
    )
    .await;
    assert_eq!(
        found,
        [
            format!("[1.1]Alpha|[1.1]1|{first}|{second}|true"),
            format!("[1.1]Beta ~ [2.1]Gamma|[1.1]2|{first}|{second}|true"),
            format!("[1.1]Alpha2|[1.1]2|{second}|{second}|false"),
            format!("[1.1]Delta|[1.1]1|{second}|{second}|true"),
        ]
    );
    assert_eq!(
        rows(
            &hub,
            &format!(
                "SELECT variable_name, dataset_count FROM db.data_import_hist
                 WHERE last_processing_nr = {second} AND table_name = 'patient_raw' ORDER BY 1"
            )
        )
        .await,
        ["data_count_all|5", "data_count_new|2", "data_count_update|3"]
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT DISTINCT last_check_datetime = (SELECT max(last_check_datetime) FROM db_log.patient_raw)
                    FROM db_log.patient_raw"
        )
        .await,
        ["true"],
        "one moment for the whole call"
    );
    assert_eq!(
        transfer(&hub, "copy_raw_cds_in_to_db_log").await,
        None,
        "nothing to do"
    );
}

/// H.4, typed: the diff view, the alignment, and a delivery without changes.
#[tokio::test(flavor = "multi_thread")]
async fn typed_rows_follow_their_raw_rows() {
    let hub = server::hub().await;
    run(&hub, FIRST).await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    run(&hub, SECOND).await;
    let raw = transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_raw_diff").await,
        "4"
    );
    run(
        &hub,
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_versionid, pat_name_family)
         SELECT patient_raw_id, substr(pat_id, 4), substr(pat_meta_versionid, 6), n
         FROM cds2db_out.v_patient_raw_diff,
              unnest(regexp_split_to_array(regexp_replace(pat_name_family, '\\[[0-9.]+\\]', '', 'g'), ' ~ ')) n",
    )
    .await;
    let typed = transfer(&hub, "copy_type_cds_in_to_db_log").await.unwrap();
    transfer(&hub, "take_over_last_check_date").await.unwrap();
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_raw_diff").await,
        "0"
    );
    assert_eq!(
        rows(&hub, "SELECT DISTINCT input_processing_nr, last_processing_nr, count(*) FROM db_log.patient GROUP BY 1, 2")
            .await,
        [format!("{typed}|{typed}|5")]
    );
    assert_eq!(
        rows(&hub, "SELECT DISTINCT last_processing_nr FROM db_log.patient_raw").await,
        [typed.to_string()],
        "raw rows are lifted from {raw}"
    );

    // Unchanged, without p3 and without anything to melt.
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family)
         SELECT pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family FROM db_log.patient_raw
         WHERE pat_id <> '[1]p3'",
    )
    .await;
    let again = transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(transfer(&hub, "copy_type_cds_in_to_db_log").await, None);
    transfer(&hub, "take_over_last_check_date").await.unwrap();
    assert_eq!(
        rows(
            &hub,
            "SELECT DISTINCT t.pat_id, t.last_processing_nr, left(t.current_dataset_status, 9),
                    t.last_check_datetime = r.last_check_datetime
             FROM db_log.patient t JOIN db_log.patient_raw r USING (patient_raw_id) ORDER BY 1"
        )
        .await,
        [
            format!("p1|{again}|Last Time|true"),
            format!("p2|{again}|Last Time|true"),
            format!("p3|{typed}|input|false")
        ]
    );
}

/// H.4, bad row, and H.6: the next import is accepted, the bad one tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_goes_to_quarantine_and_is_tried_again() {
    let hub = server::hub().await;
    run(&hub, FIRST).await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (patient_raw_id, pat_id)
         SELECT min(patient_raw_id), '[1]bad' FROM db_log.patient_raw;
         INSERT INTO cds2db_in.patient_raw (pat_id) SELECT '[1]good' || n FROM generate_series(1, 20) n",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(
        one(
            &hub,
            "SELECT count(*) FROM db_log.patient_raw WHERE pat_id LIKE '%good%'"
        )
        .await,
        "20"
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_in.patient_raw").await,
        "0",
        "nothing blocks the next writer"
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT table_name, sqlstate, attempts, row ->> 'pat_id' AS id FROM core.quarantine"
        )
        .await,
        ["patient_raw|23505|1|[1]bad"]
    );
    let log = one(
        &hub,
        "SELECT err_schema, err_objekt, err_msg, err_line FROM db_config.db_error_log",
    )
    .await;
    assert!(
        log.starts_with("cds2db_in|db.copy_raw_cds_in_to_db_log()|23505 - duplicate key"),
        "{log}"
    );

    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]next')",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(
        one(&hub, "SELECT attempts FROM core.quarantine").await,
        "1",
        "it is not due yet"
    );

    run(&hub, "UPDATE core.quarantine SET next_try = now()").await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await;
    assert_eq!(
        one(
            &hub,
            "SELECT attempts, next_try > now() + interval '1 minute' FROM core.quarantine"
        )
        .await,
        "2|true"
    );

    // Repaired: the row lands and leaves the quarantine.
    run(
        &hub,
        "UPDATE core.quarantine SET next_try = now(),
                row = (row::jsonb || jsonb_build_object('patient_raw_id', nextval('db.db_seq')))::json",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    assert_eq!(one(&hub, "SELECT count(*) FROM core.quarantine").await, "0");
    assert_eq!(
        one(
            &hub,
            "SELECT count(*) FROM db_log.patient_raw WHERE pat_id = '[1]bad'"
        )
        .await,
        "1"
    );
}
