//! A hub that was taken over from the original system keeps its description, and a run follows it.

use cds_hub::Hub;

use crate::original::create;
use crate::work_place::{Place, program};

/// The original's tables, with a column of the site's own, become a hub as they are.
async fn adopt(hub: &Hub) {
    let mut connection = hub.pool().acquire().await.expect("a connection");
    create(&mut connection).await;
    drop(connection);
    let tables = hub.tables_to_keep().await.expect("the site's tables");
    let ours = cds_hub::HubTables::standard().fhir;
    assert!(
        tables.fhir.column_count() < ours.column_count(),
        "another description than ours"
    );
    let plan = hub.migrate(&tables, true).await.expect("migrates");
    assert!(plan.is_applied(), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_follows_the_description_of_the_hub() {
    let place = Place::open_with(adopt).await;
    let hub = &place.site.hub;
    let run = |arguments: &[&str]| {
        let output = program()
            .arg("run")
            .arg(place.config())
            .args(["--dir", &place.directory.path().display().to_string()])
            .args(arguments)
            .output()
            .expect("the program starts");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    // Ours has columns that this hub has not; asked for by the command line or by the key, it is refused.
    for arguments in [
        ["--description", "default"],
        ["--set", "TABLE_DESCRIPTION=default"],
    ] {
        let (done, text) = run(&arguments);
        assert!(!done && text.contains("cds-hub migrate"), "{text}");
    }
    let (done, text) = run(&[]);
    assert!(done, "{text}");
    let kept = hub.tables().await.expect("the description").fhir;
    for table in &kept.tables {
        let columns = format!(
            "SELECT count(*)::text FROM information_schema.columns WHERE table_schema = 'db_log' AND table_name = '{}_raw' \
             AND column_name <> ALL (ARRAY['{}_raw_id', 'input_datetime', 'last_check_datetime', 'current_dataset_status', \
             'input_processing_nr', 'last_processing_nr', 'raw_already_processed', 'hash_index_col'])",
            table.name, table.name
        );
        assert_eq!(
            place.site.count(&columns).await,
            table.columns.len() as u64,
            "{}: no column was added",
            table.name
        );
    }
    let rows = "SELECT count(*)::text FROM db_log.observation";
    let first = place.site.count(rows).await;
    assert!(first > 0, "typed rows came");
    let may = "SELECT has_table_privilege('cds2db_user', 'core.described', 'SELECT')::text";
    assert_eq!(place.site.value(may).await.as_deref(), Some("true"));
    // Nothing that has not changed becomes a version.
    let (done, text) = run(&[]);
    assert!(done, "{text}");
    assert_eq!(place.site.count(rows).await, first);
}
