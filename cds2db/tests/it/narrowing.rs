//! What is asked for and what is left out: filters, age, deletions, and what waits.

use cds2db::config::{Deletions, ResourceFilter, Wards};
use cds2db::ward::{PidList, WardPatient};
use fixtures::hospital::Hospital;
use fixtures::server::{Fault, FaultPlan, FaultRule};

use crate::site::Site;

fn hospital() -> Hospital {
    Hospital::new(17, 12)
}

fn list(patients: &[&str]) -> Wards {
    let patient = |id: &&str| WardPatient {
        patient_id: (*id).to_owned(),
        encounter_id: String::new(),
        ward_name: "W".to_owned(),
    };
    Wards::List(patients.iter().map(patient).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_resources_out_and_a_wider_one_loads_the_rest() {
    let mut site = Site::open(hospital()).await;
    site.settings.wards = list(&["pat-0", "pat-1", "pat-2", "pat-3"]);
    site.settings.now = Some(hospital().timestamp());
    let filter = ResourceFilter {
        window_days: Some(3),
        categories: vec!["laboratory".to_owned()],
        codes: Vec::new(),
    };
    site.settings.filters.insert("Observation".to_owned(), filter);
    let narrow = site.run().await.expect("runs");
    let stored = "SELECT count(DISTINCT obs_id)::text FROM db_log.observation";
    let few = site.count(stored).await;
    let other = "SELECT count(*)::text FROM db_log.observation WHERE obs_id NOT IN \
                 (SELECT obs_id FROM db_log.observation WHERE obs_category_code = 'laboratory')";
    assert_eq!(site.count(other).await, 0, "only the category");
    let wide = Site::open(hospital()).await;
    let mut wide = wide;
    wide.settings.wards = list(&["pat-0", "pat-1", "pat-2", "pat-3"]);
    wide.run().await.expect("runs");
    let all = wide.count(stored).await;
    assert!(few < all, "{few} of {all}");
    assert!(
        narrow.tables["condition"].raw_new > 0,
        "other types are not narrowed"
    );
    site.settings.filters.clear();
    site.run().await.expect("runs");
    assert_eq!(
        site.count(stored).await,
        all,
        "nothing is hidden behind a watermark of the filter"
    );
    assert_eq!(site.content().await.len(), wide.content().await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_young_are_left_out_unless_the_hub_knows_them() {
    let mut site = Site::open(hospital()).await;
    let everybody: Vec<String> = (0..12).map(|n| format!("pat-{n}")).collect();
    let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
    site.settings.wards = list(&everybody);
    site.settings.min_patient_age = 60;
    let first = site.run().await.expect("runs");
    assert!(
        first.patients > 0 && first.patients < 12,
        "{} of 12",
        first.patients
    );
    // Four digits of the first contact's year less sixty, compared plainly.
    let too_young = "SELECT count(*)::text FROM db_log.patient p WHERE p.pat_birthdate + interval '60 years' > \
                     (SELECT min(e.enc_period_start) FROM db_log.encounter e WHERE e.enc_patient_ref = 'Patient/' || p.pat_id)";
    assert_eq!(site.count(too_young).await, 0);
    let wards = "SELECT count(*)::text FROM db_log.pids_per_ward";
    assert_eq!(
        site.count(wards).await,
        first.patients,
        "the wards hold only those kept"
    );
    site.settings.min_patient_age = 150;
    let second = site.run().await.expect("runs");
    assert_eq!(second.patients, first.patients, "those in the hub stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_marked_and_what_returns_is_not() {
    for how in [Deletions::Ids, Deletions::History, Deletions::Export] {
        let hospital = Hospital::new(23, 8).with_churn(400);
        let later = hospital.clone().at(9);
        let mut site = Site::open(hospital.clone()).await;
        let everybody: Vec<String> = (0..8).map(|n| format!("pat-{n}")).collect();
        let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
        site.settings.wards = list(&everybody);
        site.settings.now = Some(hospital.timestamp());
        site.run().await.expect("runs");
        let rows = "SELECT count(*)::text FROM db_log.observation_raw";
        let before = site.count(rows).await;
        site.server.set_store(later.clone());
        site.settings.now = Some(later.timestamp());
        let marked = "SELECT count(*)::text FROM db2dataprocessor_out.v_deleted_resource";
        site.run().await.expect("runs");
        assert_eq!(site.count(marked).await, 0, "off by default");
        site.settings.deletions = how;
        let summary = site.run().await.expect("runs");
        assert!(summary.complete, "{how:?}: {:?}", summary.incomplete);
        let gone = site.count(marked).await;
        assert!(
            gone > 0 && gone == summary.deleted.values().sum::<u64>(),
            "{how:?}: {gone}"
        );
        assert!(site.count(rows).await >= before, "{how:?}: nothing is removed");
        let again = site.run().await.expect("runs");
        assert!(again.deleted.is_empty(), "{how:?}: marked once");
        // The server has them again, as of a later moment.
        site.server
            .set_store(hospital.with_change(8, Some(later.timestamp())));
        site.settings.deletions = Deletions::Off;
        site.settings.debug.ignore_last_update = true;
        site.run().await.expect("runs");
        assert_eq!(
            site.count(marked).await,
            0,
            "{how:?}: what returned is marked no more"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_encounters_wait_until_these_are_complete() {
    let mut site = Site::open(hospital()).await;
    site.settings.wards = Wards::List(
        PidList::read("ward_name = 'W'\npat-0\npat-1\npat-2\n")
            .expect("reads")
            .patients,
    );
    let broken = FaultRule::new(Fault::Status(500)).path("Encounter");
    site.server.set_faults(FaultPlan::default().with(broken));
    let first = site.run().await.expect("the run itself goes on");
    assert!(!first.complete);
    assert!(
        site.count("SELECT count(*)::text FROM cds2db_out.v_observation_raw_diff")
            .await
            > 0
    );
    assert_eq!(
        site.count("SELECT count(*)::text FROM db_log.observation").await,
        0
    );
    assert!(
        site.count("SELECT count(*)::text FROM db_log.patient").await > 0,
        "others are typed"
    );
    site.server.set_faults(FaultPlan::default());
    assert!(site.run().await.expect("runs").complete);
    let mut whole = Site::open(hospital()).await;
    whole.settings.wards = list(&["pat-0", "pat-1", "pat-2"]);
    whole.run().await.expect("runs");
    let references = "SELECT md5(string_agg(obs_id || obs_encounter_calculated_ref, ',' ORDER BY obs_id, obs_encounter_calculated_ref)) \
                      FROM db_log.observation";
    assert_eq!(site.value(references).await, whole.value(references).await);
    assert_eq!(site.content().await, whole.content().await);
}

/// An encounter that comes later gives those their reference that said `invalid` before.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_said_invalid_is_worked_out_again() {
    let mut site = Site::open(hospital()).await;
    site.settings.wards = list(&["pat-0", "pat-1"]);
    site.settings
        .debug
        .add_search
        .insert("ENCOUNTER".to_owned(), String::new());
    site.run().await.expect("runs");
    let count = |what: &str| {
        format!("SELECT count(*)::text FROM db_log.observation WHERE obs_encounter_calculated_ref {what}")
    };
    let invalid = site.count(&count("= 'invalid'")).await;
    assert!(
        invalid > 0 && site.count(&count("<> 'invalid'")).await == 0,
        "no encounter is known"
    );
    site.settings.debug.add_search.clear();
    let second = site.run().await.expect("runs");
    assert!(
        second.notes.iter().any(|n| n.contains("have an encounter now")),
        "{:?}",
        second.notes
    );
    // Every one of them, and as a run that knew the encounters from the start works them out.
    let mut whole = Site::open(hospital()).await;
    whole.settings.wards = list(&["pat-0", "pat-1"]);
    whole.run().await.expect("runs");
    let references = "SELECT obs_id || ' ' || string_agg(DISTINCT coalesce(obs_encounter_calculated_ref, '-'), ',') \
                      FROM db_log.observation GROUP BY obs_id ORDER BY 1";
    let of = async |site: &Site| crate::select::select(&site.hub, references).await;
    let (mended, right) = (of(&site).await, of(&whole).await);
    assert_eq!(mended, right);
    let found = |rows: &[Vec<Option<String>>]| {
        let lines = rows.iter().flatten().flatten();
        lines.filter(|line| line.contains(" Encounter/")).count()
    };
    assert!(found(&right) > 5, "{right:?}");
}

/// His case ended in the very run that broke off, so nothing else would bring him back.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_whose_search_broke_off_is_asked_for_again_though_his_case_has_ended() {
    let mut site = Site::open(hospital()).await;
    site.settings.wards = list(&["pat-0", "pat-1"]);
    let broken = FaultRule::new(Fault::Status(500)).path("Observation");
    site.server.set_faults(FaultPlan::default().with(broken));
    assert!(!site.run().await.expect("the run itself goes on").complete);
    site.server.set_faults(FaultPlan::default());
    let discharge = "UPDATE core.encounter SET enc_status = 'finished'";
    sqlx::raw_sql(discharge)
        .execute(site.hub.pool())
        .await
        .expect("discharges");
    site.settings.wards = list(&[]);
    site.settings.empty_wards = cds2db::config::EmptyWards::GoOn;
    let second = site.run().await.expect("runs");
    assert_eq!((second.ward_patients, second.patients), (0, 2));
    assert!(second.tables["observation"].raw_new > 0);
    let third = site.run().await.expect("runs");
    assert_eq!(third.patients, 0, "now nothing is missing any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referenced_resource_asked_for_in_vain_is_asked_for_again() {
    let mut site = Site::open(hospital()).await;
    site.settings.wards = list(&["pat-0", "pat-1", "pat-2"]);
    let broken = FaultRule::new(Fault::Status(500)).path("Medication/");
    site.server.set_faults(FaultPlan::default().with(broken));
    assert!(!site.run().await.expect("the run itself goes on").complete);
    let stored = "SELECT count(*)::text FROM db_log.medication_raw";
    assert_eq!(site.count(stored).await, 0);
    site.server.set_faults(FaultPlan::default());
    // Nobody refers to it in what this run brings: everybody has gone.
    let discharge = "UPDATE core.encounter SET enc_status = 'finished'";
    sqlx::raw_sql(discharge)
        .execute(site.hub.pool())
        .await
        .expect("discharges");
    site.settings.wards = list(&[]);
    site.settings.empty_wards = cds2db::config::EmptyWards::GoOn;
    let second = site.run().await.expect("runs");
    assert!(second.complete && second.patients == 0);
    assert!(site.count(stored).await > 0);
}
