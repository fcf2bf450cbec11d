//! Runs of the library against a real server and a real hub.

use std::collections::BTreeSet;

use cds2db::config::{EmptyWards, Wards};
use cds2db::ward::PidList;
use cds2db::{ErrorKind, TableSummary};
use fixtures::hospital::Hospital;
use fixtures::server::{Fault, FaultPlan, FaultRule, Server, ServerOptions};
use fixtures::{Format, MemoryStore};

use crate::site::Site;

fn hospital() -> Hospital {
    Hospital::new(11, 30)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_asks_only_for_what_changed() {
    let site = Site::open(hospital()).await;
    let first = site.run().await.expect("runs");
    assert!(first.complete && first.ward_patients > 0, "{first:?}");
    assert!(
        first.tables.values().all(TableSummary::is_accounted_for),
        "{first:?}"
    );
    site.server.clear_log();
    let second = site.run().await.expect("runs");
    let log = site.server.request_log();
    let asks = |name: &str| log.iter().filter(|l| l.path.contains(name)).collect::<Vec<_>>();
    let since = |l: &&fixtures::server::Logged| {
        l.body.contains("_lastUpdated=gt") || l.query.contains("_lastUpdated=gt")
    };
    assert!(!asks("Observation").is_empty() && asks("Observation").iter().all(since));
    assert!(
        !asks("/Patient").iter().any(since),
        "Patient itself is always loaded"
    );
    assert_eq!(second.tables["patient"].raw_seen, first.tables["patient"].raw_new);
    assert_eq!(second.tables.values().map(|t| t.raw_new).sum::<u64>(), 0);
    let loaded: u64 = second
        .tables
        .iter()
        .filter(|(name, _)| *name == "observation")
        .map(|(_, t)| t.downloaded)
        .sum();
    assert_eq!(loaded, 0, "nothing has changed since");
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_15_a_broken_search_keeps_its_watermark_and_the_next_run_fetches_the_rest() {
    let site = Site::open(hospital()).await;
    let broken = FaultRule::new(Fault::Status(500)).path("Observation").page(2);
    site.server.set_faults(FaultPlan::default().with(broken));
    let first = site.run().await.expect("the run itself goes on");
    assert!(!first.complete);
    assert!(
        first.incomplete.iter().all(|line| line.resource == "Observation"),
        "{:?}",
        first.incomplete
    );
    let marks = site
        .count("SELECT count(*)::text FROM core.watermark WHERE resource = 'Condition'")
        .await;
    assert!(marks > 0);
    site.server.set_faults(FaultPlan::default());
    let second = site.run().await.expect("runs");
    assert!(second.complete, "{:?}", second.incomplete);
    let whole = Site::open(hospital()).await;
    whole.run().await.expect("runs");
    assert_eq!(site.content().await, whole.content().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_cannot_be_read_costs_only_itself() {
    let mut site = Site::open(hospital()).await;
    let mut store = MemoryStore::new();
    let deep = format!("{}{}", "[".repeat(160), "]".repeat(160));
    for (id, coding) in [("o1", "[]"), ("o2", &deep), ("o3", "[]")] {
        let code = format!(r#"{{"coding":{coding},"text":"t"}}"#);
        let text = format!(
            r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/p1"}},"code":{code}}}"#
        );
        assert!(store.insert(text.as_bytes(), Format::Json));
    }
    let patient = br#"{"resourceType":"Patient","id":"p1","gender":"other"}"#;
    assert!(store.insert(patient, Format::Json));
    site.server = Server::start(store, ServerOptions::default()).expect("a FHIR server");
    site.settings.server.count = Some(1);
    let list = PidList::read("ward_name = \"W\"\np1\n").expect("reads");
    site.settings.wards = Wards::List(list.patients);

    let summary = site.run().await.expect("the run goes on");
    // Kept with its place and asked for again, as its search keeps its watermark; the rest is handed on.
    assert!(summary.complete && !summary.remarks.is_empty(), "{summary:?}");
    let left_out = &summary.tables["observation"].left_out;
    assert_eq!(left_out.values().sum::<u64>(), 1, "{summary:?}");
    assert!(left_out.keys().all(|why| why.contains("unread")), "{summary:?}");
    assert_eq!(summary.tables["observation"].raw_new, 2, "{summary:?}");
    assert_eq!(summary.tables["patient"].raw_new, 1);
    let marks = "SELECT string_agg(DISTINCT resource, ',') FROM core.watermark";
    let marks = site.value(marks).await.unwrap_or_default();
    assert!(
        marks.contains("Patient") && !marks.contains("Observation"),
        "{marks}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_search_for_wards_stops_the_run_before_anything_is_written() {
    let site = Site::open(hospital()).await;
    let broken = FaultRule::new(Fault::Status(500)).path("Encounter");
    site.server.set_faults(FaultPlan::default().with(broken));
    let error = site.run().await.expect_err("nobody knows who is missing");
    assert_eq!(error.kind(), ErrorKind::Search);
    assert_eq!(
        site.count("SELECT count(*)::text FROM db_log.pids_per_ward_raw")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_14_an_empty_day_refreshes_running_cases_and_is_recorded() {
    let mut site = Site::open(hospital()).await;
    let first = site.run().await.expect("runs");
    site.settings.encounters.location_ids = vec!["no-such-location".to_owned()];
    site.settings.empty_wards = EmptyWards::GoOn;
    let second = site.run().await.expect("runs");
    assert_eq!(second.ward_patients, 0);
    assert_eq!(
        second.patients, first.patients,
        "every case once seen on a ward is followed to its end"
    );
    assert_eq!(second.tables["patient"].raw_seen, first.tables["patient"].raw_new);
    let sql = "SELECT patient_id FROM db2dataprocessor_out.v_pids_per_ward_last_import";
    assert_eq!(site.value(sql).await.as_deref(), Some("EMPTY_DATA"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_28_a_text_file_replaces_the_patterns() {
    let mut site = Site::open(hospital()).await;
    let list = PidList::read("ward_name = \"W\"\nPatient/pat-1\npat-2\n").expect("reads");
    site.settings.wards = Wards::List(list.patients);
    let summary = site.run().await.expect("runs");
    assert_eq!((summary.ward_patients, summary.patients), (2, 2));
    assert_eq!(summary.tables["patient"].raw_new, 2);
    let asked_for_wards =
        |l: &fixtures::server::Logged| l.path.ends_with("/Encounter") && l.query.contains("date=lt");
    assert!(!site.server.request_log().iter().any(asked_for_wards));
}

#[tokio::test(flavor = "multi_thread")]
async fn referenced_resources_are_loaded_once_and_to_any_depth() {
    let site = Site::open(hospital()).await;
    site.run().await.expect("runs");
    let missing = |column: &str, table: &str, target: &str, prefix: &str| {
        format!(
            "SELECT count(*)::text FROM db_log.{table} t WHERE t.{column} LIKE '{target}/%' AND NOT EXISTS \
             (SELECT 1 FROM db_log.{low} x WHERE x.{prefix}_id = split_part(t.{column}, '/', 2))",
            low = target.to_lowercase()
        )
    };
    let cases = [
        missing("enc_location_ref", "encounter", "Location", "loc"),
        missing(
            "medreq_medicationreference_ref",
            "medicationrequest",
            "Medication",
            "med",
        ),
        missing(
            "med_ingredient_itemreference_ref",
            "medication",
            "Medication",
            "med",
        ),
    ];
    for sql in cases {
        assert_eq!(site.count(&sql).await, 0, "{sql}");
    }
    let mut asked = BTreeSet::new();
    for request in site
        .server
        .request_log()
        .iter()
        .filter(|l| l.path.contains("/Location"))
    {
        for id in request
            .body
            .split('&')
            .filter_map(|p| p.strip_prefix("_id="))
            .flat_map(|ids| ids.split(','))
        {
            assert!(
                asked.insert(id.to_owned()) || request.body.contains("page"),
                "a Location was asked for twice"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encounters_and_others_get_their_main_encounter() {
    let site = Site::open(hospital()).await;
    site.run().await.expect("runs");
    let sql = "SELECT count(*)::text FROM db_log.encounter WHERE enc_type_code = 'einrichtungskontakt' \
               AND enc_main_encounter_calculated_ref IS DISTINCT FROM 'Encounter/' || enc_id";
    assert_eq!(site.count(sql).await, 0);
    for (table, column) in [
        ("observation", "obs"),
        ("condition", "con"),
        ("medicationrequest", "medreq"),
    ] {
        let sql = format!(
            "SELECT count(*)::text FROM db_log.{table} WHERE {column}_encounter_calculated_ref IS NULL"
        );
        assert_eq!(site.count(&sql).await, 0, "{table}");
        let sql = format!(
            "SELECT count(*)::text FROM db_log.{table} WHERE {column}_encounter_calculated_ref LIKE 'Encounter/%'"
        );
        assert!(site.count(&sql).await > 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_hospital_keep_every_version() {
    let mut site = Site::open(hospital()).await;
    // The story's days lie in the past, before any watermark.
    site.settings.debug.ignore_last_update = true;
    for day in 0..3 {
        site.server.set_store(hospital().at(day));
        let summary = site.run().await.expect("runs");
        assert!(summary.complete, "day {day}: {:?}", summary.incomplete);
    }
    let versions = "SELECT count(*)::text FROM (SELECT pat_id FROM db_log.patient_raw GROUP BY pat_id HAVING count(*) > 1) x";
    let encounters = "SELECT count(*)::text FROM (SELECT enc_id FROM db_log.encounter_raw GROUP BY enc_id HAVING count(*) > 1) x";
    assert!(
        site.count(versions).await + site.count(encounters).await > 0,
        "three days change something"
    );
    let waiting = "SELECT count(*)::text FROM cds2db_out.v_encounter_raw_diff";
    assert_eq!(site.count(waiting).await, 0, "nothing waits for typing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_loads_slices_once_and_single_types_leave_the_watermarks() {
    use cds2db::backfill::{Backfill, Place, Slice};
    use cds2db::progress::Silent;

    let site = Site::open(hospital()).await;
    let directory = tempfile::tempdir().expect("directory");
    let description = table_description::default_description();
    let client = site.client();
    let place = Place {
        settings: &site.settings,
        description: &description,
        client: &client,
        hub: &site.hub,
        progress: &Silent,
        directory: directory.path(),
    };
    let patients = Slice::Patients(vec!["Patient/pat-3".to_owned(), "pat-4".to_owned()]);
    let single = Backfill {
        slices: vec![patients.clone()],
        resources: vec!["Condition".to_owned()],
    };
    let loaded = single.run(place).await.expect("runs");
    assert_eq!(loaded.len(), 1);
    assert_eq!(loaded[0].1.tables.keys().collect::<Vec<_>>(), ["condition"]);
    assert_eq!(site.count("SELECT count(*)::text FROM core.watermark").await, 0);
    let whole = Backfill {
        slices: vec![patients],
        resources: Vec::new(),
    };
    assert_eq!(
        whole.run(place).await.expect("runs")[0].1.tables["patient"].raw_new,
        2
    );
    assert!(site.count("SELECT count(*)::text FROM core.watermark").await > 0);
    assert!(
        whole.run(place).await.expect("runs").is_empty(),
        "finished slices are not loaded again"
    );
    assert_eq!(
        site.count("SELECT count(*)::text FROM db_log.pids_per_ward_raw")
            .await,
        0
    );
}
