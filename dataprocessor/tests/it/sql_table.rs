//! Output tables declared as SQL.

use std::path::Path;

use dataprocessor::config::wall_time;
use dataprocessor::{Config, ErrorKind, SqlTable, run};

use crate::server::TestHub;

fn with_tables(folder: &Path) -> Config {
    let mut config = Config::default();
    config.debug_now = wall_time::parse("2026-03-20");
    config.sql_tables = Some(folder.to_owned());
    config
}

async fn two_stays() -> TestHub {
    let t = TestHub::new().await;
    for (patient, case, start) in [("p1", "e1", "2026-03-01"), ("p2", "e2", "2026-03-10")] {
        t.patient(patient, "Name").await;
        t.listed("S1", patient, case).await;
        t.stay(case, patient, start, &[]).await;
    }
    t.import().await;
    t
}

#[tokio::test]
async fn the_example_is_filled_with_its_sources_and_only_new_rows_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/output-tables");
    let tables = SqlTable::read_all(&folder).unwrap();
    let t = two_stays().await;
    let plan = t
        .hub
        .migrate(&SqlTable::with_standard(&tables), true)
        .await
        .unwrap();
    assert!(plan.is_applied());
    for new in [1, 0] {
        let summary = run(&t.hub, &with_tables(&folder)).await.unwrap();
        let long_stays = summary.tables.iter().find(|d| d.table == "long_stays").unwrap();
        assert_eq!((long_stays.new, long_stays.seen), (new, 1 - new));
        assert_eq!(
            t.lines(
                "fall_fhir_enc_id, ward_name, days",
                "db2dataprocessor_out.v_long_stays"
            )
            .await,
            ["e1 | S1 | 19"]
        );
    }
    assert_eq!(
        t.lines(
            "source_table",
            "core.lineage JOIN core.long_stays USING (row_id) WHERE table_name = 'long_stays' ORDER BY 1"
        )
        .await,
        ["encounter", "encounter_raw"]
    );
}

#[tokio::test]
async fn a_select_that_does_not_fit_its_description_undoes_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put(
        "site_x.csv",
        "TABLE_NAME,COLUMN_NAME,COLUMN_DESCRIPTION,COLUMN_TYPE\nsite_x,a,A,int\n",
    );
    put("site_x.sql", "SELECT 1 AS a");
    let t = two_stays().await;
    t.hub
        .migrate(
            &SqlTable::with_standard(&SqlTable::read_all(folder.path()).unwrap()),
            true,
        )
        .await
        .unwrap();
    for (select, kind) in [
        ("SELECT 1 AS b", ErrorKind::SqlTable),
        ("SELECT 1 AS a, 2 AS c", ErrorKind::SqlTable),
        ("SELECT 1 AS a, 2 AS from_nowhere", ErrorKind::SqlTable),
        (
            "SELECT 1 AS a) q; DELETE FROM db2dataprocessor_in.fall_fe; SELECT (1",
            ErrorKind::Hub,
        ),
        ("SELECT a FROM missing", ErrorKind::Hub),
    ] {
        put("site_x.sql", select);
        let error = run(&t.hub, &with_tables(folder.path())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{select}");
        assert_eq!(t.lines("count(*)", "db_log.fall_fe").await, ["0"], "{select}");
    }
    put("site_x.sql", "SELECT 7 AS a; -- a comment behind");
    run(&t.hub, &with_tables(folder.path())).await.unwrap_err();
    put("site_x.sql", "SELECT 7 AS a -- a comment behind\n;\n");
    run(&t.hub, &with_tables(folder.path())).await.unwrap();
    assert_eq!(t.lines("a", "db2dataprocessor_out.v_site_x").await, ["7"]);
}
