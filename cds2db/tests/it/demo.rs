//! The demo as a user runs it: the built program, a real database, a real HTTP server.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cds_hub::Hub;
use cds_hub::cluster::{Cluster, ClusterOptions};
use cds2db::Summary;

use crate::select::select;

const PATIENTS: &str = "25";

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cds2db"));
    command
        .arg("demo")
        .arg("--dir")
        .arg(directory)
        .args(arguments)
        .env_remove("DATABASE_URL");
    command
}

fn demo(directory: &Path, arguments: &[&str]) -> (Summary, String) {
    let output = command(directory, arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let json = std::fs::read(directory.join("summary.json")).expect("summary.json");
    (serde_json::from_slice(&json).expect("a summary"), text)
}

fn total(summary: &Summary, counter: fn(&cds2db::TableSummary) -> u64) -> u64 {
    summary.tables.values().map(counter).sum()
}

/// Opens the database that a demo left behind.
fn cluster(directory: &Path) -> Cluster {
    let options = ClusterOptions {
        supervisor: Some(env!("CARGO_BIN_EXE_cds2db").into()),
        ..ClusterOptions::default()
    };
    Cluster::open(&directory.join("postgres"), &options).expect("the database starts again")
}

fn with_hub<T>(directory: &Path, ask: impl AsyncFnOnce(&Hub) -> T) -> T {
    let cluster = cluster(directory);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let hub = Hub::connect(&cluster.url()).await.expect("connects");
        ask(&hub).await
    })
}

async fn count(hub: &Hub, sql: &str) -> u64 {
    let rows = select(hub, sql).await;
    rows[0][0].as_deref().expect("a count").parse().expect("a number")
}

#[test]
fn a_second_run_sees_everything_again_and_a_change_makes_exactly_its_versions() {
    let directory = tempfile::tempdir().expect("directory");
    let (first, text) = demo(directory.path(), &["--patients", PATIENTS]);
    assert!(first.complete, "{text}");
    for (name, table) in &first.tables {
        assert!(table.is_accounted_for(), "{name}: {table:?}");
    }
    assert!(
        total(&first, |t| t.raw_new) > 500 && total(&first, |t| t.raw_seen) == 0,
        "{text}"
    );
    assert!(
        total(&first, |t| t.typed_new) >= total(&first, |t| t.raw_new),
        "{text}"
    );
    assert!(
        first.outputs["fall_fe"].new > 0 && first.outputs["patient_fe"].new > 0,
        "{text}"
    );
    assert!(text.contains("Station A1") && text.contains("psql"), "{text}");
    assert!(first.peak_rss_bytes > 0 && first.stages["download"].seconds > 0.0);

    let (second, text) = demo(directory.path(), &["--patients", PATIENTS]);
    assert_eq!(
        total(&second, |t| t.raw_new) + total(&second, |t| t.typed_new),
        0,
        "{text}"
    );
    assert_eq!(
        total(&second, |t| t.raw_seen),
        total(&first, |t| t.raw_new),
        "{text}"
    );
    assert_eq!(
        second.outputs["fall_fe"].new + second.outputs["patient_fe"].new,
        0,
        "{text}"
    );

    let (third, text) = demo(directory.path(), &["--patients", PATIENTS, "--change", "3"]);
    assert_eq!(third.tables["patient"].raw_new, 3, "{text}");
    assert_eq!(
        total(&third, |t| t.downloaded),
        total(&second, |t| t.downloaded),
        "{text}"
    );
    assert!(total(&third, |t| t.raw_new) <= 3 * 3, "{text}");

    with_hub(directory.path(), rows_lead_back_to_their_resources);
}

/// What is noted of every row that clinicians see leads to the resource it came from, and to nobody else's.
async fn rows_lead_back_to_their_resources(hub: &Hub) {
    let cases = [
        ("patient_fe", "pat_id", "patient", "pat_id"),
        ("fall_fe", "fall_fhir_enc_id", "encounter", "enc_id"),
    ];
    for (form, key, table, id) in cases {
        let all = count(hub, &format!("SELECT count(*)::text FROM core.{form}")).await;
        let sources = format!(
            "core.lineage l JOIN core.{table} t ON l.source_id = t.{table}_id JOIN core.{table}_raw r USING ({table}_raw_id) \
             WHERE l.table_name = '{form}' AND l.source_table = '{table}' AND l.row_id = f.row_id"
        );
        let traced = format!(
            "SELECT count(*)::text FROM core.{form} f WHERE EXISTS (SELECT FROM {sources} AND t.{id} = f.{key} AND r.{id} = \
             '[1]' || f.{key})"
        );
        assert!(all > 0, "{form} is empty");
        assert_eq!(count(hub, &traced).await, all, "{form}");
    }
    let strangers = "SELECT count(*)::text FROM core.fall_fe f JOIN core.lineage l ON l.table_name = 'fall_fe' AND l.row_id = \
                     f.row_id AND l.source_table = 'encounter' JOIN core.encounter t ON t.encounter_id = l.source_id \
                     WHERE t.enc_patient_ref <> 'Patient/' || f.fall_pat_id";
    assert_eq!(count(hub, strangers).await, 0, "sources of another patient");
}

#[test]
fn xml_ends_in_the_same_hub_as_json() {
    let digest = async |hub: &Hub| {
        let sql = "SELECT coalesce(string_agg(h, ',' ORDER BY h), '') FROM (SELECT hash_index_col AS h FROM db_log.encounter \
                   UNION ALL SELECT hash_index_col FROM db_log.observation UNION ALL SELECT hash_index_col FROM db_log.medicationrequest) x";
        select(hub, sql).await[0][0].clone()
    };
    let [json, xml] = [&[][..], &["--xml"]].map(|format| {
        let directory = tempfile::tempdir().expect("directory");
        let arguments: Vec<&str> = ["--patients", "8"].iter().chain(format).copied().collect();
        demo(directory.path(), &arguments);
        with_hub(directory.path(), digest)
    });
    assert!(json.as_ref().is_some_and(|hashes| hashes.len() > 1000));
    assert_eq!(json, xml);
}

#[test]
fn killing_the_demo_leaves_no_process_and_the_next_one_works() {
    let directory = tempfile::tempdir().expect("directory");
    for wait in [300, 1500, 3000] {
        let mut child: Child = command(directory.path(), &["--patients", PATIENTS])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_no_process_of(directory.path());
    }
    let (summary, text) = demo(directory.path(), &["--patients", PATIENTS]);
    assert!(summary.complete, "{text}");
}

/// Waits until no process names the directory in its command line.
fn assert_no_process_of(directory: &Path) {
    let name = directory.display().to_string();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let left: Vec<String> = std::fs::read_dir("/proc")
            .expect("proc")
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
            .filter(|line| line.contains(&name))
            .collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still running: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn real_data_of_others_is_accounted_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/realdata/mii-kds-testdata");
    if !folder.is_dir() {
        x_skipped::skip!("../shared is absent, real data were not run");
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    let (summary, text) = demo(directory.path(), &["--input", &folder.display().to_string()]);
    for (name, table) in &summary.tables {
        assert!(table.is_accounted_for(), "{name}: {table:?}");
    }
    assert!(total(&summary, |t| t.downloaded) > 300, "{text}");
    assert!(total(&summary, |t| t.typed_new) > 300, "{text}");
}
