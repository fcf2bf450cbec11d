//! Runs against a second server that others wrote, sekmet-fhir, where its program is found: JSON and XML, plain and behind a
//! proxy under another name, end in the same typed rows.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cds2db::config::{ExportOf, Wards};
use cds2db::ward::WardPatient;
use fhir_crack::search::{Client, ClientOptions, Format as Wanted};
use fixtures::Format;
use fixtures::hospital::Hospital;
use table_description::default_description;

use crate::site::Site;
use crate::wire::Wire;

/// About this many resources.
const RESOURCES: u64 = 300;

fn program() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("SEKMET_BIN") {
        return Some(file.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("sekmet"))
        .find(|file| file.is_file())
}

/// The server; it ends with the test.
struct Sekmet {
    process: Child,
    address: SocketAddr,
}

impl Drop for Sekmet {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sekmet {
    fn start(program: &Path, folder: &Path) -> Self {
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address")
        };
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let process = Command::new(program)
            .args([
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                &address.port().to_string(),
            ])
            .env("SEKMET_BASE_URL", format!("http://{address}/fhir"))
            .current_dir(folder)
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("sekmet starts");
        let server = Self { process, address };
        let begun = Instant::now();
        while server
            .exchange("GET", "/fhir/metadata", b"")
            .is_none_or(|(status, _)| status != 200)
        {
            assert!(
                begun.elapsed() < Duration::from_secs(90),
                "sekmet does not answer"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    /// One request over a connection of its own; status and whole answer.
    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Some((answer.split(' ').nth(1)?.parse().ok()?, answer))
    }

    fn load(&self, hospital: &Hospital) {
        let resources: Vec<_> = hospital.resources(Format::Json).collect();
        for some in resources.chunks(100) {
            let entries: Vec<String> = some
                .iter()
                .map(|r| {
                    let text = String::from_utf8_lossy(&r.bytes);
                    let url = format!("{}/{}", r.kind.name(), r.id);
                    format!(r#"{{"resource":{text},"request":{{"method":"PUT","url":"{url}"}}}}"#)
                })
                .collect();
            let bundle = format!(
                r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#,
                entries.join(",")
            );
            let (status, answer) = self
                .exchange("POST", "/fhir/", bundle.as_bytes())
                .or_else(|| self.exchange("POST", "/fhir", bundle.as_bytes()))
                .expect("an answer");
            let stored = answer.matches(r#""status":"20"#).count();
            assert!(
                // It refuses what its own rules do not allow; all runs read the same of the rest.
                status == 200 && stored * 10 >= some.len() * 9,
                "status {status}, {stored} of {} stored",
                some.len()
            );
        }
    }
}

/// The typed rows of a hub, one line each, without what differs between hubs.
async fn typed(site: &Site) -> Vec<String> {
    let mut lines = Vec::new();
    for table in default_description().tables {
        let sql = format!("SELECT '{0} ' || hash_index_col FROM db_log.{0}", table.name);
        let rows = crate::select::select(&site.hub, &sql).await;
        lines.extend(
            rows.into_iter()
                .filter_map(|row| row.into_iter().next().flatten()),
        );
    }
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_against_sekmet_give_the_same_typed_rows_in_json_and_xml_and_under_another_name() {
    let Some(program) = program() else {
        println!(
            "SKIPPED: no sekmet-fhir (SEKMET_BIN or sekmet on PATH); the run against a second server was not made"
        );
        return;
    };
    let hospital = Hospital::sized(33, RESOURCES);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Sekmet::start(&program, folder.path());
    server.load(&hospital);
    let own = format!("http://{}/fhir", server.address);
    let (inner, named) = (own.clone(), "https://inner.example:8443/fhir");
    let renaming = Wire::start(server.address, move |_, answer| {
        let text = answer.text().replace(&inner, named);
        answer.with(text)
    });
    let mut expected: Option<Vec<String>> = None;
    for (base, format, export) in [
        (own.clone(), Wanted::Json, None),
        (own.clone(), Wanted::Xml, None),
        (renaming.base(), Wanted::Json, None),
        (renaming.base(), Wanted::Xml, None),
        (own.clone(), Wanted::Json, Some(ExportOf::Patients)),
        (renaming.base(), Wanted::Json, Some(ExportOf::Patients)),
    ] {
        let mut site = Site::open(hospital.clone()).await;
        site.settings.server.export.clone_from(&export);
        let patient = |n: u32| WardPatient {
            patient_id: format!("pat-{n}"),
            encounter_id: String::new(),
            ward_name: "W".to_owned(),
        };
        site.settings.wards = Wards::List((0..hospital.patients()).map(patient).collect());
        let options = ClientOptions::new(&base).expect("a base URL").format(format);
        let client = Client::new(options).expect("a client");
        client.capability().await.expect("a capability statement");
        let summary = site.run_with(&client).await.expect("runs");
        assert!(summary.complete, "{:?}", summary.incomplete);
        let exported = summary
            .notes
            .iter()
            .any(|note| note.starts_with("a bulk export brought"));
        assert_eq!(exported, export.is_some(), "{:?}", summary.remarks);
        let rows = typed(&site).await;
        let downloaded: u64 = summary.tables.values().map(|table| table.downloaded).sum();
        println!(
            "{format:?} from {}{}: {downloaded} downloaded, {} typed rows, {:?}",
            if base == own { "the server" } else { "the proxy" },
            if exported { " by export" } else { "" },
            rows.len(),
            summary.remarks
        );
        assert!(rows.len() > 100, "{}", rows.len());
        let expected = expected.get_or_insert_with(|| rows.clone());
        assert!(rows == *expected, "{} and {} rows", rows.len(), expected.len());
    }
}
