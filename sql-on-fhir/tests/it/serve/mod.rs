//! `$sql-run` and `$sql-export` over HTTP, asked as a client asks.

mod exports;
mod server;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use server::{Answer, start, start_with, view};

const CANONICAL: &str = "/$sql-run?subjectCanonical=http%3A%2F%2Fx%2FViewDefinition%2Fpatients";

#[test]
fn a_view_is_run_in_every_form() {
    let server = start(Duration::ZERO);
    let lines = server.get(CANONICAL);
    assert_eq!(lines.status, 200, "{}", lines.body);
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.body.lines().count(), 5);
    let csv = server.get(&format!("{CANONICAL}&_format=csv&_limit=2"));
    assert_eq!(csv.body, "id,active\np0,true\np1,false\n");
    assert_eq!(
        server
            .get(&format!("{CANONICAL}&_format=csv&header=false&_limit=1"))
            .body,
        "p0,true\n"
    );
    let rows = server.get(&format!("{CANONICAL}&_format=json")).json();
    assert_eq!(rows[4], json!({"id": "p4", "active": true}));
    let fhir = server.get(&format!("{CANONICAL}&_format=fhir&_limit=1")).json();
    assert_eq!(
        fhir["parameter"][0]["part"][1],
        json!({"name": "active", "valueBoolean": true})
    );
    let by_accept = server.ask("GET", CANONICAL, "Accept: text/csv\r\n", "");
    assert!(by_accept.body.starts_with("id,active\n"), "{}", by_accept.body);
    let said = server.ask(
        "GET",
        &format!("{CANONICAL}&_format=ndjson"),
        "Accept: text/csv\r\n",
        "",
    );
    assert_eq!(said.header("content-type"), Some("application/x-ndjson"));
    let by_reference = server.get("/$sql-run?subjectReference=ViewDefinition/patients&_limit=1");
    assert_eq!((by_reference.status, by_reference.body.lines().count()), (200, 1));
}

#[test]
fn rows_are_narrowed_to_patients_groups_and_times() {
    let server = start(Duration::ZERO);
    let ids = |answer: &Answer| -> Vec<String> {
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
            .body
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("JSON")["id"]
                    .as_str()
                    .expect("an id")
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(
        ids(&server.get(&format!("{CANONICAL}&patient=Patient/p3&patient=p0"))),
        ["p0", "p3"]
    );
    assert_eq!(
        ids(&server.get(&format!("{CANONICAL}&group=Group/g1"))),
        ["p1", "p3"]
    );
    assert_eq!(
        ids(&server.get(&format!("{CANONICAL}&_since=2023-01-01T00:00:00Z"))),
        ["p3", "p4"]
    );
    let of_others = server.post(
        "/$sql-run",
        "",
        json!([
            {"name": "subjectResource", "resource": view("o", "Observation", "status")},
            {"name": "patient", "valueReference": {"reference": "Patient/p2"}},
        ]),
    );
    assert_eq!(ids(&of_others), ["o2"]);
    let given = server.post("/$sql-run", "", json!([
        {"name": "subjectResource", "resource": view("p", "Patient", "gender")},
        {"name": "resource", "resource": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "x"}}]}},
        {"name": "resource", "resource": {"resourceType": "Patient", "id": "y"}},
    ]));
    assert_eq!(ids(&given), ["x", "y"]);
}

#[test]
fn what_is_wrong_is_an_outcome_with_its_status() {
    let server = start(Duration::ZERO);
    let two = json!([{"name": "subjectCanonical", "valueCanonical": "http://x/ViewDefinition/patients"},
        {"name": "subjectReference", "valueReference": {"reference": "ViewDefinition/patients"}}]);
    let resource = |resource: Value| json!([{"name": "subjectResource", "resource": resource}]);
    let mut broken = view("b", "Patient", "name.select(x)");
    broken["select"][0]["column"][1]["name"] = json!("x");
    let mut many = view("m", "Patient", "name.family");
    many["select"][0]["column"][1] = json!({"name": "x", "path": "name.family + 1"});
    let cases = [
        (server.get("/$sql-run"), 400, "invalid"),
        (server.post("/$sql-run", "", two), 400, "invalid"),
        (
            server.get("/$sql-run?subjectReference=ViewDefinition/other"),
            404,
            "not-found",
        ),
        (
            server.get("/$sql-run?subjectCanonical=http://x/ViewDefinition/patients|9"),
            404,
            "not-found",
        ),
        (
            server.get(&format!("{CANONICAL}&patient=Patient/none")),
            400,
            "invalid",
        ),
        (
            server.get(&format!("{CANONICAL}&patient=Group/g1")),
            400,
            "invalid",
        ),
        (server.get(&format!("{CANONICAL}&group=none")), 400, "invalid"),
        (
            server.get(&format!("{CANONICAL}&_since=yesterday")),
            400,
            "invalid",
        ),
        (server.get(&format!("{CANONICAL}&_limit=-1")), 400, "invalid"),
        (
            server.get(&format!("{CANONICAL}&_format=xml")),
            400,
            "not-supported",
        ),
        (
            server.get(&format!("{CANONICAL}&source=http://x")),
            400,
            "not-supported",
        ),
        (server.get(&format!("{CANONICAL}&nonsense=1")), 400, "invalid"),
        (
            server.post("/$sql-run", "", resource(json!({"resourceType": "Patient"}))),
            422,
            "invalid",
        ),
        (server.post("/$sql-run", "", resource(broken)), 422, "invalid"),
        (server.post("/$sql-run", "", resource(many)), 422, "invalid"),
        (
            server.get("/$sql-run?subjectCanonical=http://x/Library/no-sql"),
            422,
            "invalid",
        ),
        (server.ask("POST", "/$sql-run", "", "{"), 400, "invalid"),
        (server.ask("PUT", "/$sql-run", "", ""), 405, "not-supported"),
        (server.get("/Patient/p1"), 404, "not-found"),
        (server.get("/jobs/none"), 404, "not-found"),
        (
            server.ask("GET", CANONICAL, "Host: evil.example\r\n", ""),
            403,
            "forbidden",
        ),
        (
            server.ask("GET", CANONICAL, "Origin: https://evil.example\r\n", ""),
            403,
            "forbidden",
        ),
        (server.post("/$sql-export", "", json!([])), 400, "invalid"),
        (
            server.post("/$sql-export", "Prefer: respond-async\r\n", json!([])),
            400,
            "invalid",
        ),
        (server.get("/$sql-export"), 400, "invalid"),
    ];
    for (number, (answer, status, code)) in cases.iter().enumerate() {
        assert_eq!(answer.status, *status, "case {number}: {}", answer.body);
        let outcome = answer.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(
            outcome["issue"][0]["code"], *code,
            "case {number}: {}",
            answer.body
        );
        assert!(!answer.body.contains("SECRET"), "case {number}: {}", answer.body);
    }
}

/// A broken line must cost no other line and not the answer, and the answer must say so.
#[test]
fn a_broken_input_is_said_and_the_others_are_answered() {
    let line = "{\"resourceType\":\"Patient\",\"id\":\"first\"}\n{\"resourceType\":\"Patient\",\"id\":\"SECRET\",}\n\
                {\"resourceType\":\"Patient\",\"id\":\"third\"}\n";
    let server = start_with(Duration::ZERO, line);
    // By several threads, and by one, which a limit asks for.
    for path in [CANONICAL.to_owned(), format!("{CANONICAL}&_limit=100")] {
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body.lines().count(), 7, "{}", answer.body);
        let warning = answer.header("warning").expect("a warning");
        assert!(
            warning.contains("before.ndjson") && warning.contains("line 2"),
            "{warning}"
        );
        assert!(!warning.contains("SECRET"), "{warning}");
    }
    assert_eq!(start(Duration::ZERO).get(CANONICAL).header("warning"), None);

    let subject = json!([{"name": "subject", "part": [
        {"name": "name", "valueString": "all"},
        {"name": "subjectCanonical", "valueCanonical": "http://x/ViewDefinition/patients"},
    ]}]);
    let begun = server.post("/$sql-export", "Prefer: respond-async\r\n", subject);
    assert_eq!(begun.status, 202, "{}", begun.body);
    let location = server.path(begun.header("content-location").expect("a location"));
    let until = Instant::now() + Duration::from_secs(20);
    while server.get(&location).status == 202 {
        assert!(Instant::now() < until, "the job does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let manifest = server.get(&format!("{location}/result")).json();
    let said = manifest["parameter"].as_array().expect("parameters");
    let warning = said
        .iter()
        .find(|one| one["name"] == "warning")
        .expect("a warning");
    assert_eq!(
        warning["resource"]["issue"][0]["code"], "incomplete",
        "{manifest}"
    );
}
