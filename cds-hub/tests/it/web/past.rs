//! How tables were.

use super::site::{EVIL, MARKER, Site, send, words};
use crate::sql::{one, rows, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_counted_for_all_and_shown_when_asked_for() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    let client = site.signed_in(&anna).await;
    let moments = [
        one(
            &site.hub,
            "SELECT to_char(now() - interval '5 days', 'YYYY-MM-DD HH24:MI:SS')",
        )
        .await,
        one(
            &site.hub,
            "SELECT to_char(now() + interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS')",
        )
        .await,
        "2001-01-01".to_owned(),
    ];
    let mut counts = Vec::new();
    for moment in &moments {
        for table in ["patient_raw", "patient", "fall_fe"] {
            let sql = format!("SELECT count(*) FROM db.{table}_as_of('{moment}')");
            let count = one(&site.hub, &sql).await;
            let asked = [("table", table), ("moment", moment.as_str())];
            let told = send(&client, "/as-of", "/as-of", &asked).await;
            assert!(
                told.text.contains(&format!("<p>{count} rows, all versions.")),
                "{sql}: {}",
                told.text
            );
            assert!(
                !told.text.contains("<details") && !told.text.contains(MARKER),
                "not asked for"
            );
            let asked = [("table", table), ("moment", moment.as_str()), ("show", "1")];
            let told = send(&client, "/as-of", "/as-of", &asked).await;
            assert_eq!(told.text.matches("<details").count().to_string(), count, "{sql}");
            assert_eq!(
                told.text.contains(MARKER),
                table != "fall_fe" && count != "0",
                "{sql}"
            );
            counts.push(count);
        }
    }
    assert_eq!(counts, ["1", "1", "0", "3", "3", "0", "0", "0", "0"]);

    // More than a page: the second page goes on where the first ended, and ends.
    run(
        &site.hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) SELECT '[1]many' || n FROM generate_series(1, 150) n;
         SELECT db.copy_raw_cds_in_to_db_log()",
    )
    .await;
    let asked = [
        ("table", "patient_raw"),
        ("moment", moments[1].as_str()),
        ("show", "1"),
        ("page", "1"),
    ];
    let first = send(&client, "/as-of", "/as-of", &asked[..3]).await.text;
    let second = send(&client, "/as-of", "/as-of", &asked).await.text;
    assert_eq!(
        (
            first.matches("<details").count(),
            second.matches("<details").count()
        ),
        (100, 53)
    );
    assert!(first.contains("Next rows") && !second.contains("Next rows"));
    let all = (1..=150).filter(|n| {
        let cell = format!(">[1]many{n}<");
        first.contains(&cell) != second.contains(&cell)
    });
    assert_eq!(all.count(), 150, "each row is on one of the two");

    // Ids of a form repeat; its pages meet without a gap all the same.
    run(
        &site.hub,
        "INSERT INTO db2dataprocessor_in.patient_fe (patient_fe_id, record_id, pat_id)
         SELECT n, 'a', 'form' || n FROM generate_series(1, 75) n;
         SELECT db.copy_fe_dp_in_to_db_log();
         INSERT INTO db2dataprocessor_in.patient_fe (patient_fe_id, record_id, pat_id)
         SELECT n, 'b', 'form' || 75 + n FROM generate_series(1, 75) n;
         SELECT db.copy_fe_dp_in_to_db_log()",
    )
    .await;
    let ids = "SELECT count(*), count(DISTINCT patient_fe_id) FROM db_log.patient_fe";
    assert_eq!(rows(&site.hub, ids).await, ["150|75"]);
    let asked = [
        ("table", "patient_fe"),
        ("moment", moments[1].as_str()),
        ("show", "1"),
        ("page", "1"),
    ];
    let first = send(&client, "/as-of", "/as-of", &asked[..3]).await.text;
    let second = send(&client, "/as-of", "/as-of", &asked).await.text;
    let all = (1..=150).filter(|n| {
        let cell = format!(">form{n}<");
        first.contains(&cell) != second.contains(&cell)
    });
    assert_eq!(all.count(), 150, "{}", words(&first));

    for moment in ["", "yesterday", "infinity", "2026-13-45", "1' OR '1'='1", EVIL] {
        let asked = [("table", "patient"), ("moment", moment)];
        let told = send(&client, "/as-of", "/as-of", &asked).await.text;
        assert!(
            told.contains("This is no moment.") && !told.contains("rows, all versions"),
            "{moment}"
        );
    }
}
