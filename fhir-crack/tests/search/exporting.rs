use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fhir_crack::search::{Auth, Client, ErrorKind, Event, Export, Secret};

use crate::server::{Play, Request, Response, Server};
use crate::{client, options};

fn lines(from: usize, count: usize) -> String {
    (from..from + count)
        .map(|id| format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"}}\n"))
        .collect()
}

fn manifest(origin: &str, error: bool) -> Response {
    let errors = if error {
        format!(r#"{{"type":"OperationOutcome","url":"{origin}/files/errors"}}"#)
    } else {
        String::new()
    };
    Response::new(
        200,
        format!(
            r#"{{"transactionTime":"2024-05-01T10:00:00Z","request":"x","requiresAccessToken":true,
              "output":[{{"type":"Patient","url":"{origin}/files/1","count":500}},
                        {{"type":"Patient","url":"{origin}/files/2"}}],"error":[{errors}]}}"#
        ),
    )
}

/// A server that needs two looks, and files of 500 and 300 Patients.
async fn exporter(
    file: impl Fn(&Request, usize) -> Response + Send + Sync + 'static,
    outcome: &'static str,
) -> Server {
    Server::start(move |request, origin| {
        let path = request.target.split('?').next().expect("path");
        match (request.method.as_str(), path) {
            ("DELETE", "/status") => Response::new(202, ""),
            (_, "/fhir/$export" | "/fhir/Patient/$export" | "/fhir/Group/g/$export") => {
                Response::new(202, "").header("content-location", format!("{origin}/status"))
            }
            (_, "/status") if request.nth == 0 => Response::new(202, "")
                .header("retry-after", "0")
                .header("x-progress", "half, 50% done"),
            (_, "/status") => manifest(origin, !outcome.is_empty()),
            (_, "/files/1") => file(request, 500),
            (_, "/files/2") => Response::new(200, lines(500, 300)),
            (_, "/files/errors") => Response::new(200, outcome),
            _ => Response::new(404, ""),
        }
    })
    .await
}

#[tokio::test]
async fn an_export_is_kicked_off_awaited_and_downloaded_once() {
    let server = exporter(|_, count| Response::new(200, lines(0, count)), "").await;
    let percents = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&percents);
    let options = options(&server.base())
        .auth(Auth::Bearer(Secret::new("t")))
        .on_event(move |event| {
            if let Event::Export {
                percent: Some(percent),
                ..
            } = event
            {
                heard.fetch_add(usize::from(*percent), Ordering::SeqCst);
            }
        });
    let client = Client::new(options).expect("client");
    let dir = tempfile::tempdir().expect("dir");
    let export = Export::patients()
        .types(["Patient"])
        .since("2024-01-01T00:00:00Z");
    let exported = client
        .export(export.clone(), dir.path())
        .run()
        .await
        .expect("export");
    assert_eq!(exported.transaction_time(), "2024-05-01T10:00:00Z");
    assert_eq!((exported.resources(), exported.parts().len()), (800, 2));
    assert_eq!(
        std::fs::read_to_string(&exported.parts()[0].path).expect("file"),
        lines(0, 500)
    );
    assert_eq!(percents.load(Ordering::SeqCst), 50);
    let log = server.requests();
    assert_eq!(
        log[0].target,
        "/fhir/Patient/$export?_type=Patient&_since=2024-01-01T00:00:00Z"
    );
    assert_eq!(log[0].headers["prefer"], "respond-async");
    assert!(
        log.iter()
            .all(|request| request.headers["authorization"] == "Bearer t")
    );
    let again = client.export(export, dir.path()).run().await.expect("again");
    assert_eq!(again, exported);
    assert_eq!(
        server.requests().len(),
        log.len(),
        "a finished export asks for nothing"
    );
    let other = client
        .export(Export::system(), dir.path())
        .run()
        .await
        .expect_err("another export");
    assert!(matches!(other.kind(), ErrorKind::Configuration(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fixture_server_exports_what_it_has() {
    let hospital = fixtures::hospital::Hospital::new(5, 20);
    let count = |kind| {
        hospital
            .resources(fixtures::Format::Json)
            .filter(|resource| resource.kind == kind)
            .count() as u64
    };
    let wanted = count(fixtures::Kind::Patient) + count(fixtures::Kind::Condition);
    let mut store = fixtures::MemoryStore::of(&hospital);
    let gone = hospital
        .resources(fixtures::Format::Json)
        .find(|resource| resource.kind == fixtures::Kind::Condition);
    store.delete(
        "Condition",
        &gone.expect("condition").id,
        "2025-06-01T00:00:00Z".parse().expect("time"),
    );
    let options = fixtures::server::ServerOptions {
        export_part: 7,
        ..Default::default()
    };
    let server = fixtures::server::Server::start(store, options).expect("server");
    let dir = tempfile::tempdir().expect("dir");
    let export = Export::system()
        .types(["Patient", "Condition"])
        .since("2020-01-01T00:00:00Z");
    let exported = client(server.base_url())
        .export(export, dir.path())
        .run()
        .await
        .expect("export");
    assert_eq!(exported.resources(), wanted - 1);
    assert!(exported.parts().len() as u64 >= wanted / 7);
    assert_eq!(exported.deletions().len(), 1);
    assert!(exported.warnings().is_empty());
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let server = exporter(
        |request, count| {
            let text = lines(0, count);
            match request.headers.get("range") {
                None => Response::new(200, text).play(Play::Cut(5000)),
                Some(range) => {
                    let from: usize = range
                        .trim_start_matches("bytes=")
                        .trim_end_matches('-')
                        .parse()
                        .expect("range");
                    let header = format!("bytes {from}-{}/{}", text.len() - 1, text.len());
                    let rest = Response::new(206, &text[from..]).header("content-range", header);
                    if from < 10_000 {
                        rest.play(Play::Cut(5000))
                    } else {
                        rest
                    }
                }
            }
        },
        "",
    )
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let exported = client(&server.base())
        .export(Export::group("g"), dir.path())
        .run()
        .await
        .expect("export");
    assert_eq!(
        std::fs::read_to_string(&exported.parts()[0].path).expect("file"),
        lines(0, 500)
    );
}

#[tokio::test]
async fn servers_without_ranges_begin_the_file_anew() {
    let server = exporter(
        |request, count| match request.nth {
            0 => Response::new(200, lines(0, count)).play(Play::Cut(5000)),
            1 => Response::new(416, ""),
            _ => Response::new(200, lines(0, count)),
        },
        "",
    )
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let exported = client(&server.base())
        .export(Export::system(), dir.path())
        .run()
        .await
        .expect("export");
    assert_eq!(
        std::fs::read_to_string(&exported.parts()[0].path).expect("file"),
        lines(0, 500)
    );
}

#[tokio::test]
async fn files_that_are_short_or_broken_are_errors() {
    let dir = tempfile::tempdir().expect("dir");
    let short = exporter(|_, _| Response::new(200, lines(0, 499)), "").await;
    let error = client(&short.base())
        .export(Export::system(), &dir.path().join("a"))
        .run()
        .await
        .expect_err("short");
    assert_eq!(
        error.kind(),
        &ErrorKind::TooFew {
            expected: 500,
            received: 499
        }
    );
    let broken = exporter(|_, _| Response::new(200, "{\"resourceType\":\"Pat"), "").await;
    let error = client(&broken.base())
        .export(Export::system(), &dir.path().join("b"))
        .run()
        .await
        .expect_err("broken");
    assert_eq!(error.kind(), &ErrorKind::Malformed);
}

#[tokio::test]
async fn error_files_are_reported() {
    let good = |_: &Request, count| Response::new(200, lines(0, count));
    let warning = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"value"}]}"#;
    let fatal = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception","diagnostics":"MARKER"}]}"#;
    let dir = tempfile::tempdir().expect("dir");
    let server = exporter(good, warning).await;
    let exported = client(&server.base())
        .export(Export::system(), &dir.path().join("a"))
        .run()
        .await
        .expect("warned");
    assert_eq!(exported.warnings().len(), 1);
    let server = exporter(good, fatal).await;
    let error = client(&server.base())
        .export(Export::system(), &dir.path().join("b"))
        .run()
        .await
        .expect_err("error");
    assert_eq!(
        (error.kind(), error.issues()),
        (&ErrorKind::Export, &["exception"][..])
    );
}

#[tokio::test]
async fn a_forgotten_job_is_kicked_off_again_and_a_cancelled_one_deleted() {
    let server = Server::start(|request, origin| match (request.target.as_str(), request.nth) {
        ("/fhir/$export", nth) => {
            Response::new(202, "").header("content-location", format!("{origin}/status/{nth}"))
        }
        ("/status/0", _) => Response::new(404, ""),
        ("/status/1", _) if request.method == "DELETE" => Response::new(202, ""),
        ("/status/1", _) => Response::new(200, r#"{"transactionTime":"t","output":[]}"#),
        _ => Response::new(400, ""),
    })
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let job = client(&server.base()).export(Export::system(), dir.path());
    assert_eq!(job.run().await.expect("export").resources(), 0);
    job.cancel().await.expect("cancel");
    job.cancel().await.expect("nothing to cancel");
    let last = server.requests().pop().expect("request");
    assert_eq!(
        (last.method.as_str(), last.target.as_str()),
        ("DELETE", "/status/1")
    );
}

#[tokio::test]
async fn status_urls_of_other_origins_are_refused() {
    let server =
        Server::start(|_, _| Response::new(202, "").header("content-location", "http://evil.example/status"))
            .await;
    let dir = tempfile::tempdir().expect("dir");
    let error = client(&server.base())
        .export(Export::system(), dir.path())
        .run()
        .await
        .expect_err("foreign");
    assert_eq!(
        error.kind(),
        &ErrorKind::ForeignOrigin("http://evil.example".to_owned())
    );
}
