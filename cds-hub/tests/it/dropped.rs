//! Futures that are dropped half-way, as a program does that embeds the hub and stops a run.

use std::time::Duration;

use cds_hub::{Hub, HubOptions};
use sqlx::{Connection as _, Row as _};

use crate::server::hub_and_url;

/// What a run asks for, given up after so many microseconds.
async fn give_up(hub: &Hub, what: u32, microseconds: u64) {
    let work = async {
        match what {
            0 => drop(hub.deleted().await),
            1 => drop(hub.watermarks_to_come().await),
            2 => {
                if let Ok(mut versions) = hub.last_versions().await {
                    drop(versions.position().await);
                    drop(versions.gone().await);
                }
            }
            3 => {
                let rows = "COPY (SELECT generate_series(1, 100000)) TO STDOUT";
                if let Ok(mut connection) = hub.pool().acquire().await {
                    use futures_util::StreamExt as _;
                    if let Ok(mut stream) = connection.copy_out_raw(rows).await {
                        while stream.next().await.is_some() {}
                    }
                }
            }
            4 => {
                if let Ok(mut transaction) = hub.pool().begin().await {
                    let _ = transaction.ping().await;
                    let _ = transaction.commit().await;
                }
            }
            _ => {
                if let Ok(lock) = hub.lock("cds2db", "cds2db:test").await {
                    let _ = lock.release(true).await;
                }
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_micros(microseconds), work).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_answers_nobody_else() {
    let (_hub, url) = hub_and_url().await;
    let options = HubOptions {
        connections: 1,
        ..HubOptions::new(url)
    };
    let hub = Hub::open(&options).await.unwrap();
    for round in 0..600_u32 {
        give_up(&hub, round % 6, u64::from(round * 37 % 3_000)).await;
        let within: bool = sqlx::raw_sql("SELECT now() <> statement_timestamp()")
            .fetch_one(hub.pool())
            .await
            .and_then(|row| row.try_get(0))
            .unwrap_or_else(|e| panic!("round {round}: {e}"));
        assert!(!within, "round {round}: a transaction of somebody else is open");
        let asked = i64::from(round) + 1_000_000;
        let answered: i64 = sqlx::query_scalar("SELECT $1::bigint")
            .bind(asked)
            .fetch_one(hub.pool())
            .await
            .unwrap_or_else(|e| panic!("round {round}: {e}"));
        assert_eq!(answered, asked, "round {round}");
    }
}
