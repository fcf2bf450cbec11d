//! Measures a run over a large hub: `cargo run --release -p dataprocessor --example scale [directory [cases [encounters [observations]]]]`.
//!
//! Makes a private PostgreSQL in the directory, fills the core with encounters, conditions and observations of the past
//! and some running cases, and prints time and peak memory of runs in both profiles, and which large tables the server
//! would read from end to end. A directory that is filled already is used as it is. `RUST_LOG=dataprocessor=debug` says
//! where the time goes.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use dataprocessor::config::{Phases, WardPhases, wall_time};
use dataprocessor::{CaseProfile, Config, Snapshot, Sources};
use sqlx::AssertSqlSafe;

/// The rows of the core. `$CASES`, `$STAYS` and `$OBSERVATIONS` are replaced; the last `$CASES` stays are running.
const FILL: &[(&str, &str)] = &[
    (
        "import",
        "INSERT INTO core.import (run, input_nr, last_nr, checked, seen_status, module, part, started, finished, aligned) \
         VALUES (1, 1, 1, '2026-01-01', '', 'scale', 'typed', now(), now(), true)",
    ),
    (
        "patient",
        "INSERT INTO core.patient (patient_id, patient_raw_id, import_no, input_datetime, pat_id, pat_identifier_system, \
         pat_identifier_value, pat_name_use, pat_name_family, pat_name_given, pat_gender, pat_birthdate, meta_digest, hash) \
         SELECT n, n, 1, '2026-01-01', 'p' || n, 'urn:kis', 'K' || n, 'official', 'Family' || n, 'Given', 'female', '1950-05-05', 0, md5('p' || n)::uuid \
         FROM generate_series(0, $STAYS - 1) n",
    ),
    (
        "encounter",
        "INSERT INTO core.encounter (encounter_id, encounter_raw_id, import_no, input_datetime, enc_id, enc_patient_ref, enc_partof_ref, \
         enc_partof_calculated_ref, enc_main_encounter_calculated_ref, enc_status, enc_class_code, enc_type_system, enc_type_code, \
         enc_identifier_system, enc_identifier_value, enc_period_start, enc_period_end, enc_diagnosis_condition_ref, enc_diagnosis_use_code, \
         enc_location_physicaltype_code, enc_location_identifier_value, meta_digest, hash) \
         SELECT 10000000 + 3 * s + level, 10000000 + 3 * s + level, 1, '2026-01-01', \
           CASE level WHEN 0 THEN 'e' WHEN 1 THEN 'a' ELSE 'v' END || s, 'Patient/p' || s, \
           CASE level WHEN 1 THEN 'Encounter/e' || s WHEN 2 THEN 'Encounter/a' || s END, \
           CASE level WHEN 1 THEN 'Encounter/e' || s WHEN 2 THEN 'Encounter/a' || s END, \
           'Encounter/e' || s, CASE WHEN running THEN 'in-progress' ELSE 'finished' END, 'IMP', 'http://fhir.de/CodeSystem/Kontaktebene', \
           (ARRAY['einrichtungskontakt', 'abteilungskontakt', 'versorgungsstellenkontakt'])[level + 1], 'urn:case', 'F' || s, \
           CASE WHEN running THEN timestamp '2026-02-25' ELSE timestamp '2020-01-01' + s * interval '9 minutes' END, \
           CASE WHEN NOT running THEN timestamp '2020-01-05' + s * interval '9 minutes' END, \
           CASE WHEN level = 0 THEN 'Condition/c' || s END, CASE WHEN level = 0 THEN 'AD' END, \
           CASE WHEN level = 2 THEN 'ro' END, CASE WHEN level = 2 THEN 'Z' || s % 20 END, 0, md5('e' || s || '/' || level)::uuid \
         FROM generate_series(0, $STAYS - 1) s, generate_series(0, 2) level, LATERAL (SELECT s >= $STAYS - $CASES) r(running)",
    ),
    (
        "condition",
        "INSERT INTO core.condition (condition_id, condition_raw_id, import_no, input_datetime, con_id, con_patient_ref, con_code_code, \
         con_code_text, meta_digest, hash) \
         SELECT 20000000 + s, 20000000 + s, 1, '2026-01-01', 'c' || s, 'Patient/p' || s, 'A41.9', 'Sepsis', 0, md5('c' || s)::uuid \
         FROM generate_series(0, $STAYS - 1) s",
    ),
    (
        "observation",
        "INSERT INTO core.observation (observation_id, observation_raw_id, import_no, input_datetime, obs_id, obs_status, obs_patient_ref, \
         obs_encounter_ref, obs_encounter_calculated_ref, obs_code_system, obs_code_code, obs_effectivedatetime, obs_valuequantity_value, \
         obs_valuequantity_unit, obs_valuequantity_code, meta_digest, hash) \
         SELECT 30000000 + n, 30000000 + n, 1, '2026-01-01', 'o' || n, 'final', 'Patient/p' || n % $STAYS, 'Encounter/e' || n % $STAYS, \
           'Encounter/e' || n % $STAYS, 'http://loinc.org', \
           CASE n / $STAYS % 5 WHEN 0 THEN '29463-7' WHEN 1 THEN '8302-2' ELSE '2160-0' END, \
           CASE WHEN n % $STAYS >= $STAYS - $CASES THEN timestamp '2026-02-26' ELSE timestamp '2020-01-02' END + n % 1000 * interval '1 minute', \
           70 + n % 30, 'kg', 'kg', 0, md5('o' || n)::uuid \
         FROM generate_series(0::bigint, $OBSERVATIONS - 1) n",
    ),
    (
        "pids_per_ward",
        "INSERT INTO core.pids_per_ward (pids_per_ward_id, pids_per_ward_raw_id, import_no, input_datetime, ward_name, patient_id, encounter_id, hash) \
         SELECT 9000000 + s, 9000000 + s, 1, '2026-01-01', 'Station ' || s % 60, 'p' || s, 'v' || s, md5('w' || s)::uuid \
         FROM generate_series($STAYS - $CASES, $STAYS - 1) s",
    ),
    (
        "import_rows",
        "INSERT INTO core.import_rows (import_no, table_name, new_ids, seen_ids, new_count, update_count) \
         VALUES (1, 'pids_per_ward', '{}', '{}', $CASES, 0)",
    ),
    (
        "statistics",
        "SELECT setval('db.db_seq', 100000000); VACUUM ANALYZE",
    ),
];

#[expect(clippy::print_stdout, reason = "prints its figures")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut arguments = std::env::args().skip(1);
    let temporary = tempfile::tempdir()?;
    let directory = arguments
        .next()
        .map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let mut size = |default: u64| arguments.next().map_or(Ok(default), |a| a.parse());
    let sizes = [size(3_000)?, size(1_000_000)?, size(5_000_000)?];
    let cluster = Cluster::open(
        &directory,
        &ClusterOptions {
            volatile: true,
            ..ClusterOptions::default()
        },
    )?;
    let hub = Hub::connect(&cluster.url()).await?;
    let installed: bool = sqlx::query_scalar("SELECT to_regnamespace('core') IS NOT NULL")
        .fetch_one(hub.pool())
        .await?;
    if !installed {
        hub.init(&HubTables::standard()).await?;
        fill(&hub, sizes).await?;
    }
    for profile in [CaseProfile::Clock, CaseProfile::WardList] {
        println!("{profile:?}: {}", scans(&hub, &config(profile)).await?);
        for round in ["first", "again"] {
            let summary = dataprocessor::run(&hub, &config(profile)).await?;
            println!("{profile:?}, {round}: peak memory {}\n{summary}", peak_memory());
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "prints its figures")]
async fn fill(hub: &Hub, [cases, encounters, observations]: [u64; 3]) -> Result<(), Box<dyn Error>> {
    for (name, sql) in FILL {
        let begun = Instant::now();
        let sql = sql
            .replace("$CASES", &cases.to_string())
            .replace("$STAYS", &(encounters / 3).to_string())
            .replace("$OBSERVATIONS", &observations.to_string());
        for statement in sql.split("; ") {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(hub.pool())
                .await?;
        }
        println!("{name}: {:.1} s", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

/// How many queries the profile makes, and the large tables that one of them reads from end to end.
async fn scans(hub: &Hub, config: &Config) -> Result<String, Box<dyn Error>> {
    let mut snapshot = Snapshot::explaining(hub).await?;
    Sources::read(&mut snapshot, config, config.now()).await?;
    let (plans, large) = (
        snapshot.plans().len(),
        ["encounter", "observation", "condition", "patient"],
    );
    let read = large.into_iter().filter(|table| {
        let scan = format!("Seq Scan on {table} ");
        snapshot.plans().iter().any(|plan| plan.contains(&scan))
    });
    let read: Vec<&str> = read.collect();
    snapshot.close().await?;
    Ok(format!(
        "{plans} queries, sequential scans of large tables: {read:?}"
    ))
}

fn config(profile: CaseProfile) -> Config {
    let mut config = Config::default();
    config.profile = profile;
    config.debug_now = wall_time::parse("2026-03-01 12:00");
    let ward = |n| WardPhases {
        ward: format!("Station {n}"),
        a_start: wall_time::parse("2026-01-01"),
        b_start: None,
        b_test: false,
    };
    config.phases = Phases::new((0..60).map(ward).collect());
    config
}

/// Peak resident memory of this process, as Linux counts it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |l| l.trim().to_owned())
}
