//! A run against a server that others wrote, helios-hfs, where its binary is found: the hub it leaves must be that of a run
//! against the fixture server.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cds2db::config::Wards;
use cds2db::ward::WardPatient;
use fhir_crack::search::{Client, ClientOptions, Format as Wanted};
use fixtures::Format;
use fixtures::hospital::Hospital;
use table_description::default_description;

use crate::select::select;
use crate::site::Site;

/// About this many resources; fewer in a hurry with `CDS2DB_HELIOS_RESOURCES`.
const RESOURCES: u64 = 5_000;

fn binary() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("HFS_BIN") {
        return Some(file.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("hfs"))
        .find(|file| file.is_file())
}

/// The server with a database of its own; it ends with the test.
struct Helios {
    process: Child,
    port: u16,
}

impl Drop for Helios {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Search parameters as (name, type, expression, resource types); the server knows few by itself.
const PARAMETERS: [(&str, &str, &str, &[&str]); 5] = [
    (
        "patient",
        "reference",
        "subject",
        &[
            "Condition",
            "DiagnosticReport",
            "Encounter",
            "MedicationAdministration",
            "MedicationRequest",
            "MedicationStatement",
            "Observation",
            "Procedure",
            "ServiceRequest",
        ],
    ),
    ("patient", "reference", "patient", &["Consent"]),
    ("status", "token", "status", &["Encounter"]),
    ("class", "token", "class", &["Encounter"]),
    ("date", "date", "period", &["Encounter"]),
];

fn search_parameters() -> String {
    let mut entries = Vec::new();
    for (name, kind, path, types) in PARAMETERS {
        for resource in types {
            entries.push(format!(
                r#"{{"resource":{{"resourceType":"SearchParameter","id":"{resource}-{name}","url":"http://hl7.org/fhir/SearchParameter/{resource}-{name}","name":"{name}","status":"active","description":"{name}","code":"{name}","base":["{resource}"],"type":"{kind}","expression":"{resource}.{path}"}}}}"#
            ));
        }
    }
    let common = [
        ("_id", "token", "id"),
        ("_lastUpdated", "date", "meta.lastUpdated"),
    ];
    for (name, kind, path) in common {
        entries.push(format!(
            r#"{{"resource":{{"resourceType":"SearchParameter","id":"Resource{name}","url":"http://hl7.org/fhir/SearchParameter/Resource{name}","name":"{name}","status":"active","description":"{name}","code":"{name}","base":["Resource"],"type":"{kind}","expression":"Resource.{path}"}}}}"#
        ));
    }
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#,
        entries.join(",")
    )
}

impl Helios {
    fn start(binary: &Path, folder: &Path) -> Self {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address").port()
        };
        std::fs::write(folder.join("search-parameters-r4.json"), search_parameters()).expect("writes");
        let log = std::fs::File::create(folder.join("hfs.log")).expect("a log");
        let process = Command::new(binary)
            .env("HFS_SERVER_PORT", port.to_string())
            .env("HFS_SERVER_HOST", "127.0.0.1")
            .env("HFS_BASE_URL", format!("http://127.0.0.1:{port}"))
            .env("HFS_DATABASE_URL", folder.join("hfs.sqlite"))
            .env("HFS_LOG_LEVEL", "warn")
            .env("HFS_REQUEST_TIMEOUT", "300")
            .env("HFS_DATA_DIR", folder)
            .env("HFS_MAX_PAGE_SIZE", "1000")
            .current_dir(folder)
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("helios starts");
        let server = Self { process, port };
        let begun = Instant::now();
        while server
            .exchange("GET", "/metadata", b"")
            .is_none_or(|(status, _)| status != 200)
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "helios does not answer"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    /// One request over a connection of its own; status and whole answer.
    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/fhir+json\r\nAccept: \
             application/fhir+json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }

    fn load(&self, hospital: &Hospital) -> usize {
        let resources: Vec<_> = hospital.resources(Format::Json).collect();
        for some in resources.chunks(100) {
            let entry = |r: &fixtures::Resource| {
                let text = String::from_utf8_lossy(&r.bytes);
                let url = format!("{}/{}", r.kind.name(), r.id);
                format!(r#"{{"resource":{text},"request":{{"method":"PUT","url":"{url}"}}}}"#)
            };
            let entries: Vec<String> = some.iter().map(entry).collect();
            let bundle = format!(
                r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#,
                entries.join(",")
            );
            let (status, answer) = self.exchange("POST", "/", bundle.as_bytes()).expect("an answer");
            let stored =
                answer.matches(r#""status":"201"#).count() + answer.matches(r#""status":"200"#).count();
            assert!(
                status == 200 && stored == some.len(),
                "status {status}, {stored} of {} stored",
                some.len()
            );
        }
        resources.len()
    }
}

async fn run(site: &Site, base: &str, format: Wanted) {
    let options = ClientOptions::new(base).expect("a base URL").format(format);
    let client = Client::new(options).expect("a client");
    let summary = site.run_with(&client).await.expect("runs");
    assert!(summary.complete, "{:?}", summary.incomplete);
}

/// Columns of raw rows that differ between two hubs, with one example each; line breaks and tabs may count as blanks.
async fn differences(here: &Site, there: &Site, blanks: bool) -> BTreeMap<String, [Option<String>; 2]> {
    let mut differing = BTreeMap::new();
    for table in &default_description().tables {
        let Some(id) = table.position_of_path("id") else {
            continue;
        };
        let columns: Vec<String> = table.columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
        let sql = format!("SELECT {} FROM db_log.{}_raw", columns.join(", "), table.name);
        let mut rows = Vec::new();
        for site in [here, there] {
            let found = select(&site.hub, &sql).await;
            rows.push(
                found
                    .into_iter()
                    .map(|row| (row[id].clone(), row))
                    .collect::<BTreeMap<_, _>>(),
            );
        }
        for (id, row) in &rows[0] {
            let Some(other) = rows[1].get(id) else {
                differing.insert(format!("{}: a row is missing", table.name), [id.clone(), None]);
                continue;
            };
            for (n, column) in table.columns.iter().enumerate().filter(|(_, c)| c.is_hashed()) {
                let same = |a: &str, b: &str| {
                    let blank = |text: &str| text.replace("\r\n", "\n").replace(['\n', '\t', '\r'], " ");
                    a == b || blanks && blank(a) == blank(b)
                };
                let equal = match (&row[n], &other[n]) {
                    (Some(a), Some(b)) => same(a, b),
                    (a, b) => a == b,
                };
                if !equal {
                    differing.insert(column.name.clone(), [row[n].clone(), other[n].clone()]);
                }
            }
        }
    }
    differing
}

/// All patients on one ward, so that everything is loaded.
fn everybody(hospital: &Hospital) -> Wards {
    let patient = |n: u32| WardPatient {
        patient_id: format!("pat-{n}"),
        encounter_id: String::new(),
        ward_name: "W".to_owned(),
    };
    Wards::List((0..hospital.patients()).map(patient).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_against_helios_ends_in_the_hub_of_a_run_against_the_fixture_server() {
    let Some(binary) = binary() else {
        x_skipped::skip!(
            "no helios-hfs (HFS_BIN or hfs on PATH); the run against a server of others was not made"
        );
        return;
    };
    let resources = std::env::var("CDS2DB_HELIOS_RESOURCES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(RESOURCES);
    let hospital = Hospital::sized(21, resources);
    let mut here = Site::open(hospital.clone()).await;
    here.settings.wards = everybody(&hospital);
    run(&here, here.server.base_url(), Wanted::Json).await;
    let expected = here.content().await;
    assert!(expected.len() as u64 > resources);

    let folder = tempfile::tempdir().expect("a folder");
    let helios = Helios::start(&binary, folder.path());
    let begun = Instant::now();
    let loaded = helios.load(&hospital);
    println!(
        "{loaded} resources into helios in {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    let base = format!("http://127.0.0.1:{}", helios.port);
    for format in [Wanted::Json, Wanted::Xml] {
        let mut there = Site::open(hospital.clone()).await;
        there.settings.wards = everybody(&hospital);
        let begun = Instant::now();
        run(&there, &base, format).await;
        println!("{format:?}: a run of {:.1} s", begun.elapsed().as_secs_f64());
        let found = there.content().await;
        if format == Wanted::Json {
            assert!(
                found == expected,
                "these columns differ: {:#?}",
                differences(&here, &there, false).await
            );
        } else {
            // Helios writes line breaks and tabs into XML attributes as they are, and there every reader has to take them for
            // blanks (XML 1.0, 3.3.3); the fixture server writes them as character references.
            let differing = differences(&here, &there, true).await;
            assert!(differing.is_empty(), "these columns differ: {differing:#?}");
            assert_eq!(found.len(), expected.len(), "raw and typed rows");
        }
    }
}
