//! What the original's chain handed on, a run with a site's unchanged configuration hands on too: no value of the source, however
//! odd, keeps typed rows or the ward list back.

use std::sync::{Arc, Mutex};

use cds2db::run::{DirectoryOptions, RunDirectory};
use cds2db::{Summary, Verdict};
use fhir_crack::search::{Client, ClientOptions};
use fixtures::hospital::Hospital;
use serde_json::{Value, json};
use table_description::default_description;

use crate::site::Site;
use crate::wire::Wire;

/// Changes a resource of the server's, given how many were changed before; whether it did.
type Change = fn(&mut Value, u32) -> bool;

/// Leukocyte counts of a haematology ward.
const COUNTS: u32 = 30;

fn open_end(resource: &mut Value, _: u32) -> bool {
    let is_consent = resource["resourceType"] == "Consent";
    if is_consent {
        resource["provision"]["period"]["end"] = json!("9999-12-31");
    }
    is_consent
}

fn one_early_date(resource: &mut Value, before: u32) -> bool {
    let is_first = resource["resourceType"] == "Condition" && before == 0;
    if is_first {
        resource["recordedDate"] = json!("0001-01-01");
    }
    is_first
}

fn low_counts(resource: &mut Value, before: u32) -> bool {
    let is_count =
        resource["resourceType"] == "Observation" && resource["valueQuantity"].is_object() && before < COUNTS;
    if is_count {
        resource["code"] = json!({"coding": [{"system": "http://loinc.org", "code": "6690-2"}]});
        resource["valueQuantity"] = json!({
            "value": f64::from(11 + before % 21) / 10.0, "unit": "G/l", "system": "http://unitsofmeasure.org", "code": "10*9/L",
        });
    }
    is_count
}

async fn run_with(change: Change) -> (Site, Summary, u32) {
    let site = Site::open(Hospital::new(45, 24)).await;
    // Resources come several times; each is changed as it was the first time.
    let changed: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
    let of_wire = Arc::clone(&changed);
    let wire = Wire::start(site.server.address(), move |_, answer| {
        let Ok(mut page) = serde_json::from_slice::<Value>(&answer.body) else {
            return answer;
        };
        let Some(entries) = page["entry"].as_array_mut() else {
            return answer;
        };
        let mut changed = of_wire.lock().expect("one at a time");
        for entry in entries {
            let resource = &mut entry["resource"];
            let name = format!("{}/{}", resource["resourceType"], resource["id"]);
            let known = changed.iter().find(|(known, _)| *known == name);
            let before = known.map_or(changed.len() as u32, |(_, before)| *before);
            if change(resource, before) && known.is_none() {
                changed.push((name, before));
            }
        }
        answer.with(serde_json::to_vec(&page).expect("JSON"))
    });
    let base = tempfile::tempdir().expect("directory");
    let options = DirectoryOptions {
        fresh: true,
        ..DirectoryOptions::default()
    };
    let directory = RunDirectory::open(base.path(), options).expect("opens");
    let client = Client::new(ClientOptions::new(&wire.base()).expect("a base URL")).expect("a client");
    let summary = site.run_at(&directory, &client).await.expect("is handed on");
    let changed = changed.lock().expect("one at a time").len() as u32;
    (site, summary, changed)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_values_end_with_typed_rows_ward_list_and_remarks() {
    let plain = Site::open(Hospital::new(45, 24)).await;
    plain.run().await.expect("runs");
    let (mut remarked, mut rows) = (0, 0);
    for (what, change, least) in [
        ("open ends of consents", open_end as Change, 5),
        ("a date of the year 1", one_early_date, 1),
        ("low leukocyte counts", low_counts, COUNTS),
    ] {
        let (site, summary, changed) = run_with(change).await;
        assert!(changed >= least, "{what}: {changed}");
        assert!(
            matches!(summary.verdict, Verdict::Complete | Verdict::CompleteWithRemarks),
            "{what}: {:?} {:?}",
            summary.verdict,
            summary.incomplete
        );
        for table in &default_description().tables {
            let name = &table.name;
            let waits = format!("SELECT count(*)::text FROM cds2db_out.v_{name}_raw_diff");
            assert_eq!(site.count(&waits).await, 0, "{what}: {name} waits");
            let raw = format!("SELECT count(*)::text FROM db_log.{name}_raw");
            let typed = format!("SELECT count(DISTINCT {name}_raw_id)::text FROM db_log.{name}");
            let (raw, typed) = (site.count(&raw).await, site.count(&typed).await);
            // Raw rows that melt to the same typed row share it.
            assert!(
                raw == 0 || typed > 0,
                "{what}: {name}: {typed} of {raw} raw rows are typed"
            );
            let counted = format!("SELECT count(*)::text FROM db_log.{name}_raw");
            assert_eq!(raw, plain.count(&counted).await, "{what}: {name}");
            rows += typed;
        }
        let listed = "SELECT count(*)::text FROM db2dataprocessor_out.v_pids_per_ward_last_import";
        assert_eq!(site.count(listed).await, plain.count(listed).await, "{what}");
        println!(
            "{what}: {changed} changed, {:?}, {:?}",
            summary.verdict, summary.remarks
        );
        remarked += usize::from(!summary.remarks.is_empty());
    }
    assert!(remarked > 0 && rows > 0);
}
