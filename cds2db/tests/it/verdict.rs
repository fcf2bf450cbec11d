//! "Complete" is said where everything came and is stored, and nowhere else: one test for each way to miss it.

use cds2db::backfill::Slice;
use cds2db::config::{EmptyWards, Wards};
use cds2db::run::{DirectoryOptions, RunDirectory};
use cds2db::ward::{PidList, WardDefinition};
use cds2db::{ErrorKind, Summary, Verdict};
use fixtures::hospital::{CASE_NUMBER_SYSTEM, Hospital};

use crate::backfill::load;
use crate::site::Site;

async fn site() -> Site {
    Site::open(Hospital::new(31, 20)).await
}

fn list(patients: &[&str]) -> Wards {
    let text = format!("ward_name = \"W\"\n{}\n", patients.join("\n"));
    Wards::List(PidList::read(&text).expect("reads").patients)
}

fn nobody() -> Wards {
    let key = "ENCOUNTER_FILTER_PATTERN_1".to_owned();
    let conditions = ["ward_name = 'W'", "location/location/reference = 'no such ward'"];
    let ward = WardDefinition::read_all(&[(key, conditions.map(str::to_owned).to_vec())]);
    Wards::Patterns(ward.expect("a ward"))
}

/// The verdict, the exit code that follows from it, and what is said.
fn assert_said(summary: &Summary, verdict: Verdict, text: &str) {
    let incomplete = summary.incomplete.iter().map(ToString::to_string);
    let said: Vec<String> = summary.remarks.iter().cloned().chain(incomplete).collect();
    assert_eq!(summary.verdict, verdict, "{said:?}");
    assert_eq!(summary.complete, verdict != Verdict::Incomplete);
    assert!(said.iter().any(|line| line.contains(text)), "{text}: {said:?}");
    let shown = cds2db::cli::report(summary);
    assert!(!shown.contains("\nComplete: every search"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_nothing_amiss_is_complete() {
    let mut site = site().await;
    site.settings.wards = list(&["pat-0", "pat-1"]);
    let summary = site.run().await.expect("runs");
    assert_eq!(
        (summary.verdict, summary.complete),
        (Verdict::Complete, true),
        "{summary:#?}"
    );
    assert!(cds2db::cli::report(&summary).contains("\nComplete: every search"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_left_out_by_max_encounter_bundles_are_missing() {
    let mut site = site().await;
    (site.settings.encounters.max_pages, site.settings.server.count) = (Some(1), Some(3));
    let summary = site.run().await.expect("runs");
    assert_said(
        &summary,
        Verdict::Incomplete,
        "MAX_ENCOUNTER_BUNDLES cut it short after 1 pages",
    );
    assert!(summary.tables["patient"].raw_new > 0, "what was seen is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_quarantine_are_not_stored() {
    let mut site = site().await;
    site.settings.wards = list(&["pat-0", "pat-1"]);
    let refuse = "ALTER TABLE core.patient ADD CONSTRAINT refused CHECK (pat_id <> 'pat-1')";
    sqlx::raw_sql(refuse)
        .execute(site.hub.pool())
        .await
        .expect("a constraint");
    let summary = site.run().await.expect("runs");
    assert!(summary.tables["patient"].quarantined > 0, "{summary:#?}");
    assert_said(&summary, Verdict::CompleteWithRemarks, "quarantine");
    // They are there on the next day too, and somebody has to look.
    let next = site.run().await.expect("runs");
    assert_said(&next, Verdict::CompleteWithRemarks, "quarantine");
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_that_were_listed_and_did_not_come_are_counted() {
    let mut site = site().await;
    site.settings.wards = list(&["pat-0", "pat-99998", "pat-99999"]);
    let summary = site.run().await.expect("runs");
    assert_said(
        &summary,
        Verdict::CompleteWithRemarks,
        "2 of 3 patients asked for did not come",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_that_match_nobody_and_empty_lists_are_remarked() {
    let mut site = site().await;
    site.settings.wards = nobody();
    let summary = site
        .run()
        .await
        .expect("a hub without a ward list has none to lose");
    assert_said(
        &summary,
        Verdict::CompleteWithRemarks,
        "the ward patterns match none of",
    );
    site.settings.wards = Wards::List(Vec::new());
    let summary = site.run().await.expect("runs");
    assert_said(
        &summary,
        Verdict::CompleteWithRemarks,
        "the list of patients is empty",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_encounters_for_the_wards_is_remarked() {
    let mut site = site().await;
    site.settings.encounters.location_ids = vec!["no-such-location".to_owned()];
    let summary = site.run().await.expect("runs");
    assert_said(
        &summary,
        Verdict::CompleteWithRemarks,
        "match none of 0 encounters",
    );
}

/// Once, before anything is changed; the next run goes on, and a full day makes the next empty one stop again.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ward_day_stops_once_before_the_case_list_is_emptied() {
    let mut site = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let directory = || RunDirectory::open(folder.path(), DirectoryOptions::default()).expect("opens");
    let full = list(&["pat-0", "pat-1"]);
    let day = async |site: &Site| {
        let directory = directory();
        let summary = site.run_in(&directory).await?;
        directory.finish(&table_description::default_description(), &summary)?;
        Ok::<Summary, cds2db::Error>(summary)
    };
    let listed = "SELECT string_agg(patient_id, ',' ORDER BY patient_id) FROM db2dataprocessor_out.v_pids_per_ward_last_import";
    site.settings.wards = full;
    for _ in 0..2 {
        day(&site).await.expect("runs");
        assert_eq!(site.value(listed).await.as_deref(), Some("pat-0,pat-1"));
        let wards = std::mem::replace(&mut site.settings.wards, nobody());
        let error = day(&site).await.expect_err("stops");
        assert_eq!(error.kind(), ErrorKind::Data);
        let text = error.to_string();
        assert!(
            text.contains("the same command goes on") && text.contains("EMPTY_WARDS"),
            "{text}"
        );
        assert_eq!(
            site.value(listed).await.as_deref(),
            Some("pat-0,pat-1"),
            "nothing was changed"
        );
        let summary = day(&site).await.expect("goes on");
        assert_said(&summary, Verdict::CompleteWithRemarks, "match none of");
        assert_eq!(site.value(listed).await.as_deref(), Some("EMPTY_DATA"));
        // A second empty day has no list to lose.
        day(&site).await.expect("goes on");
        site.settings.wards = wards;
    }
    day(&site).await.expect("runs");
    site.settings.wards = nobody();
    site.settings.empty_wards = EmptyWards::GoOn;
    day(&site).await.expect("never stops where the site says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_list_that_yields_nobody_is_remarked() {
    let site = site().await;
    let loaded = async |slice: Slice| {
        let folder = tempfile::tempdir().expect("a folder");
        load(&site, folder.path(), vec![slice]).await.remove(0).1
    };
    let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let unknown = format!("{CASE_NUMBER_SYSTEM}|no-such-case");
    for (slice, text) in [
        (
            Slice::Encounters(texts(&["enc-none-1", "enc-none-2"])),
            "the list of 2 encounters leads to no patient",
        ),
        (
            Slice::Identifiers(vec![unknown]),
            "the list of 1 identifiers leads to no patient",
        ),
        (
            Slice::Encounters(texts(&["enc-3-0", "enc-none-2"])),
            "the list of 2 encounters leads to 1 encounters only",
        ),
        (
            Slice::Patients(texts(&["pat-0", "pat-99999"])),
            "1 of 2 patients asked for did not come",
        ),
        (
            Slice::Patients(texts(&["pat-99999"])),
            "1 of 1 patients asked for did not come",
        ),
    ] {
        assert_said(&loaded(slice).await, Verdict::CompleteWithRemarks, text);
    }
}
