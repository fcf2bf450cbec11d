//! Back in time, and back to the source.

use cds_hub::schema::Model;
use cds_hub::{Hub, HubTables};

use crate::server;
use crate::sql::{one, rows, run, transfer_fhir};

/// A version of a patient with these family names, raw and typed.
async fn version(hub: &Hub, id: &str, version: u32, names: &[&str]) {
    let family: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("[{}.1]{name}", n + 1))
        .collect();
    run(
        hub,
        &format!(
            "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_meta_lastupdated, pat_name_family)
             VALUES ('[1]{id}', '[1.1]{version}', '[1.1]2024-01-{version:02}T10:00:00Z', '{}')",
            family.join(" ~ ")
        ),
    )
    .await;
    transfer_fhir(hub).await;
    run(
        hub,
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_versionid, pat_name_family)
         SELECT patient_raw_id, substr(pat_id, 4), substr(pat_meta_versionid, 6), n
         FROM cds2db_out.v_patient_raw_diff,
              unnest(regexp_split_to_array(regexp_replace(pat_name_family, '\\[[0-9.]+\\]', '', 'g'), ' ~ ')) n",
    )
    .await;
    transfer_fhir(hub).await;
}

/// Every output can be reconstructed: at each moment the table is remembered as it was shown, and later the function
/// gives exactly that, numbers, states and overwritten values included.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_as_of_a_moment_is_what_was_shown_then() {
    let hub = server::hub().await;
    let mut remembered: Vec<(String, &str, Vec<String>)> = Vec::new();
    let deliveries: [(&str, u32, &[&str]); 7] = [
        ("p1", 1, &["Alpha"]),
        ("p2", 2, &["Beta", "Gamma"]),
        ("p1", 3, &["Alpha2"]),
        ("p2", 4, &["Beta", "Gamma2"]),
        ("p1", 5, &["Alpha"]),
        ("p2", 6, &["Beta", "Gamma2"]),
        ("p3", 7, &["Delta"]),
    ];
    for (id, number, names) in deliveries {
        version(&hub, id, number, names).await;
        let moment = one(&hub, "SELECT clock_timestamp()").await;
        for table in ["patient_raw", "patient"] {
            let shown = rows(&hub, &format!("SELECT * FROM db_log.{table} ORDER BY 1")).await;
            remembered.push((moment.clone(), table, shown));
        }
    }
    // A raw row whose typed rows come much later.
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]late')",
    )
    .await;
    transfer_fhir(&hub).await;
    let moment = one(&hub, "SELECT clock_timestamp()").await;
    let shown = rows(&hub, "SELECT * FROM db_log.patient_raw ORDER BY 1").await;
    remembered.push((moment, "patient_raw", shown));
    version(&hub, "p1", 8, &["Alpha3"]).await;
    for (moment, table, shown) in remembered {
        let columns = one(
            &hub,
            &format!(
                "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = 'db_log.{table}'::regclass AND attnum > 0"
            ),
        )
        .await;
        let then = rows(
            &hub,
            &format!("SELECT {columns} FROM db.{table}_as_of('{moment}') ORDER BY 1"),
        )
        .await;
        assert_eq!(then, shown, "{table} at {moment}");
    }
    let model = Model::new(&HubTables::standard());
    let csv = hub
        .as_of(model.table("patient").unwrap(), "2020-01-01")
        .await
        .unwrap();
    assert_eq!(
        csv.iter().filter(|b| **b == b'\n').count(),
        1,
        "nothing but the header"
    );
    assert!(
        hub.as_of(model.table("patient").unwrap(), "nonsense")
            .await
            .is_err()
    );
}

/// From a form to typed rows, raw versions and the version on the FHIR server.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_traced_to_its_resources() {
    let hub = server::hub().await;
    version(&hub, "p1", 1, &["Beta", "Gamma"]).await;
    version(&hub, "p1", 2, &["Beta", "Gamma2"]).await;
    run(
        &hub,
        "INSERT INTO db2dataprocessor_in.patient_fe (patient_fe_id, record_id, pat_id) VALUES (7, '7', 'p1')",
    )
    .await;
    run(&hub, "SELECT db.copy_fe_dp_in_to_db_log()").await;
    run(
        &hub,
        "INSERT INTO core.lineage (table_name, row_id, source_table, source_id)
         SELECT 'patient_fe', f.row_id, 'patient', t.patient_id FROM core.patient_fe f, core.patient t
         WHERE t.pat_name_family = 'Beta'",
    )
    .await;
    let model = Model::new(&HubTables::standard());
    let origins = hub.trace(&model, "patient_fe", 7).await.unwrap();
    let lines: Vec<String> = origins
        .iter()
        .map(|o| {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {} {}",
                o.depth,
                o.table,
                or_none(&o.resource),
                or_none(&o.version)
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "0 patient_fe - -",
            "1 patient Patient/p1 2",
            "2 patient_raw Patient/p1 1",
            "2 patient_raw Patient/p1 2"
        ]
    );
    assert!(hub.trace(&model, "patient_fe", 8).await.is_err());
    assert!(hub.trace(&model, "nothing", 7).await.is_err());
}
