//! What a row more costs a core that has grown: deliveries come every day, for years.

use std::time::Duration;

use cds_hub::cluster::Cluster;
use cds_hub::load::Loaded;
use sqlx::Executor;

use crate::cells::Cells;
use crate::{BATCH, fresh, import, observation};

/// Cost per row of a delivery of 10,000 rows as the core grows.
pub(crate) async fn growth(rows: usize, cluster: &Cluster) {
    let table = &observation();
    let cells = &Cells::new(table);
    let hub = fresh(cluster, "bench_growth", table).await;
    let mut at = 0;
    for target in [10_000, rows] {
        while at < target {
            let step = (target - at).min(50_000);
            let batches = cells.batches(table, at..at + step, 0);
            import(
                &hub,
                &batches,
                Loaded {
                    new: step as u64,
                    ..Loaded::default()
                },
            )
            .await;
            at += step;
        }
        hub.pool()
            .execute("VACUUM (ANALYZE) core.observation_raw")
            .await
            .unwrap();
        hub.pool().execute("CHECKPOINT").await.unwrap();
        let mut new = Duration::MAX;
        let mut seen = Duration::MAX;
        for _ in 0..3 {
            let batches = cells.batches(table, at..at + BATCH, 0);
            new = new.min(
                import(
                    &hub,
                    &batches,
                    Loaded {
                        new: BATCH as u64,
                        ..Loaded::default()
                    },
                )
                .await,
            );
            at += BATCH;
            seen = seen.min(
                import(
                    &hub,
                    &batches,
                    Loaded {
                        seen: BATCH as u64,
                        ..Loaded::default()
                    },
                )
                .await,
            );
        }
        let per_row = |time: Duration| time.as_secs_f64() * 1e6 / BATCH as f64;
        println!(
            "core of {target:>8} rows: new {:>6.2} µs/row, seen {:>6.2} µs/row",
            per_row(new),
            per_row(seen)
        );
    }
    hub.close().await;
}
