//! Imports that several connections load: they store what one would, at one moment, and leave nothing when they end early.

use cds_hub::load::Loaded;
use cds_hub::{ErrorKind, Hub, HubTables};
use fhir_crack::Batch;

use crate::load::{batch, table};
use crate::parts::{store_raw, store_typed};
use crate::server;
use crate::sql::{one, rows, run, transfer};

/// Patients `range` with so many families each; every 97th is there twice, the second time with other `meta`.
fn patients(range: std::ops::Range<u32>, version: u32, families: u32) -> Batch {
    let mut delivered = Vec::new();
    for n in range {
        let names: Vec<String> = (1..=families).map(|f| format!("[{f}.1]F{f}N{n}")).collect();
        let row = |version: u32| {
            vec![
                ("pat_id", format!("[1]p{n}")),
                ("pat_meta_versionid", format!("[1.1]{version}")),
                (
                    "pat_meta_lastupdated",
                    format!("[1.1]2024-01-{version:02}T10:00:00Z"),
                ),
                ("pat_name_family", names.join(" ~ ")),
                ("pat_birthdate", "[1]1950-05".to_owned()),
            ]
        };
        delivered.push(row(version));
        if n % 97 == 0 {
            delivered.push(row(version + 1));
        }
    }
    batch(&table("patient"), &delivered)
}

/// Raw rows and their typed rows as one run, by so many further connections; 0 for none.
async fn deliver(hub: &Hub, batches: &[Batch], connections: usize) -> [Loaded; 2] {
    let lock = hub.lock("cds2db", "cds2db:spread").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    if connections > 0 {
        import.spread(connections).await.unwrap();
        import.set_aside(batches[0].table()).await.unwrap();
    }
    let mut raw = Loaded::default();
    for batch in batches {
        raw += store_raw(&mut import, std::slice::from_ref(batch)).await.unwrap();
    }
    let summary = import.commit().await.unwrap();
    let mut open = hub.open_raw(batches[0].table(), 700).await.unwrap();
    let mut import = hub.continue_import(&lock, summary.run).await.unwrap();
    if connections > 0 {
        import.spread(connections).await.unwrap();
        import.set_aside(batches[0].table()).await.unwrap();
    }
    let mut typed = Loaded::default();
    while let Some((raw_ids, batch)) = open.next().await.unwrap() {
        typed += store_typed(&mut import, &batch, &raw_ids).await.unwrap();
    }
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    [raw, typed]
}

/// What readers see but for numbers and times, in an order that does not depend on them.
const SEEN: [&str; 6] = [
    "SELECT hash_index_col, pat_meta_versionid, pat_meta_lastupdated, current_dataset_status = 'input',
       dense_rank() OVER (ORDER BY last_processing_nr), dense_rank() OVER (ORDER BY input_processing_nr)
     FROM db_log.patient_raw ORDER BY 1",
    "SELECT hash_index_col, pat_meta_versionid, pat_meta_lastupdated, current_dataset_status = 'input',
       dense_rank() OVER (ORDER BY last_processing_nr), dense_rank() OVER (ORDER BY input_processing_nr)
     FROM db_log.patient ORDER BY 1",
    "SELECT hash_index_col, last_version_date FROM cds2db_out.v_patient_last_version ORDER BY 1",
    "SELECT r.hash, t.hash FROM core.patient_link l JOIN core.patient_raw r ON r.patient_raw_id = l.raw_id
     JOIN core.patient t ON t.patient_id = l.typed_id ORDER BY 1, 2",
    "SELECT t.hash, p.column_name, p.precision FROM core.precision p JOIN core.patient t ON t.patient_id = p.id
     WHERE p.table_name = 'patient' ORDER BY 1, 2",
    "SELECT table_name, sqlstate FROM core.quarantine ORDER BY 1, 2",
];

const INDEXES: &str = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'core' ORDER BY 1";

async fn seen(hub: &Hub) -> Vec<Vec<String>> {
    let mut seen = Vec::new();
    for query in SEEN {
        seen.push(rows(hub, query).await);
    }
    seen
}

/// A first load with a row that is refused, one that is known in part, versions that return, and rows that are taken for new
/// and are not: the same hub, whoever copied.
#[tokio::test(flavor = "multi_thread")]
async fn several_connections_store_what_one_does() {
    let (one_hub, several) = (server::hub().await, server::hub().await);
    let before = rows(&several, INDEXES).await;
    for hub in [&one_hub, &several] {
        run(
            hub,
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$BEGIN IF NEW.pat_id = '[1]p50' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END$$;
             CREATE TRIGGER refuse BEFORE INSERT ON core.patient_raw FOR EACH ROW EXECUTE FUNCTION public.refuse()",
        )
        .await;
    }
    let deliveries = [
        vec![
            patients(0..2_000, 1, 2),
            patients(2_000..5_700, 1, 1),
            // Taken for new by now: half of them are known.
            patients(5_400..6_000, 1, 1),
            patients(5_999..6_200, 1, 1),
        ],
        vec![patients(0..300, 3, 2), patients(6_000..6_500, 3, 1)],
        vec![patients(100..400, 5, 3)],
        vec![patients(100..400, 7, 2)],
    ];
    for (number, delivery) in deliveries.iter().enumerate() {
        let by_one = deliver(&one_hub, delivery, 0).await;
        let by_several = deliver(&several, delivery, 3).await;
        assert_eq!(by_several, by_one, "delivery {number}");
        assert!(by_one[0].new > 0 || number == 3, "delivery {number}");
        for ((by_several, by_one), query) in seen(&several)
            .await
            .into_iter()
            .zip(seen(&one_hub).await)
            .zip(SEEN)
        {
            assert!(
                by_several == by_one,
                "delivery {number}: {} and {} rows of {query}",
                by_several.len(),
                by_one.len()
            );
        }
    }
    assert_eq!(rows(&several, INDEXES).await, before);
    assert_eq!(
        one(&several, "SELECT count(*) FROM core.patient_link").await,
        one(&one_hub, "SELECT count(*) FROM core.patient_link").await
    );
}

/// The rows are there before the commit, and no reader sees them; nor do they change what is seen of others.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_before_the_commit() {
    let hub = server::hub().await;
    deliver(&hub, &[patients(0..200, 1, 1)], 0).await;
    let before = seen(&hub).await;
    let lock = hub.lock("cds2db", "cds2db:spread").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    import.spread(2).await.unwrap();
    import.set_aside(&table("patient")).await.unwrap();
    // Newer versions, and one without a moment, which would change how versions are ordered.
    let mut undated = vec![
        ("pat_id", "[1]p7".to_owned()),
        ("pat_gender", "[1]female".to_owned()),
    ];
    undated.push(("pat_meta_versionid", "[1.1]9".to_owned()));
    let newer = [patients(0..900, 4, 2), batch(&table("patient"), &[undated])];
    store_raw(&mut import, &newer).await.unwrap();
    assert!(
        one(&hub, "SELECT count(*) > 900 FROM core.patient_raw").await == "true",
        "parts are over"
    );
    assert_eq!(seen(&hub).await, before);
    for (query, rows) in [
        (
            "SELECT count(*) FROM db.patient_raw_as_of(clock_timestamp()::timestamp)",
            "200",
        ),
        ("SELECT count(*) FROM cds2db_out.v_patient_raw_diff", "0"),
        ("SELECT count(*) FROM cds2db_out.v_patient_raw_last_import", "200"),
    ] {
        assert_eq!(one(&hub, query).await, rows, "{query}");
    }
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    assert!(one(&hub, "SELECT count(*) > 900 FROM db_log.patient_raw").await == "true");
    assert!(one(&hub, "SELECT count(*) > 900 FROM cds2db_out.v_patient_raw_diff").await == "true");
}

/// What an import left that never came to its commit is not seen, breaks no rule, and goes with the next import: the
/// loader's or a foreign writer's.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_left_is_swept_by_the_next() {
    for foreign in [false, true] {
        for first in [true, false] {
            let hub = server::hub().await;
            let indexes = rows(&hub, INDEXES).await;
            if !first {
                deliver(&hub, &[patients(0..100, 1, 1)], 0).await;
            }
            let before = seen(&hub).await;
            let lock = hub.lock("cds2db", "cds2db:spread").await.unwrap();
            let mut import = hub.begin_import(&lock).await.unwrap();
            import.spread(3).await.unwrap();
            import.set_aside(&table("patient")).await.unwrap();
            store_raw(&mut import, &[patients(0..600, 2, 2)]).await.unwrap();
            drop(import);
            lock.release(false).await.unwrap();
            assert_eq!(seen(&hub).await, before);
            assert!(one(&hub, "SELECT count(*) > 500 FROM core.patient_raw").await == "true");
            let findings = hub.check(&HubTables::standard(), 1_000).await.unwrap();
            assert!(findings.is_empty(), "{findings:?}");
            assert_eq!(
                rows(&hub, INDEXES).await.len() < indexes.len(),
                first,
                "indexes of an empty table"
            );
            if foreign {
                run(
                    &hub,
                    "INSERT INTO cds2db_in.patient_raw (pat_id, pat_name_family) VALUES ('[1]x', '[1.1]X')",
                )
                .await;
                transfer(&hub, "copy_raw_cds_in_to_db_log").await.unwrap();
            } else {
                deliver(&hub, &[patients(700..701, 1, 1)], 0).await;
            }
            let expected = if first { "1" } else { "101" };
            assert_eq!(one(&hub, "SELECT count(*) FROM core.patient_raw").await, expected);
            assert_eq!(
                one(&hub, "SELECT count(*) FROM db_log.patient_raw").await,
                expected
            );
            assert_eq!(rows(&hub, INDEXES).await, indexes);
            assert_eq!(rows(&hub, "SELECT 1 FROM core.loading").await.len(), 0);
        }
    }
}

/// An import that is over takes no more rows, whoever still has a connection of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_an_import_that_is_over_is_refused() {
    let hub = server::hub().await;
    let lock = hub.lock("cds2db", "cds2db:spread").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    store_raw(&mut import, &[patients(0..3, 1, 1)]).await.unwrap();
    let error = import.spread(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Options, "rows are stored already");
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
    let number = one(&hub, "SELECT max(no) FROM core.import").await;
    for call in [
        format!("core.part_begins({number})"),
        format!("core.spread_load({number})"),
        format!("core.spread_load({number} + 1)"),
        format!("core.set_indexes_aside({number}, 'patient')"),
        format!("core.build_index({number}, 'patient_versions')"),
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {call}")))
            .execute(hub.pool())
            .await;
        let error = refused.unwrap_err();
        let state = error
            .as_database_error()
            .and_then(|e| e.code())
            .map(|c| c.into_owned());
        assert_eq!(state.as_deref(), Some("CDH01"), "{call}");
    }
}
