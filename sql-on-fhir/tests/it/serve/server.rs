//! A server over resources in memory, slow where a test needs time, and the client that asks it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

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

pub(super) struct Running {
    address: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

pub(super) fn start(wait: Duration) -> Running {
    start_with(wait, "")
}

pub(super) fn start_with(wait: Duration, before: &'static str) -> Running {
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

pub(super) fn view(name: &str, resource: &str, column: &str) -> Value {
    json!({"resourceType": "ViewDefinition", "id": name, "url": format!("http://x/ViewDefinition/{name}"), "name": name, "resource": resource,
        "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": column, "path": column}]}]})
}

pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            line.split_once(": ")
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v)
        })
    }
}

impl Running {
    pub(super) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
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

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make them in place")]
    pub(super) fn post(&self, path: &str, headers: &str, parameters: Value) -> Answer {
        self.ask(
            "POST",
            path,
            headers,
            &json!({"resourceType": "Parameters", "parameter": parameters}).to_string(),
        )
    }

    pub(super) fn path(&self, url: &str) -> String {
        url.strip_prefix(&format!("http://{}", self.address))
            .unwrap_or(url)
            .to_owned()
    }
}
