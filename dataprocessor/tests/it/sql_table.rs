//! Output tables declared as SQL.

use std::path::Path;

use dataprocessor::config::wall_time;
use dataprocessor::{Config, SqlTable, run};

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
async fn a_bad_table_of_a_site_is_left_out_and_takes_no_other_with_it() {
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
    for (select, why) in [
        ("SELECT 1 AS b", "returns no column a"),
        ("SELECT 1 AS a, 2 AS c", "column c is neither"),
        (
            "SELECT 1 AS a, 2 AS from_nowhere",
            "column from_nowhere is neither",
        ),
        (
            "SELECT 1 AS a) q; DELETE FROM db2dataprocessor_in.fall_fe; SELECT (1",
            "42601",
        ),
        ("SELECT a FROM missing", "42P01"),
        ("SELECT 7 AS a; -- a comment behind", "42601"),
    ] {
        put("site_x.sql", select);
        let summary = run(&t.hub, &with_tables(folder.path())).await.unwrap();
        assert_eq!(summary.left_out.len(), 1, "{select}: {:?}", summary.left_out);
        let left_out = &summary.left_out[0];
        assert!(
            left_out.contains(why) && left_out.contains("site_x"),
            "{select}: {left_out}"
        );
        assert_eq!(
            t.lines("count(*)", "db2dataprocessor_out.v_fall_fe_last_import")
                .await,
            ["2"],
            "{select}"
        );
        assert_eq!(
            t.lines("count(*)", "db2dataprocessor_out.v_site_x").await,
            ["0"],
            "{select}"
        );
    }
    // A file that cannot be read as a table takes none with it either.
    put("site_x.sql", "SELECT 7 AS a -- a comment behind\n;\n");
    put("site_a.sql", "SELECT 1");
    let summary = run(&t.hub, &with_tables(folder.path())).await.unwrap();
    assert!(
        summary.left_out[0].contains("site_a.sql"),
        "{:?}",
        summary.left_out
    );
    assert_eq!(t.lines("a", "db2dataprocessor_out.v_site_x").await, ["7"]);
}
