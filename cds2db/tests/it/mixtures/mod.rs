//! Random mixtures of what servers of others do, checked from the wire: no run ends complete while a resource that was
//! delivered is neither stored, nor kept as unreadable, nor left out for a reason that is counted.
//!
//! `CDS2DB_MIXTURES=500` plays so many; `CDS2DB_MIXTURES_FROM` is the first seed.

mod dice;
mod kind;
mod wired;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cds2db::Summary;
use cds2db::run::{DirectoryOptions, RunDirectory};
use fhir_crack::search::{Client, ClientOptions, RetryPolicy, Timeouts};
use fixtures::hospital::Hospital;
use table_description::default_description;

use crate::site::Site;
use crate::wire::{Asked, Wire};

use dice::Dice;
use kind::{KINDS, Kind};
use wired::{STRANGER, Wired};

/// Mixtures played where nothing else is said.
const FEW: u64 = 6;

/// Ids by type of what a hub holds.
async fn stored(site: &Site) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for table in default_description().tables {
        let (Some(resource), Some(id)) = (&table.resource, table.position_of_path("id")) else {
            continue;
        };
        let column = &table.columns[id].name;
        let sql = format!(
            "SELECT DISTINCT substring(\"{column}\" from '[^]]+$') FROM db_log.{}_raw",
            table.name
        );
        let rows = crate::select::select(&site.hub, &sql).await;
        let ids = rows
            .into_iter()
            .filter_map(|row| row.into_iter().next().flatten());
        found.extend(ids.map(|id| (resource.clone(), id)));
    }
    found
}

/// Plays one mixture; says which kinds were played.
async fn mixture(seed: u64) -> BTreeMap<Kind, u64> {
    let mut dice = Dice(seed);
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|_| dice.below(5) == 0).collect();
    let mut site = Site::open(Hospital::new(seed, 4)).await;
    site.settings.server.count = Some(10 + u32::try_from(dice.below(30)).expect("small"));
    let wired = Arc::new(Mutex::new(Wired {
        dice: seed,
        ..Wired::default()
    }));
    let (seen, of) = (Arc::clone(&wired), kinds.clone());
    let cuts = kinds.contains(&Kind::FirstOfList);
    let wire = Wire::changing(
        site.server.address(),
        move |asked| {
            if cuts {
                first_of_list(asked);
            }
        },
        move |asked, answer| seen.lock().expect("lock").spoil(&of, asked, answer),
    );
    let retry = RetryPolicy {
        attempts: 3,
        base: Duration::from_millis(2),
        cap: Duration::from_millis(5),
        ..RetryPolicy::default()
    };
    let options = ClientOptions::new(&wire.base())
        .expect("a base URL")
        .retry(retry)
        .timeouts(Timeouts {
            total: Duration::from_secs(30),
            ..Timeouts::default()
        });
    let client = Client::new(options).expect("a client");
    let base = tempfile::tempdir().expect("directory");
    let directory = RunDirectory::open(base.path(), DirectoryOptions::default()).expect("opens");
    let ran = site.run_at(&directory, &client).await;
    let wired = std::mem::take(&mut *wired.lock().expect("lock"));
    match ran {
        Ok(summary) => check(seed, &kinds, &site, &directory, &summary, &wired).await,
        // Without the wards nobody knows who is missing: the run says so and stores nothing.
        Err(error) => assert!(!error.to_string().contains("MARKER"), "seed {seed}: {error}"),
    }
    wired.played
}

fn first_of_list(asked: &mut Asked) {
    let body = String::from_utf8_lossy(&asked.body).replace("%2C", ",");
    let cut: Vec<String> = body
        .split('&')
        .map(|part| match part.split_once('=') {
            Some((name @ ("_id" | "patient" | "subject"), list)) => {
                format!("{name}={}", list.split(',').next().unwrap_or_default())
            }
            _ => part.to_owned(),
        })
        .collect();
    asked.body = cut.join("&").into_bytes();
}

async fn check(
    seed: u64,
    kinds: &[Kind],
    site: &Site,
    directory: &RunDirectory,
    summary: &Summary,
    wired: &Wired,
) {
    let of = format!("seed {seed}, {kinds:?}");
    let said = serde_json::to_string(summary).expect("JSON");
    assert!(!said.contains("MARKER"), "{of}: {said}");
    let stored = stored(site).await;
    assert!(
        stored.iter().all(|(_, id)| !id.starts_with(STRANGER)),
        "{of}: a stranger is stored"
    );
    for (table, counts) in &summary.tables {
        assert!(counts.is_accounted_for(), "{of}: {table}: {counts:?}");
    }
    if !summary.complete {
        assert!(!summary.incomplete.is_empty(), "{of}");
        return;
    }
    let parts = RunDirectory::unread_parts(directory.layout()).expect("the list");
    let mut kept = BTreeSet::new();
    for part in &parts {
        let bytes = std::fs::read(directory.layout().root().join("unread").join(&part.file)).expect("kept");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        kept.extend(
            wired
                .damaged
                .iter()
                .filter(|(_, id)| text.contains(&format!("\"id\":\"{id}\"")))
                .cloned(),
        );
    }
    // Places are looked at to find the wards, and stored where an encounter that could be read refers to them: those of one
    // that is kept come with it.
    let comes_later = |key| wired.places.get(key).is_some_and(|of| of.is_subset(&kept));
    let missing: Vec<_> = wired
        .delivered
        .iter()
        .filter(|key| !stored.contains(*key) && !kept.contains(*key) && !comes_later(*key))
        .collect();
    assert!(
        missing.is_empty(),
        "{of}: {} of {} delivered resources are nowhere, {:?}; {} stored, {} kept; {:?}",
        missing.len(),
        wired.delivered.len(),
        missing.iter().take(3).collect::<Vec<_>>(),
        stored.len(),
        kept.len(),
        summary.remarks
    );
    if !parts.is_empty() {
        assert!(!summary.remarks.is_empty(), "{of}: what cannot be read is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_is_complete_while_a_delivered_resource_is_nowhere() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("CDS2DB_MIXTURES").unwrap_or(FEW);
    let from = number("CDS2DB_MIXTURES_FROM").unwrap_or(1);
    let mut played: BTreeMap<Kind, u64> = BTreeMap::new();
    for seed in from..from + count {
        for (kind, times) in mixture(seed).await {
            *played.entry(kind).or_default() += times;
        }
    }
    println!("{count} mixtures played: {played:?}");
}
