//! Ten days of a hospital end in the hub that a plain model predicts, row by row.

use std::collections::BTreeSet;
use std::time::Duration;

use cds_hub::Hub;
use cds2db::config::Deletions;
use fhir_crack::search::{Client, ClientOptions, RetryPolicy, Timeouts};
use fixtures::hospital::{CASE_NUMBER_SYSTEM, Hospital};
use fixtures::server::FaultPlan;
use table_description::{Description, default_description};

use crate::model::ModelHub;
use crate::select::select;
use crate::site::Site;

const DAYS: u32 = 10;

/// How many seeds: few by default, all with `CDS2DB_SEEDS=20`.
fn seeds() -> u64 {
    std::env::var("CDS2DB_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_days_end_in_the_hub_that_a_plain_model_predicts() {
    for seed in 0..seeds() {
        ten_days(seed, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_days_with_faults_of_the_server_end_in_the_same_hub() {
    for seed in 100..100 + seeds() {
        ten_days(seed, true).await;
    }
}

fn client(site: &Site) -> Client {
    let retry = RetryPolicy {
        attempts: 3,
        base: Duration::from_millis(5),
        // Some answers ask for minutes.
        retry_after_cap: Duration::from_millis(50),
        ..RetryPolicy::default()
    };
    let timeouts = Timeouts {
        idle: Duration::from_millis(700),
        total: Duration::from_secs(20),
        ..Timeouts::default()
    };
    let options = ClientOptions::new(site.server.base_url())
        .expect("a base URL")
        .retry(retry)
        .timeouts(timeouts);
    Client::new(options).expect("a client")
}

async fn ten_days(seed: u64, faults: bool) {
    let description = default_description();
    let hospital = Hospital::new(seed, 14)
        .with_wards(3)
        .with_admissions(1)
        .with_churn(150)
        .with_density(60);
    let mut site = Site::open(hospital.clone()).await;
    let mut model = ModelHub::default();
    site.settings.deletions = [
        Deletions::Ids,
        Deletions::History,
        Deletions::Off,
        Deletions::Export,
    ][seed as usize % 4];
    model.gone_by_patient = site.settings.deletions == Deletions::Ids;
    if seed % 2 == 1 {
        model.common_system = Some(CASE_NUMBER_SYSTEM.to_owned());
        site.settings.common_identifier_system = Some(CASE_NUMBER_SYSTEM.to_owned());
    }
    let (mut broken, mut downloaded) = (0, 0);
    for day in 0..DAYS {
        let today = hospital.clone().at(day);
        site.settings.now = Some(today.timestamp());
        site.server.set_store(today.clone());
        model.day(&today, &description, site.settings.deletions != Deletions::Off);
        if faults {
            site.server
                .set_faults(FaultPlan::random(seed * 1000 + u64::from(day), 2));
        }
        let client = client(&site);
        let done = site.run_with(&client).await;
        let complete = done.as_ref().is_ok_and(|summary| summary.complete);
        let summary = if complete || !faults {
            done.unwrap_or_else(|e| panic!("seed {seed}, day {day}: {e:?}"))
        } else {
            // As the next run would: it asks again for what is missing.
            broken += 1;
            site.server.set_faults(FaultPlan::default());
            site.run_with(&client)
                .await
                .unwrap_or_else(|e| panic!("seed {seed}, day {day}: {e:?}"))
        };
        assert!(
            summary.complete,
            "seed {seed}, day {day}: {:?}",
            summary.incomplete
        );
        downloaded += summary.tables.values().map(|t| t.downloaded).sum::<u64>();
        compare(
            &site.hub,
            &description,
            &model,
            &format!("seed {seed}, day {day}"),
        )
        .await;
    }
    println!(
        "seed {seed}: {downloaded} resources, {broken} days broke, {} deletions",
        model.gone.len()
    );
}

/// Everything the hub holds against everything the model holds.
pub(crate) async fn compare(hub: &Hub, description: &Description, model: &ModelHub, when: &str) {
    compare_rows(hub, description, model, when, &[true, false]).await;
    for table in &description.tables {
        let Some(resource) = &table.resource else { continue };
        let (id, version) = (
            format!("{}_id", table.prefix.trim_end_matches('_')),
            format!("{}_meta_versionid", table.prefix.trim_end_matches('_')),
        );
        let sql = format!(
            "SELECT DISTINCT {id}, {version} FROM cds2db_out.v_{}_last_version",
            table.name
        );
        let found = select(hub, &sql).await;
        let found: BTreeSet<(String, String)> = found
            .into_iter()
            .map(|row| {
                let mut cells = row.into_iter().map(Option::unwrap_or_default);
                (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            found,
            model.newest(resource),
            "{when}: newest versions of {resource}"
        );
    }
    let gone: BTreeSet<(String, String)> = hub
        .deleted()
        .await
        .expect("marks")
        .into_iter()
        .flat_map(|(resource, ids)| ids.into_iter().map(move |id| (resource.clone(), id)))
        .collect();
    assert_eq!(gone, model.gone, "{when}: resources marked as gone");
}

/// Raw rows, typed rows, or both.
pub(crate) async fn compare_rows(
    hub: &Hub,
    description: &Description,
    model: &ModelHub,
    when: &str,
    kinds: &[bool],
) {
    for table in &description.tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|c| format!("\"{}\"::text", c.name))
            .collect();
        for &raw in kinds {
            let name = if raw {
                format!("{}_raw", table.name)
            } else {
                table.name.clone()
            };
            let sql = format!("SELECT {} FROM db_log.{name}", columns.join(", "));
            let mut found = select(hub, &sql).await;
            found.sort();
            let expected = model.rows(&table.name, raw);
            if found == expected {
                continue;
            }
            let only = |a: &[Vec<Option<String>>], b: &[Vec<Option<String>>]| -> Vec<String> {
                let rows = a.iter().filter(|row| b.binary_search(row).is_err()).take(2);
                rows.map(|row| {
                    let cells = row.iter().zip(&table.columns).filter(|(cell, _)| cell.is_some());
                    cells
                        .map(|(cell, c)| format!("{}={}", c.name, cell.as_deref().unwrap_or("")))
                        .collect::<Vec<_>>()
                        .join(" | ")
                })
                .collect()
            };
            panic!(
                "{when}, {name}: {} rows, expected {}\nonly in the hub: {:#?}\nonly expected: {:#?}",
                found.len(),
                expected.len(),
                only(&found, &expected),
                only(&expected, &found)
            );
        }
    }
}
