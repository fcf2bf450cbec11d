//! The demo's case list against a slow model: one row a running case, in both profiles.
//!
//! `CASE_LIST_SEEDS` says how many hospitals are tried: 2 in every test run, 50 in a campaign.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cds_hub::Hub;
use cds_hub::cluster::{Cluster, ClusterOptions};
use cds2db::demo::HospitalPlan;
use dataprocessor::config::{Phases, WardPhases, wall_time};
use dataprocessor::{CaseProfile, Config};
use fixtures::Format;
use fixtures::hospital::Hospital;
use jiff::civil::DateTime;
use serde_json::Value;

const PATIENTS: u32 = 40;

#[test]
fn the_case_list_has_a_row_for_each_running_case_in_both_profiles() {
    let seeds = std::env::var("CASE_LIST_SEEDS").map_or(2, |n| n.parse().expect("a number of seeds"));
    let mut shown = 0;
    for seed in 1..=seeds {
        shown += one_hospital(seed);
    }
    assert!(
        shown > 5 * usize::try_from(seeds).expect("few"),
        "cases run: {shown}"
    );
}

/// Runs the demo and both profiles; the number of cases.
fn one_hospital(seed: u64) -> usize {
    let directory = tempfile::tempdir().expect("directory");
    let demo = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args([
            "demo",
            "--patients",
            &PATIENTS.to_string(),
            "--seed",
            &seed.to_string(),
            "--dir",
        ])
        .arg(directory.path())
        .env_remove("DATABASE_URL")
        .output()
        .expect("the program starts");
    assert!(
        demo.status.success(),
        "seed {seed}: {}",
        String::from_utf8_lossy(&demo.stderr)
    );
    let plan = std::fs::read(directory.path().join("hospital.json")).expect("hospital.json");
    let plan: HospitalPlan = serde_json::from_slice(&plan).expect("a plan");
    let options = ClusterOptions {
        supervisor: Some(env!("CARGO_BIN_EXE_cds2db").into()),
        ..ClusterOptions::default()
    };
    let cluster =
        Cluster::open(&directory.path().join("postgres"), &options).expect("the database starts again");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let hub = Hub::connect(&cluster.url()).await.expect("connects");
        let listed = listed(&hub).await;
        let model = running(&plan.hospital(), listed.values().flatten(), wall_time::now());
        assert_eq!(shown(&hub).await, model, "seed {seed}, clock");
        let summary = dataprocessor::run(&hub, &ward_list(listed.keys()))
            .await
            .expect("runs");
        assert_eq!(shown(&hub).await, model, "seed {seed}, ward-list");
        assert_eq!(summary.cases, model.len());
        hub.close().await;
        model.len()
    })
}

/// The ward-list profile, with a phase for each ward.
pub(crate) fn ward_list<'a>(wards: impl Iterator<Item = &'a String>) -> Config {
    let phases = wards.map(|ward| WardPhases {
        ward: ward.clone(),
        a_start: wall_time::parse("2000-01-01"),
        b_start: None,
        b_test: false,
    });
    let mut config = Config::default();
    config.profile = CaseProfile::WardList;
    config.phases = Phases::new(phases.collect());
    config
}

/// Patients of each ward.
async fn listed(hub: &Hub) -> BTreeMap<String, BTreeSet<String>> {
    let sql = "SELECT ward_name, patient_id FROM db2dataprocessor_out.v_pids_per_ward_last_import";
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(hub.pool()).await.expect(sql);
    let mut wards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (ward, patient) in rows {
        wards.entry(ward).or_default().insert(patient);
    }
    wards
}

/// Ids of the cases of the newest delivery, one a row.
async fn shown(hub: &Hub) -> Vec<String> {
    let sql = "SELECT fall_fhir_enc_id::text FROM db2dataprocessor_out.v_fall_fe_last_import";
    let mut ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(hub.pool()).await.expect(sql);
    ids.sort_unstable();
    ids
}

/// Ids of the cases that run, from the resources themselves: stays of the whole hospital, of a class that the retrieval
/// looks for, of a listed patient, begun and not ended.
pub(crate) fn running<'a>(
    hospital: &Hospital,
    listed: impl Iterator<Item = &'a String>,
    now: DateTime,
) -> Vec<String> {
    let listed: BTreeSet<String> = listed.map(|id| format!("Patient/{id}")).collect();
    let mut ids = BTreeSet::new();
    for resource in hospital.resources(Format::Json) {
        if resource.kind.name() != "Encounter" {
            continue;
        }
        let encounter: Value = serde_json::from_slice(&resource.bytes).expect("JSON");
        let text = |pointer: &str| encounter.pointer(pointer).and_then(Value::as_str);
        let is_case = encounter["type"].as_array().is_some_and(|types| {
            types
                .iter()
                .flat_map(|t| t["coding"].as_array().into_iter().flatten())
                .any(|coding| coding["code"] == "einrichtungskontakt")
        });
        let begun = text("/period/start").is_some_and(|start| wall(start) <= now);
        let ended = text("/period/end").is_some_and(|end| wall(end) <= now);
        let class = matches!(text("/class/code"), Some("IMP" | "SS"));
        if is_case
            && class
            && begun
            && !ended
            && text("/subject/reference").is_some_and(|s| listed.contains(s))
        {
            ids.insert(text("/id").expect("an id").to_owned());
        }
    }
    ids.into_iter().collect()
}

fn wall(text: &str) -> DateTime {
    wall_time::parse_moment(text).expect("a moment")
}
