//! How long readers wait for the views, which find the last version of each resource among many.

use std::time::{Duration, Instant};

use cds_hub::cluster::Cluster;
use sqlx::{AssertSqlSafe, Executor};

use crate::{fresh, observation};

/// Typed observations with 1.25 versions each, of 20 to a patient, a third of them confirmed later; raw rows are left out.
const VERSIONS: &str = "
INSERT INTO core.import (no, run, input_nr, last_nr, checked, seen_status, module, part, started, finished)
  SELECT n, n, 2000000000 + n, 2000000000 + n, timestamp '2026-01-01' + n * interval '1 day', 'x', 'bench', 'bench', now(), now()
  FROM generate_series(1, 10) n;
INSERT INTO core.observation (observation_id, observation_raw_id, import_no, input_datetime, obs_id, obs_meta_lastupdated,
    obs_status, obs_patient_ref, obs_code_code, obs_valuequantity_value, meta_digest, hash)
  SELECT n, n, n % 10 + 1, now(), 'o' || n % ($ROWS * 4 / 5), timestamp '2026-01-01' + n * interval '1 second', 'final',
    'Patient/p' || n % ($ROWS * 4 / 5) / 20, '3142-7', n, 0, md5(n::text)::uuid
  FROM generate_series(1, $ROWS) n;
INSERT INTO core.observation_seen (block, imports)
  SELECT b, ARRAY(SELECT CASE WHEN n % 3 = 0 AND n <= $ROWS THEN 10 ELSE 0 END
                  FROM generate_series(b * 64, b * 64 + 63) n ORDER BY n)
  FROM generate_series(0, $ROWS / 64) b;
INSERT INTO core.import_rows (import_no, table_name, new_ids, seen_ids, new_count, update_count)
  SELECT n, 'observation', '{}', '{}', 0, 0 FROM generate_series(1, 10) n";

/// How long readers wait for the views over many versions: the whole, one patient, one resource.
pub(crate) async fn views(rows: usize, cluster: &Cluster) {
    let hub = fresh(cluster, "bench_views", &observation()).await;
    let fill = VERSIONS.replace("$ROWS", &rows.to_string());
    sqlx::raw_sql(AssertSqlSafe(fill))
        .execute(hub.pool())
        .await
        .unwrap();
    for statistics in ["without statistics", "after ANALYZE"] {
        if statistics == "after ANALYZE" {
            hub.pool().execute("VACUUM (ANALYZE)").await.unwrap();
        }
        println!("views over {rows} typed rows, {statistics}");
        for (name, sql) in [
            (
                "last version, whole",
                "SELECT count(*), max(last_version_date) FROM v_observation_last_version",
            ),
            (
                "last version, one patient",
                "SELECT * FROM v_observation_last_version WHERE obs_patient_ref = 'Patient/p77'",
            ),
            (
                "last version, one id",
                "SELECT * FROM v_observation_last_version WHERE obs_id = 'o77'",
            ),
            (
                "last import, whole",
                "SELECT count(*), max(obs_id) FROM v_observation_last_import",
            ),
            (
                "all, whole",
                "SELECT count(*), max(last_processing_nr) FROM v_observation",
            ),
        ] {
            let sql = sql.replace("FROM v_", "FROM db2dataprocessor_out.v_");
            let mut best = Duration::MAX;
            for _ in 0..3 {
                let start = Instant::now();
                hub.pool().fetch_all(AssertSqlSafe(sql.clone())).await.unwrap();
                best = best.min(start.elapsed());
            }
            println!("{name:<28} {:>10.2} ms", best.as_secs_f64() * 1e3);
        }
    }
    hub.close().await;
}
