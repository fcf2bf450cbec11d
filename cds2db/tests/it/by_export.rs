//! A bulk export in place of the patients' searches ends in the same hub.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cds2db::Summary;
use cds2db::config::ExportOf;
use cds2db::run::{DirectoryOptions, RunDirectory};
use fhir_crack::search::{Client, ClientOptions, RetryPolicy};
use fixtures::hospital::Hospital;

use crate::site::Site;
use crate::wire::{Answer, Asked, Wire};

fn hospital(day: u32) -> Hospital {
    Hospital::new(47, 12).with_churn(300).with_density(40).at(day)
}

fn client(base: &str) -> Client {
    let retry = RetryPolicy {
        attempts: 1,
        ..RetryPolicy::default()
    };
    Client::new(ClientOptions::new(base).expect("a base URL").retry(retry)).expect("a client")
}

/// A site that loads by an export, and what its server was asked.
struct Exporting {
    site: Site,
    wire: Wire,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Exporting {
    async fn open(of: ExportOf, change: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static) -> Self {
        let mut site = Site::open(hospital(0)).await;
        site.settings.server.export = Some(of);
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let wire = Wire::start(site.server.address(), move |asked, answer| {
            heard.lock().expect("lock").push(asked.clone());
            change(asked, answer)
        });
        Self { site, wire, asked }
    }

    async fn run(&self) -> Summary {
        self.asked.lock().expect("lock").clear();
        let directory = tempfile::tempdir().expect("directory");
        let options = DirectoryOptions {
            fresh: true,
            ..DirectoryOptions::default()
        };
        let kept = RunDirectory::open(directory.path(), options).expect("opens");
        let summary = self
            .site
            .run_at(&kept, &client(&self.wire.base()))
            .await
            .expect("runs");
        assert!(
            !kept.layout().root().join("export").exists(),
            "what the export brought is removed"
        );
        summary
    }

    /// The searches of a type for lists of patients, and whether they asked for what has changed.
    fn searches(&self, resource: &str) -> Vec<bool> {
        let asked = self.asked.lock().expect("lock");
        let texts = asked.iter().map(Asked::text);
        let of_type = texts.filter(|text| {
            (text.contains(&format!("/{resource}?")) || text.contains(&format!("/{resource}/_search")))
                && (text.contains("patient=") || text.contains("_id="))
        });
        of_type.map(|text| text.contains("_lastUpdated")).collect()
    }

    /// Whether files of an export were asked for.
    fn has_files(&self) -> bool {
        let asked = self.asked.lock().expect("lock");
        asked.iter().any(|asked| asked.target.contains("export-file"))
    }

    fn kick_offs(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("lock");
        let texts = asked.iter().map(Asked::text);
        texts
            .filter(|text| text.contains("$export?") || text.contains("%24export?"))
            .collect()
    }
}

fn as_it_is(_: &Asked, answer: Answer) -> Answer {
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_searches_end_in_the_same_hub() {
    let mut twin = Site::open(hospital(0)).await;
    for of in [ExportOf::Patients, ExportOf::Group("all".to_owned())] {
        let place = match &of {
            ExportOf::Patients => "/Patient/",
            ExportOf::Group(_) => "/Group/all/",
        };
        let mut exporting = Exporting::open(of, as_it_is).await;
        for day in 0..3 {
            let today = hospital(day);
            for site in [&mut twin, &mut exporting.site] {
                site.settings.now = Some(today.timestamp());
                site.server.set_store(today.clone());
            }
            let searched = twin.run().await.expect("runs");
            let exported = exporting.run().await;
            assert_eq!(exported.complete, searched.complete, "{:?}", exported.incomplete);
            assert!(
                !exported.remarks.iter().any(|r| r.contains("export")),
                "{:?}",
                exported.remarks
            );
            let note = "a bulk export brought";
            assert!(
                exported.notes.iter().any(|n| n.contains(note)),
                "{:?}",
                exported.notes
            );
            assert_eq!(
                twin.content().await,
                exporting.site.content().await,
                "{place} on day {day}"
            );
            let kicked = exporting.kick_offs();
            assert_eq!(kicked.len(), 1, "{kicked:?}");
            assert!(kicked[0].contains(place), "{kicked:?}");
            // What has changed is exported, and what is new to us is searched.
            assert_eq!(kicked[0].contains("_since="), day > 0, "{kicked:?}");
            let searches = exporting.searches("Observation");
            assert!(searches.iter().all(|since| !since), "{searches:?}");
            assert_eq!(searches.is_empty(), day == 0, "{searches:?}");
        }
        twin = Site::open(hospital(0)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_exports_is_searched_and_that_is_said() {
    let twin = Site::open(hospital(0)).await;
    twin.run().await.expect("runs");
    let refuse = |asked: &Asked, mut answer: Answer| {
        if asked.target.contains("export") {
            answer.status = 501;
            return answer.with("{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"not-supported\"}]}");
        }
        answer
    };
    let exporting = Exporting::open(ExportOf::Patients, refuse).await;
    let summary = exporting.run().await;
    let said = "the bulk export could not be used, and the server was searched instead";
    assert!(
        summary.remarks.iter().any(|r| r.starts_with(said)),
        "{:?}",
        summary.remarks
    );
    assert!(summary.complete, "{:?}", summary.incomplete);
    assert_eq!(twin.content().await, exporting.site.content().await);
}

/// Another server's patient may have the id of ours; only a search tells whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_type_with_resources_that_do_not_say_whose_they_are_is_searched() {
    let twin = Site::open(hospital(0)).await;
    twin.run().await.expect("runs");
    let elsewhere = |asked: &Asked, answer: Answer| {
        let text = answer.text();
        if asked.target.contains("export-file") && text.contains("\"resourceType\":\"Condition\"") {
            let renamed = text.replace(
                "\"reference\":\"Patient/",
                "\"reference\":\"http://old.example/fhir/Patient/",
            );
            assert_ne!(text, renamed, "a Condition names its patient");
            return answer.with(renamed);
        }
        answer
    };
    let exporting = Exporting::open(ExportOf::Patients, elsewhere).await;
    let summary = exporting.run().await;
    assert!(
        summary
            .notes
            .iter()
            .any(|n| n.starts_with("Condition: the export has some that do not say whose they are")),
        "{:?}",
        summary.notes
    );
    assert!(!exporting.searches("Condition").is_empty());
    assert!(exporting.searches("Observation").is_empty());
    assert_eq!(twin.content().await, exporting.site.content().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_breaks_off_amid_an_export_goes_on_and_ends_as_an_undisturbed_one() {
    let twin = Site::open(hospital(0)).await;
    twin.run().await.expect("runs");
    // In the end the server has exports, or has none any more.
    for ends_without in [false, true] {
        let without = Arc::new(AtomicBool::new(false));
        let refuses = Arc::clone(&without);
        let change = move |asked: &Asked, mut answer: Answer| {
            if asked.target.contains("export") && refuses.load(Ordering::SeqCst) {
                answer.status = 501;
            }
            answer
        };
        let exporting = Exporting::open(ExportOf::Patients, change).await;
        let directory = tempfile::tempdir().expect("directory");
        let mut broken_off = 0;
        for milliseconds in (50..).step_by(150) {
            without.store(ends_without && exporting.has_files(), Ordering::SeqCst);
            let kept = open_when_free(directory.path()).await;
            let client = client(&exporting.wire.base());
            let run = exporting.site.run_at(&kept, &client);
            match tokio::time::timeout(Duration::from_millis(milliseconds), run).await {
                Ok(summary) => {
                    let summary = summary.expect("runs");
                    assert!(summary.complete, "{:?}", summary.incomplete);
                    break;
                }
                Err(_) => broken_off += 1,
            }
        }
        assert!(broken_off > 2, "{broken_off}: too early or too late");
        assert_eq!(twin.content().await, exporting.site.content().await);
    }
}

/// Opens the directory once the run before has written what it was writing.
async fn open_when_free(directory: &Path) -> RunDirectory {
    loop {
        match RunDirectory::open(directory, DirectoryOptions::default()) {
            Ok(kept) => return kept,
            Err(error) => assert!(error.to_string().contains("runs"), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
