//! Loading what the daily run never saw.

use std::path::Path;

use cds2db::Summary;
use cds2db::backfill::{Backfill, Place, Slice};
use cds2db::progress::Silent;
use fixtures::Format;
use fixtures::hospital::{CASE_NUMBER_SYSTEM, Hospital};
use fixtures::server::{Fault, FaultPlan, FaultRule};
use jiff::ToSpan;

use crate::site::Site;

fn hospital() -> Hospital {
    Hospital::new(31, 20)
}

pub(crate) async fn load(site: &Site, directory: &Path, slices: Vec<Slice>) -> Vec<(String, Summary)> {
    load_only(site, directory, slices, Vec::new()).await
}

/// Loads slices, of these types alone where there are some.
pub(crate) async fn load_only(
    site: &Site,
    directory: &Path,
    slices: Vec<Slice>,
    resources: Vec<String>,
) -> Vec<(String, Summary)> {
    let client = site.client();
    let plan = Backfill { slices, resources };
    let place = Place {
        settings: &site.settings,
        description: &table_description::default_description(),
        client: &client,
        hub: &site.hub,
        progress: &Silent,
        directory,
    };
    plan.run(place).await.expect("runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_loaded_day_by_day_and_goes_on_where_it_broke_off() {
    let site = Site::open(hospital()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let last = hospital().timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = last.checked_sub(2.days()).expect("a date");
    let names: Vec<String> = Slice::days(first, last).iter().map(|day| day.name(&[])).collect();
    assert_eq!(names.len(), 3);
    let slices = || Slice::days(first, last);
    // The second search for observations and those behind it fail: the first day may get through, not all do.
    let broken = FaultRule::new(Fault::Status(500)).path("Observation");
    site.server.set_faults(FaultPlan::default().with(broken));
    let broken = load(&site, directory.path(), slices()).await;
    assert!(
        broken.iter().all(|(_, summary)| !summary.complete),
        "every day has observations"
    );
    site.server.set_faults(FaultPlan::default());
    let whole = load(&site, directory.path(), slices()).await;
    let loaded: Vec<&String> = whole.iter().map(|(name, _)| name).collect();
    assert_eq!(
        loaded,
        names.iter().collect::<Vec<_>>(),
        "what was not complete is loaded again"
    );
    assert!(
        whole
            .iter()
            .all(|(_, summary)| summary.complete && summary.patients > 0)
    );
    assert!(
        load(&site, directory.path(), slices()).await.is_empty(),
        "finished days are not"
    );
    let wards = "SELECT count(*)::text FROM db_log.pids_per_ward_raw";
    assert_eq!(
        site.count(wards).await,
        0,
        "the wards of the past are nobody's wards of today"
    );
    // A longer range only loads the day that is new.
    let longer = Slice::days(first, last.tomorrow().expect("a date"));
    let more = load(&site, directory.path(), longer).await;
    assert_eq!(more.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn encounters_and_identifiers_lead_to_their_patients() {
    let site = Site::open(hospital()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let patients = "SELECT string_agg(DISTINCT pat_id, ',' ORDER BY pat_id) FROM db_log.patient";
    let encounters = Slice::Encounters(vec!["enc-3-0".to_owned(), "enc-4-0".to_owned()]);
    load(&site, directory.path(), vec![encounters]).await;
    assert_eq!(site.value(patients).await.as_deref(), Some("pat-3,pat-4"));

    let encounter = hospital()
        .resources(Format::Json)
        .find(|r| r.kind.name() == "Encounter" && r.id == "enc-7-0")
        .expect("an encounter");
    let text = String::from_utf8(encounter.bytes).expect("UTF-8");
    let behind = text.split(CASE_NUMBER_SYSTEM).nth(1).expect("a case number");
    let value = behind
        .split("\"value\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a value");
    let identifiers = Slice::Identifiers(vec![format!("{CASE_NUMBER_SYSTEM}|{value}")]);
    load(&site, directory.path(), vec![identifiers]).await;
    assert_eq!(site.value(patients).await.as_deref(), Some("pat-3,pat-4,pat-7"));
}
