//! `$sql-run` and `$sql-export` over HTTP, asked as a client asks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sql_on_fhir::serve::{Data, Server, Unread};
use sql_on_fhir::{Artifacts, Error};

/// Resources in memory; every read waits a little where the data are slow.
struct Memory {
    lines: Vec<String>,
    wait: Duration,
    /// A further input, read first.
    before: &'static str,
}

struct Slow<'a>(&'a [u8], Duration);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::thread::sleep(self.1);
        let most = if self.1.is_zero() {
            buffer.len()
        } else {
            buffer.len().min(200)
        };
        self.0.read(&mut buffer[..most])
    }
}

impl Data for Memory {
    fn each(
        &self,
        read: &mut dyn FnMut(&mut (dyn Read + Send)) -> Result<(), Error>,
    ) -> Result<Vec<Unread>, Error> {
        let text = self.lines.join("\n");
        let inputs = [("before.ndjson", self.before), ("data.ndjson", text.as_str())];
        let unread = inputs.iter().filter_map(|(name, text)| {
            let error = read(&mut Slow(text.as_bytes(), self.wait)).err()?;
            Some(Unread {
                name: (*name).to_owned(),
                error,
            })
        });
        Ok(unread.collect())
    }
}

fn patients() -> Vec<String> {
    let mut lines: Vec<String> = (0..5)
        .map(|n| {
            json!({"resourceType": "Patient", "id": format!("p{n}"), "active": n % 2 == 0, "meta": {"lastUpdated": format!("202{n}-01-01T00:00:00Z")},
                "name": [{"family": format!("SECRET{n}")}]})
            .to_string()
        })
        .collect();
    lines.extend((0..5).map(|n| json!({"resourceType": "Observation", "id": format!("o{n}"), "subject": {"reference": format!("Patient/p{n}")}}).to_string()));
    lines.push(json!({"resourceType": "Group", "id": "g1", "member": [{"entity": {"reference": "Patient/p1"}}, {"entity": {"reference": "Patient/p3"}}]}).to_string());
    lines
}

struct Running {
    address: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

fn start(wait: Duration) -> Running {
    start_with(wait, "")
}

fn start_with(wait: Duration, before: &'static str) -> Running {
    let mut artifacts = Artifacts::default();
    artifacts.add(view("patients", "Patient", "active"));
    artifacts.add(json!({"resourceType": "Library", "id": "no-sql", "url": "http://x/Library/no-sql"}));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let data = Arc::new(Memory {
        lines: patients(),
        wait,
        before,
    });
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let server = runtime
        .block_on(Server::bind(loopback, artifacts, data))
        .expect("listens");
    let address = server.address().expect("an address");
    runtime.spawn(server.serve());
    Running {
        address,
        _runtime: runtime,
    }
}

fn view(name: &str, resource: &str, column: &str) -> Value {
    json!({"resourceType": "ViewDefinition", "id": name, "url": format!("http://x/ViewDefinition/{name}"), "name": name, "resource": resource,
        "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": column, "path": column}]}]})
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            line.split_once(": ")
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v)
        })
    }
}

impl Running {
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("connects");
        let host = if headers.contains("Host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .expect("a status");
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make them in place")]
    fn post(&self, path: &str, headers: &str, parameters: Value) -> Answer {
        self.ask(
            "POST",
            path,
            headers,
            &json!({"resourceType": "Parameters", "parameter": parameters}).to_string(),
        )
    }

    fn path(&self, url: &str) -> String {
        url.strip_prefix(&format!("http://{}", self.address))
            .unwrap_or(url)
            .to_owned()
    }
}

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
