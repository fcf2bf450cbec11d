//! Back in time, and back to the source.

use cds_hub::lineage::Interface;
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
    let patient = Interface::named(&model, "patient").unwrap();
    let csv = hub.as_of(&patient, "2020-01-01").await.unwrap();
    assert_eq!(
        csv.iter().filter(|b| **b == b'\n').count(),
        1,
        "nothing but the header"
    );
    assert!(hub.as_of(&patient, "nonsense").await.is_err());
}

/// Lines of a CSV, the header first and the others in no order: ids of forms repeat.
fn lines(csv: &[u8]) -> Vec<String> {
    let text = String::from_utf8(csv.to_vec()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some((_, rows)) = lines.split_first_mut() {
        rows.sort();
    }
    lines
}

/// Not only tables: every view that readers see of a table is given as it was, with its columns.
#[tokio::test(flavor = "multi_thread")]
async fn an_interface_view_as_of_a_moment_is_what_it_showed_then() {
    const VIEWS: [&str; 10] = [
        "cds2db_out.v_patient_raw_last_version",
        "cds2db_out.v_patient_raw_last_import",
        "cds2db_out.v_patient",
        "cds2db_out.v_patient_last_version",
        "db2dataprocessor_out.v_patient_last_import",
        "db2dataprocessor_out.v_patient_fe",
        "db2dataprocessor_out.v_patient_fe_last_import",
        "db2frontend_out.v_patient_fe_last_version",
        "db2frontend_out.v_patient",
        "db_log.patient_fe",
    ];
    let hub = server::hub().await;
    let model = Model::new(&HubTables::standard());
    let mut remembered: Vec<(String, &str, Vec<String>)> = Vec::new();
    let deliveries: [(&str, u32, &[&str], &str); 6] = [
        ("p1", 1, &["Alpha"], "('1', 'p1')"),
        ("p2", 2, &["Beta", "Gamma"], "('1', 'p1'), ('2', 'p2')"),
        ("p1", 3, &["Alpha2"], "('1', 'p1x'), ('2', 'p2')"),
        // An older state of the source is delivered later, and content that was there before comes back.
        ("p1", 2, &["Alpha1"], "('2', 'p2')"),
        ("p2", 4, &["Beta"], "('1', 'p1')"),
        ("p1", 5, &["Alpha"], "('1', 'p1'), ('3', 'p3')"),
    ];
    let mut differed = 0;
    for (id, number, names, forms) in deliveries {
        version(&hub, id, number, names).await;
        let sql = format!(
            "INSERT INTO db2dataprocessor_in.patient_fe (patient_fe_id, record_id, pat_id)
             SELECT f.record::int, f.record, f.pat FROM (VALUES {forms}) f(record, pat)"
        );
        run(&hub, &sql).await;
        run(&hub, "SELECT db.copy_fe_dp_in_to_db_log()").await;
        let moment = one(&hub, "SELECT clock_timestamp()").await;
        for view in VIEWS {
            let copy = format!("COPY (SELECT * FROM {view}) TO STDOUT (FORMAT csv, HEADER)");
            remembered.push((moment.clone(), view, lines(&hub.copy_out(&copy).await.unwrap())));
        }
    }
    for (moment, view, shown) in remembered {
        let interface = Interface::named(&model, view).unwrap();
        let then = lines(&hub.as_of(&interface, &moment).await.unwrap());
        let copy = format!("COPY (SELECT * FROM {view}) TO STDOUT (FORMAT csv, HEADER)");
        differed += usize::from(then != lines(&hub.copy_out(&copy).await.unwrap()));
        assert_eq!(then, shown, "{view} at {moment}");
    }
    assert!(differed > 40, "the past differs from today: {differed}");
    for name in ["v_db_parameter", "v_nothing", "v_patient_raw_diff"] {
        assert!(Interface::named(&model, name).is_none(), "{name}");
    }
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
    let origins = hub.trace(&model, "patient_fe", 7, None).await.unwrap();
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
    let current: Vec<bool> = origins.iter().map(|o| o.is_current).collect();
    assert_eq!(current, [true, true, false, true], "version 1 is superseded");
    assert!(origins.iter().all(|o| o.since.is_some() && o.confirmed.is_some()));
    let cell = hub.trace(&model, "patient_fe", 7, Some("pat_id")).await.unwrap();
    assert_eq!(cell[0].value.as_deref(), Some("p1"));
    assert_eq!(
        (&cell[1].holds, &cell[3].holds),
        (&vec!["pat_id".to_owned()], &vec!["pat_id".to_owned()])
    );
    let error = hub
        .trace(&model, "patient_fe", 7, Some("nothing"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no column nothing"), "{error}");
    assert!(hub.trace(&model, "patient_fe", 8, None).await.is_err());
    assert!(hub.trace(&model, "nothing", 7, None).await.is_err());
}
