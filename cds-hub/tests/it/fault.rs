//! Clients that are killed, servers that crash and connections that end, at random moments of loads and transfers.
//!
//! `CDS_HUB_FAULTS` sets how many faults are made (default 8), `CDS_HUB_FAULT_SEED` where the random moments start. Every
//! delivery is disturbed once and then made again; at the end the hub must hold what one holds that was never disturbed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::semaphore::{Lock, LockOptions};
use cds_hub::{Hub, HubTables};
use fhir_crack::Batch;

use crate::load::{batch, table};
use crate::parts::{store_raw, store_typed};
use crate::server;
use crate::sql::{one, rows, run};

/// A small generator of numbers (xorshift), so that a seed gives the same moments everywhere.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
    }
}

/// What delivery `number` brings: new, changed and known patients, and their wards.
fn delivery(number: u64) -> [Batch; 2] {
    let mut dice = Dice::new(number + 1);
    let mut patients = Vec::new();
    let mut wards = Vec::new();
    for _ in 0..150 {
        let id = dice.below(120 + number * 10);
        let family = match dice.below(4) {
            0 => "[1.1]Alpha".to_owned(),
            1 => format!("[1.1]Beta ~ [2.1]Gamma{}", dice.below(3)),
            _ => format!("[1.1]Delta{}", dice.below(4)),
        };
        patients.push(vec![
            ("pat_id", format!("[1]p{id}")),
            ("pat_meta_versionid", format!("[1.1]{number}")),
            (
                "pat_meta_lastupdated",
                format!("[1.1]2024-01-01T{:02}:{:02}:00Z", number / 60 % 24, number % 60),
            ),
            ("pat_name_family", family),
        ]);
        wards.push(vec![
            ("ward_name", format!("W{}", dice.below(3))),
            ("patient_id", format!("p{id}")),
        ]);
    }
    // One version of a patient a delivery, as a server gives it.
    let mut known = std::collections::BTreeSet::new();
    patients.retain(|row| known.insert(row[0].1.clone()));
    [
        batch(&table("patient"), &patients),
        batch(&table("pids_per_ward"), &wards),
    ]
}

/// Where a delivery is; told on standard output, so that the parent knows where it was killed.
fn phase(name: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\nphase {name}");
    let _ = out.flush();
}

/// A whole delivery: raw rows, typed rows, and a form by way of an inbox.
async fn deliver(hub: &Hub, number: u64) -> cds_hub::Result<()> {
    phase("lock");
    let options = LockOptions {
        lease: Duration::from_secs(1),
        ..LockOptions::default()
    };
    let lock = hub.lock_with("cds2db", "cds2db:fault", options).await?;
    let result = deliver_locked(hub, &lock, number).await;
    phase("release");
    lock.release(false).await?;
    result
}

async fn deliver_locked(hub: &Hub, lock: &Lock, number: u64) -> cds_hub::Result<()> {
    phase("raw rows");
    let batches = delivery(number);
    let mut import = hub.begin_import(lock).await?;
    // Most deliveries by several connections.
    let is_spread = number % 5 != 4;
    if is_spread {
        import.spread(3).await?;
        for batch in &batches {
            import.set_aside(batch.table()).await?;
        }
    }
    for batch in &batches {
        store_raw(&mut import, std::slice::from_ref(batch)).await?;
    }
    import
        .set_watermarks("Patient", &["p1".to_owned()], number as i64)
        .await?;
    phase("commit of raw rows");
    let summary = import.commit().await?;
    phase("typed rows");
    let mut import = hub.continue_import(lock, summary.run).await?;
    if is_spread {
        import.spread(3).await?;
        for batch in &batches {
            import.set_aside(batch.table()).await?;
        }
    }
    for batch in &batches {
        let mut open = hub.open_raw(batch.table(), 100).await?;
        while let Some((raw_ids, batch)) = open.next().await? {
            store_typed(&mut import, &batch, &raw_ids).await?;
        }
    }
    phase("indexes");
    import.index().await?;
    phase("commit of typed rows");
    import.commit().await?;
    phase("inbox");
    // A foreign writer's way; errors of plain SQL are those of the connection here.
    let insert = sqlx::query(
        "INSERT INTO db2dataprocessor_in.patient_fe (record_id, pat_id, pat_name)
         SELECT pat_id, pat_id, max(pat_name_family) FROM cds2db_out.v_patient_last_version GROUP BY pat_id",
    );
    insert
        .execute(hub.pool())
        .await
        .map_err(|e| cds_hub::Error::sql("writing into an inbox", &e))?;
    phase("transfer");
    let transfer = hub.transfer_all(lock).await?;
    assert!(transfer.failed.is_empty(), "{:?}", transfer.failed);
    Ok(())
}

/// Everything a reader can tell apart, but for what depends on how often a delivery was made.
async fn content(hub: &Hub) -> Vec<(&'static str, Vec<String>)> {
    let mut content = Vec::new();
    for table in [
        "patient_raw",
        "patient",
        "pids_per_ward_raw",
        "pids_per_ward",
        "patient_fe",
    ] {
        let meta = if table.starts_with("patient") && table != "patient_fe" {
            "pat_meta_versionid, pat_meta_lastupdated,"
        } else {
            ""
        };
        let query = format!(
            "SELECT hash_index_col, {meta} last_processing_nr = max(last_processing_nr) OVER () AS newest, count(*) OVER (PARTITION BY hash_index_col)
             FROM db_log.{table} ORDER BY 1"
        );
        content.push((table, rows(hub, &query).await));
    }
    let last = "SELECT hash_index_col, last_version_date FROM cds2db_out.v_patient_last_version ORDER BY 1";
    content.push(("last version", rows(hub, last).await));
    let shared = "SELECT r.hash, t.hash FROM core.patient_link l JOIN core.patient_raw r ON r.patient_raw_id = l.raw_id
                  JOIN core.patient t ON t.patient_id = l.typed_id ORDER BY 1, 2";
    content.push(("shared typed rows", rows(hub, shared).await));
    for open in ["patient_raw_open", "pids_per_ward_raw_open", "quarantine"] {
        content.push((open, rows(hub, &format!("SELECT 1 FROM core.{open}")).await));
    }
    let unfinished = "SELECT no FROM core.import WHERE finished IS NULL OR last_nr IS NULL";
    content.push(("unfinished imports", rows(hub, unfinished).await));
    for left in [
        "SELECT import_no FROM core.loading",
        "SELECT index_name FROM core.set_aside",
        "SELECT 1 FROM core.patient_raw WHERE import_no NOT IN (SELECT no FROM core.import)",
        "SELECT 1 FROM core.patient WHERE import_no NOT IN (SELECT no FROM core.import)",
        "SELECT 1 FROM core.pids_per_ward_raw WHERE import_no NOT IN (SELECT no FROM core.import)",
    ] {
        content.push((left, rows(hub, left).await));
    }
    let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'core' ORDER BY 1";
    content.push(("indexes", rows(hub, indexes).await));
    content
}

/// Child of the tests below when told so by its environment; by itself it checks what a delivery leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_typed_and_transferred() {
    if let (Ok(url), Ok(number)) = (
        std::env::var("CDS_HUB_FAULT_URL"),
        std::env::var("CDS_HUB_FAULT_DELIVERY"),
    ) {
        let hub = Hub::connect(&url).await.unwrap();
        deliver(&hub, number.parse().unwrap()).await.unwrap();
        phase("end");
        return;
    }
    let hub = server::hub().await;
    deliver(&hub, 0).await.unwrap();
    let patients = one(&hub, "SELECT count(DISTINCT pat_id) FROM db_log.patient").await;
    assert_eq!(
        one(&hub, "SELECT count(*) FROM db_log.patient_raw").await,
        patients
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM db_log.patient_fe").await,
        patients
    );
    assert_eq!(
        one(&hub, "SELECT count(*) FROM cds2db_out.v_patient_raw_diff").await,
        "0"
    );
}

/// A delivery in a process of its own.
struct Child {
    process: std::process::Child,
    phase: Arc<Mutex<String>>,
}

impl Child {
    fn start(url: &str, number: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "fault::a_delivery_is_typed_and_transferred",
                "--nocapture",
            ])
            .env("CDS_HUB_FAULT_URL", url)
            .env("CDS_HUB_FAULT_DELIVERY", number.to_string())
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let phase = Arc::new(Mutex::new("start".to_owned()));
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        std::thread::spawn({
            let phase = Arc::clone(&phase);
            move || {
                for line in lines.map_while(Result::ok) {
                    if let Some(name) = line.strip_prefix("phase ") {
                        name.clone_into(&mut phase.lock().unwrap());
                    }
                }
            }
        });
        Self { process, phase }
    }

    fn phase(&self) -> String {
        self.phase.lock().unwrap().clone()
    }

    /// Whether it delivered everything.
    fn wait(mut self) -> bool {
        self.process.wait().unwrap().success()
    }
}

/// Ends one of the connections that load.
async fn end_a_connection(url: &str, which: u64) {
    let hub = Hub::connect(url).await.unwrap();
    let others =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_type = 'client backend' ORDER BY backend_start";
    let others = rows(&hub, others).await;
    if let Some(pid) = others.get(which as usize % others.len().max(1)) {
        run(&hub, &format!("SELECT pg_terminate_backend({pid})")).await;
    }
    hub.close().await;
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// kill -9 of the client, an immediate stop of the server, and the end of one connection of several, by turns: nothing is
/// lost, nothing doubled, and nothing is left of what ended early.
#[tokio::test(flavor = "multi_thread")]
async fn killed_clients_and_crashed_servers_leave_nothing_behind() {
    let faults = setting("CDS_HUB_FAULTS", 8);
    let mut dice = Dice::new(setting("CDS_HUB_FAULT_SEED", 7));
    let directory = tempfile::tempdir().unwrap();
    // Not volatile: what is committed must survive.
    let options = ClusterOptions {
        supervisor: Some(server::program()),
        ..ClusterOptions::default()
    };
    let mut cluster = Cluster::open(&directory.path().join("cluster"), &options).unwrap();
    let url = cluster.url();
    Hub::connect(&url)
        .await
        .unwrap()
        .init(&HubTables::standard())
        .await
        .unwrap();
    let undisturbed = server::hub().await;

    let started = Instant::now();
    assert!(Child::start(&url, 0).wait(), "an undisturbed child");
    let mut usual = started.elapsed();
    deliver(&undisturbed, 0).await.unwrap();
    let mut hits: BTreeMap<(String, &str), u32> = BTreeMap::new();
    for number in 1..=faults {
        let moment = usual.mul_f64(dice.below(1_000) as f64 / 1_000.0);
        let mut child = Child::start(&url, number);
        std::thread::sleep(moment);
        let phase = child.phase();
        let fault = match number % 3 {
            0 => {
                child.process.kill().unwrap();
                "client killed"
            }
            1 => {
                cluster.crash().unwrap();
                cluster.start().unwrap();
                "server crashed"
            }
            _ => {
                end_a_connection(&url, dice.below(100)).await;
                "connection ended"
            }
        };
        child.wait();
        *hits.entry((phase, fault)).or_default() += 1;
        let started = Instant::now();
        assert!(Child::start(&url, number).wait(), "delivery {number} made again");
        usual = usual.mul_f64(0.8) + started.elapsed().mul_f64(0.2).min(Duration::from_secs(1));
        deliver(&undisturbed, number).await.unwrap();
    }
    let hub = Hub::connect(&url).await.unwrap();
    for ((name, disturbed), (_, expected)) in content(&hub).await.into_iter().zip(content(&undisturbed).await)
    {
        assert_eq!(disturbed, expected, "{name} after {faults} faults, {hits:?}");
    }
    run(&hub, "SELECT db.data_transfer_status()").await;
    for ((phase, fault), count) in hits {
        println!("{fault} during {phase}: {count}");
    }
    hub.close().await;
    cluster.halt().unwrap();
}
