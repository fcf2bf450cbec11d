//! A FHIR server that none of us wrote: helios-hfs, where its binary is found (`HFS_BIN` or `hfs` on PATH).

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fhir_crack::search::{Client, ClientOptions, Export, Format, Method, Page, Reading, RetryPolicy, Search};

/// Patients on the server; not a multiple of the page size.
const PATIENTS: usize = 230;

struct Hfs {
    child: Child,
    base: String,
    _data: tempfile::TempDir,
}

impl Drop for Hfs {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HFS_BIN") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("hfs"))
        .find(|file| file.is_file())
}

/// HL7's search parameters, without which the server knows `_id` and its like only: `Bundle-searchParams.json` of npm's
/// package `hl7.fhir.r4.examples`.
fn search_parameters() -> Option<PathBuf> {
    std::env::var_os("HFS_SEARCH_PARAMETERS").map(PathBuf::from)
}

/// Starts the server on a free port with an empty database, and waits until it answers.
async fn start(binary: &Path) -> Hfs {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("port")
        .port();
    let data = tempfile::tempdir().expect("dir");
    if let Some(file) = search_parameters() {
        std::fs::copy(file, data.path().join("search-parameters-r4.json")).expect("search parameters");
    }
    let base = format!("http://127.0.0.1:{port}");
    let child = Command::new(binary)
        .current_dir(data.path())
        .env("HFS_SERVER_PORT", port.to_string())
        .env("HFS_SERVER_HOST", "127.0.0.1")
        .env("HFS_BASE_URL", &base)
        .env("HFS_DATABASE_URL", data.path().join("hfs.db"))
        .env("HFS_DATA_DIR", data.path())
        .env("HFS_LOG_LEVEL", "warn")
        .env("HFS_REQUEST_TIMEOUT", "300")
        .env("HFS_MAX_PAGE_SIZE", "1000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("hfs");
    let hfs = Hfs {
        child,
        base,
        _data: data,
    };
    let begun = Instant::now();
    while client(&hfs, Format::Json).capability().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(120), "hfs does not answer");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    hfs
}

fn client(hfs: &Hfs, format: Format) -> Client {
    let retry = RetryPolicy {
        attempts: 2,
        base: Duration::from_millis(50),
        ..RetryPolicy::default()
    };
    Client::new(
        ClientOptions::new(&hfs.base)
            .expect("base")
            .format(format)
            .retry(retry),
    )
    .expect("client")
}

/// A client that stores and deletes, which ours does not.
fn writer() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()
        .expect("http")
}

async fn put(http: &reqwest::Client, hfs: &Hfs, resource: &serde_json::Value) {
    let text = |name: &str| resource[name].as_str().expect("text").to_owned();
    http.put(format!("{}/{}/{}", hfs.base, text("resourceType"), text("id")))
        .header("content-type", "application/fhir+json")
        .body(resource.to_string())
        .send()
        .await
        .expect("put")
        .error_for_status()
        .expect("stored");
}

/// Stores the Patients p0 to p229 and deletes one more.
async fn fill(hfs: &Hfs) {
    let http = writer();
    let patient = |id: &str| {
        let name = format!("Käse {id}");
        serde_json::json!({"resourceType": "Patient", "id": id, "name": [{"family": name}]})
    };
    for number in 0..PATIENTS {
        put(&http, hfs, &patient(&format!("p{number}"))).await;
    }
    put(&http, hfs, &patient("gone")).await;
    http.delete(format!("{}/Patient/gone", hfs.base))
        .send()
        .await
        .expect("delete");
}

/// Thirty Encounters of ten Patients, one a day, asked for as the retrieval does.
async fn searches_by_reference_and_date(hfs: &Hfs) {
    let http = writer();
    for number in 0..30 {
        let encounter = serde_json::json!({
            "resourceType": "Encounter", "id": format!("e{number}"), "status": "in-progress",
            "class": {"code": "IMP"}, "subject": {"reference": format!("Patient/p{}", number % 10)},
            "period": {"start": format!("2024-01-{:02}T10:00:00+01:00", number + 1)}
        });
        put(&http, hfs, &encounter).await;
    }
    let encounters = |pages: &[Page]| -> BTreeSet<String> {
        let text: Vec<&str> = pages
            .iter()
            .map(|page| std::str::from_utf8(&page.bytes).expect("text"))
            .collect();
        let urls = text.iter().flat_map(|text| text.split("/Encounter/e").skip(1));
        urls.map(|rest| {
            rest.split(|c: char| !c.is_ascii_digit())
                .next()
                .expect("id")
                .to_owned()
        })
        .collect()
    };
    for format in [Format::Json, Format::Xml] {
        let client = client(hfs, format);
        let patients = (0..5).map(|number| format!("p{number}"));
        let (pages, complete) = client
            .search(Search::new("Encounter").ids("patient", patients).count(4))
            .collect()
            .await
            .expect("by patient");
        let wanted = |keep: fn(u32) -> bool| -> BTreeSet<String> {
            (0..30).filter(|n| keep(*n)).map(|n| n.to_string()).collect()
        };
        assert_eq!(encounters(&pages), wanted(|n| n % 10 < 5), "{format:?}");
        assert!(pages.len() >= 4 && complete.matches() == 15, "{complete:?}");

        let search = Search::new("Encounter")
            .param("date", "lt2024-01-11")
            .include("Encounter:subject");
        let (pages, complete) = client.search(search.count(3)).collect().await.expect("by date");
        assert_eq!(encounters(&pages), wanted(|n| n < 10), "{format:?}");
        assert_eq!(
            complete.matches(),
            10,
            "included Patients do not count: {complete:?}"
        );
        assert_eq!(
            ids(&pages),
            (0..10).map(|n| format!("p{n}")).collect(),
            "{format:?}"
        );
    }
}

fn wanted() -> BTreeSet<String> {
    (0..PATIENTS).map(|number| format!("p{number}")).collect()
}

/// Ids of the Patients on the pages, from the entries' full URLs.
fn ids(pages: &[Page]) -> BTreeSet<String> {
    let text: Vec<&str> = pages
        .iter()
        .map(|page| std::str::from_utf8(&page.bytes).expect("text"))
        .collect();
    let urls = text.iter().flat_map(|text| text.split("/Patient/p").skip(1));
    urls.map(|rest| {
        format!(
            "p{}",
            rest.split(|c: char| !c.is_ascii_digit()).next().expect("id")
        )
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_against_helios_hfs() {
    let Some(binary) = binary() else {
        x_skipped::skip!("helios-hfs is absent; name its binary in HFS_BIN or put hfs on PATH");
        return;
    };
    let hfs = start(&binary).await;
    fill(&hfs).await;
    for format in [Format::Json, Format::Xml] {
        let client = client(&hfs, format);
        for method in [Method::Get, Method::Post] {
            let search = Search::new("Patient").count(50).method(method);
            let (pages, complete) = client.search(search).collect().await.expect("search");
            assert_eq!(ids(&pages), wanted(), "{format:?}, {method:?}");
            assert!(pages.len() >= 5, "{} pages", pages.len());
            assert!(pages.iter().all(|page| page.format == format), "{format:?}");
            assert_eq!(complete.matches(), PATIENTS as u64);
        }
        let some: BTreeSet<String> = (0..100).map(|number| format!("p{number}")).collect();
        let (pages, _) = client
            .search(Search::new("Patient").ids("_id", some.clone()).count(30))
            .collect()
            .await
            .expect("ids");
        assert_eq!(ids(&pages), some, "{format:?}");
        assert_eq!(
            client.count(Search::new("Patient")).await.expect("count"),
            PATIENTS as u64
        );
        assert!(matches!(
            client.read("Patient", "p1").await.expect("read"),
            Reading::Found(_)
        ));
        assert!(matches!(
            client.read("Patient", "gone").await.expect("410"),
            Reading::Deleted
        ));
        assert!(matches!(
            client.read("Patient", "never").await.expect("404"),
            Reading::Missing
        ));
        assert!(
            client
                .capability()
                .await
                .expect("metadata")
                .of("Patient")
                .is_some()
        );
    }
    let client = client(&hfs, Format::Json);
    let found: BTreeSet<String> = client
        .ids(Search::new("Patient"))
        .await
        .expect("ids")
        .into_iter()
        .collect();
    assert_eq!(found, wanted());
    let dir = tempfile::tempdir().expect("dir");
    let exported = client
        .export(Export::system().types(["Patient"]), dir.path())
        .run()
        .await
        .expect("export");
    assert_eq!(exported.resources(), PATIENTS as u64);
    if search_parameters().is_some() {
        searches_by_reference_and_date(&hfs).await;
    } else {
        x_skipped::skip!(
            "no searches by reference and date; name HL7's search parameters in HFS_SEARCH_PARAMETERS"
        );
    }
}
