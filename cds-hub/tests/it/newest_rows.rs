//! Which rows are the newest after foreign modules delivered more: where the original takes others for them, or none.

use cds_hub::Hub;

use crate::server;
use crate::sql::{rows, run, transfer};

/// Puts a version of p1 into the inbox, raw, and types what the diff view offers.
async fn version(hub: &Hub, version: &str, updated: &str, names: &[&str]) {
    let family: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("[{}.1]{name}", n + 1))
        .collect();
    run(
        hub,
        &format!(
            "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family)
             VALUES ('[1]p1', '[1.1]{version}', '[1.1]{updated}T10:00:00Z', '{}')",
            family.join(" ~ ")
        ),
    )
    .await;
    transfer(hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    run(
        hub,
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family)
         SELECT patient_raw_id, substr(pat_id, 4), substr(pat_meta_versionid, 6),
                substr(pat_meta_lastupdated, 6)::timestamptz AT TIME ZONE 'Europe/Berlin', n
         FROM cds2db_out.v_patient_raw_diff,
              unnest(regexp_split_to_array(regexp_replace(pat_name_family, '\\[[0-9.]+\\]', '', 'g'), ' ~ ')) n",
    )
    .await;
    transfer(hub, "copy_type_cds_in_to_db_log").await;
    transfer(hub, "take_over_last_check_date").await;
}

/// H.6: content that comes back is the last version again, with its new meta in raw and typed alike.
#[tokio::test(flavor = "multi_thread")]
async fn content_that_returns_is_the_last_version() {
    let hub = server::hub().await;
    version(&hub, "1", "2024-01-01", &["A"]).await;
    version(&hub, "2", "2024-01-02", &["B"]).await;
    version(&hub, "3", "2024-01-03", &["A"]).await;
    assert_eq!(
        rows(&hub, "SELECT pat_name_family, pat_meta_versionid, pat_meta_lastupdated FROM cds2db_out.v_patient_last_version")
            .await,
        ["A|3|2024-01-03T11:00:00"]
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT pat_name_family, pat_meta_versionid FROM cds2db_out.v_patient_raw_last_version"
        )
        .await,
        ["[1.1]A|[1.1]3"]
    );
    assert_eq!(
        rows(
            &hub,
            "SELECT table_name, before ->> 'pat_meta_versionid' AS v FROM core.overwritten ORDER BY 1"
        )
        .await,
        ["patient|1", "patient_raw|[1.1]1"],
        "what stood before is kept"
    );
}

/// H.6: of two names one changes; only the current two have the newest number.
#[tokio::test(flavor = "multi_thread")]
async fn an_obsolete_second_name_keeps_its_old_number() {
    let hub = server::hub().await;
    version(&hub, "1", "2024-01-01", &["Beta", "Gamma"]).await;
    version(&hub, "2", "2024-01-02", &["Beta", "Gamma2"]).await;
    let newest = "SELECT pat_name_family FROM db_log.patient
                  WHERE last_processing_nr = db.get_last_processing_nr_typed()::int ORDER BY 1";
    assert_eq!(rows(&hub, newest).await, ["Beta", "Gamma2"]);
    // Typed `Beta` stays with its first raw row; the second one is marked.
    assert_eq!(
        rows(
            &hub,
            "SELECT r.raw_already_processed = (SELECT min(patient_raw_id) FROM db_log.patient_raw) AS marked
             FROM db_log.patient_raw r ORDER BY patient_raw_id"
        )
        .await,
        ["-", "true"]
    );
    // The same again, nothing to melt: still only these two.
    version(&hub, "2", "2024-01-02", &["Beta", "Gamma2"]).await;
    assert_eq!(rows(&hub, newest).await, ["Beta", "Gamma2"]);
    let expected = ["Beta", "Gamma2"];
    assert_eq!(
        rows(
            &hub,
            "SELECT pat_name_family FROM cds2db_out.v_patient_last_version ORDER BY 1"
        )
        .await,
        expected
    );
}

/// H.6: one patient stays on the ward, one leaves, one comes.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_import_of_wards_is_complete() {
    let hub = server::hub().await;
    for patients in [["p1", "p2"], ["p1", "p3"]] {
        for id in patients {
            run(
                &hub,
                &format!(
                    "INSERT INTO cds2db_in.pids_per_ward_raw (ward_name, patient_id) VALUES ('W', '{id}')"
                ),
            )
            .await;
        }
        transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
        run(
            &hub,
            "INSERT INTO cds2db_in.pids_per_ward (pids_per_ward_raw_id, ward_name, patient_id)
             SELECT pids_per_ward_raw_id, ward_name, patient_id FROM cds2db_out.v_pids_per_ward_raw_diff",
        )
        .await;
        transfer(&hub, "copy_type_cds_in_to_db_log").await;
        transfer(&hub, "take_over_last_check_date").await;
    }
    assert_eq!(
        rows(
            &hub,
            "SELECT patient_id FROM db2dataprocessor_out.v_pids_per_ward_last_import ORDER BY 1"
        )
        .await,
        ["p1", "p3"]
    );
}

/// H.6: an import of more rows than 46,340 of one table is aligned.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_rows_of_one_resource_are_aligned() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.observation_raw (obs_id) SELECT '[1]o' || n FROM generate_series(1, 50000) n",
    )
    .await;
    transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
    run(
        &hub,
        "INSERT INTO cds2db_in.observation (observation_raw_id, obs_id)
         SELECT observation_raw_id, substr(obs_id, 4) FROM cds2db_out.v_observation_raw_diff",
    )
    .await;
    let number = transfer(&hub, "copy_type_cds_in_to_db_log").await.unwrap();
    transfer(&hub, "take_over_last_check_date").await.unwrap();
    let expected = [format!("{number}|50000")];
    for table in ["observation_raw", "observation"] {
        let counts = rows(
            &hub,
            &format!("SELECT last_processing_nr, count(*) FROM db_log.{table} GROUP BY 1"),
        )
        .await;
        assert_eq!(counts, expected, "{table}");
    }
    // Readers of one resource need not wait until the server has looked at the new rows.
    let known =
        "SELECT attname FROM pg_stats WHERE schemaname = 'core' AND tablename = 'observation' ORDER BY 1";
    assert!(rows(&hub, known).await.contains(&"obs_id".to_owned()));
}
