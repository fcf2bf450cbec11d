//! Exports as jobs: accepted, polled, fetched, cancelled.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Answer, Running, start};

fn export(server: &Running, names: &[&str]) -> Answer {
    let subject = |name: &&str| {
        json!({"name": "subject", "part": [{"name": "name", "valueString": name},
            {"name": "subjectCanonical", "valueCanonical": "http://x/ViewDefinition/patients"}]})
    };
    let mut parameters: Vec<Value> = names.iter().map(subject).collect();
    parameters.push(json!({"name": "_format", "valueCode": "csv"}));
    parameters.push(json!({"name": "clientTrackingId", "valueString": "mine"}));
    server.post("/$sql-export", "Prefer: respond-async\r\n", parameters.into())
}

#[test]
fn an_export_is_accepted_polled_and_fetched() {
    let server = start(Duration::ZERO);
    let accepted = export(&server, &["one", "two"]);
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let status = server.path(accepted.header("content-location").expect("a place"));
    let until = Instant::now() + Duration::from_secs(30);
    let done = loop {
        let answer = server.get(&status);
        if answer.status != 202 {
            break answer;
        }
        assert!(answer.header("retry-after").is_some() && answer.header("x-progress").is_some());
        assert!(Instant::now() < until, "the job never ends");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(done.status, 303, "{}", done.body);
    let manifest = server
        .get(&server.path(done.header("location").expect("a place")))
        .json();
    let of = |name: &str| {
        manifest["parameter"]
            .as_array()
            .expect("parameters")
            .iter()
            .filter(|p| p["name"] == name)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of("status")[0]["valueCode"], "completed");
    assert_eq!(of("clientTrackingId")[0]["valueString"], "mine");
    let outputs = of("output");
    assert_eq!(outputs.len(), 2);
    for (output, name) in outputs.iter().zip(["one", "two"]) {
        assert_eq!(output["part"][0]["valueString"], name);
        let place = server.path(output["part"][1]["valueUri"].as_str().expect("a place"));
        let file = server.get(&place);
        assert_eq!(
            (file.status, file.body.lines().count()),
            (200, 6),
            "{}",
            file.body
        );
    }
    assert_eq!(export(&server, &["one", "ONE"]).status, 400);
    assert_eq!(server.ask("DELETE", &status, "", "").status, 202);
    assert_eq!(server.get(&status).status, 404);
}

#[test]
fn a_job_is_cancelled_while_it_works() {
    let server = start(Duration::from_millis(300));
    let accepted = export(&server, &["slow"]);
    let status = server.path(accepted.header("content-location").expect("a place"));
    assert_eq!(server.get(&status).status, 202);
    let running = |prefix: &str| {
        let folders = std::fs::read_dir(std::env::temp_dir()).expect("a folder");
        folders
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .count()
    };
    let before = running("sql-export-");
    assert_eq!(server.ask("DELETE", &status, "", "").status, 202);
    assert_eq!(server.get(&status).status, 404);
    assert!(running("sql-export-") < before, "its files are removed");
}
