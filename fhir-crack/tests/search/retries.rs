use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir_crack::search::{Client, ErrorKind, Event, Format, ManyStep, Phase, RetryPolicy, Search, Timeouts};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bundle::{bundle, ids, outcome};
use crate::server::{Play, Response, Server};
use crate::{client, options};

fn page() -> String {
    bundle(Format::Json, &[1, 2, 3], Some(3), None)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("gzip");
    encoder.finish().expect("gzip")
}

/// A server that fails twice and then answers; the search must deliver in full, with three requests.
async fn passes(name: &str, fail: impl Fn() -> Response + Send + Sync + 'static) {
    let server = Server::start(move |request, _| {
        if request.nth < 2 {
            fail()
        } else {
            Response::new(200, page())
        }
    })
    .await;
    let (pages, complete) = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect(name);
    assert_eq!(ids(&pages), [1, 2, 3], "{name}");
    assert_eq!(complete.matches(), 3, "{name}");
    assert_eq!(server.requests().len(), 3, "{name}");
}

/// A server that always fails: the error says so after this many requests.
async fn fails(kind: ErrorKind, requests: usize, fail: impl Fn() -> Response + Send + Sync + 'static) {
    let server = Server::start(move |_, _| fail()).await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("error");
    assert_eq!(error.kind(), &kind);
    assert_eq!(server.requests().len(), requests, "{kind:?}");
    assert_eq!(error.place().page, Some(1));
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        passes(&status.to_string(), move || Response::new(status, "busy")).await;
        passes(&status.to_string(), move || {
            Response::new(status, outcome("exception"))
        })
        .await;
    }
    passes("cut", || Response::new(200, page()).play(Play::Cut(40))).await;
    passes("stall", || Response::new(200, page()).play(Play::Stall(40))).await;
    passes("no head", || Response::new(200, page()).play(Play::Reset)).await;
    passes("half a bundle", || Response::new(200, page()[..60].to_owned())).await;
    passes("html", || Response::new(200, "<html><body>proxy</body></html>")).await;
    passes("empty", || Response::new(200, "")).await;
    passes("outcome with 200", || Response::new(200, outcome("transient"))).await;
}

#[tokio::test]
async fn what_will_not_pass_is_not() {
    for status in [400, 403, 404, 406, 409, 410, 412, 413, 414, 415, 422, 501] {
        fails(ErrorKind::Status(status), 1, move || {
            Response::new(status, outcome("invalid"))
        })
        .await;
    }
    fails(ErrorKind::Unauthorized, 1, || Response::new(401, "")).await;
    fails(ErrorKind::Outcome, 1, || {
        Response::new(200, outcome("too-costly"))
    })
    .await;
}

#[tokio::test]
async fn attempts_are_capped() {
    fails(ErrorKind::Status(503), 4, || Response::new(503, "")).await;
    fails(ErrorKind::Truncated, 4, || {
        Response::new(200, page()).play(Play::Cut(10))
    })
    .await;
    fails(ErrorKind::Timeout(Phase::Idle), 4, || {
        Response::new(200, page()).play(Play::Stall(10))
    })
    .await;
    fails(ErrorKind::Malformed, 4, || Response::new(200, "{}")).await;
}

#[tokio::test]
async fn slow_drip_is_read_or_runs_out_of_time() {
    let server =
        Server::start(|_, _| Response::new(200, page()).play(Play::Drip(20, Duration::from_millis(5)))).await;
    client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("drip");
    let server =
        Server::start(|_, _| Response::new(200, page()).play(Play::Drip(1, Duration::from_millis(50)))).await;
    let patient = Duration::from_secs(30);
    let timeouts = Timeouts {
        connect: patient,
        idle: patient,
        total: Duration::from_millis(300),
    };
    let client = Client::new(options(&server.base()).timeouts(timeouts)).expect("client");
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("too slow");
    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::Timeout(Phase::Total), 4)
    );
}

#[tokio::test]
async fn endless_bodies_end_at_the_limit() {
    let server = Server::start(|_, _| Response::new(200, "").play(Play::Endless)).await;
    let limited = options(&server.base()).limits(|limits| limits.body_bytes = 1 << 20);
    let error = Client::new(limited)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await;
    assert_eq!(error.expect_err("limit").kind(), &ErrorKind::TooLarge);
}

#[tokio::test]
async fn no_server_is_an_error_after_all_attempts() {
    let base = Server::start(|_, _| Response::new(200, "")).await.base();
    let error = client(&base)
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("gone");
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Connect, 4));
}

#[tokio::test]
async fn retry_after_is_obeyed_and_cut() {
    for (value, least) in [
        ("0", 0),
        ("1000000", 50),
        ("Tue, 31 Dec 2199 23:59:59 GMT", 50),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0),
    ] {
        let server = Server::start(move |request, _| match request.nth {
            0 => Response::new(429, "").header("retry-after", value),
            _ => Response::new(200, page()),
        })
        .await;
        let begun = Instant::now();
        client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect("search");
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(least), "{value}: {waited:?}");
        assert!(waited < Duration::from_secs(5), "{value}: {waited:?}");
    }
}

#[tokio::test]
async fn compression_that_lies() {
    for (name, header, body) in [
        ("gzip", Some("gzip"), gzip(&page())),
        ("plain text called gzip", Some("gzip"), page().into_bytes()),
        ("gzip called nothing", None, gzip(&page())),
        ("plain", None, page().into_bytes()),
    ] {
        let server = Server::start(move |_, _| {
            let response = Response::new(200, body.clone());
            match header {
                Some(header) => response.header("content-encoding", header),
                None => response,
            }
        })
        .await;
        let (pages, _) = client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect(name);
        assert_eq!(ids(&pages), [1, 2, 3], "{name}");
    }
    let cut = gzip(&page())[..40].to_vec();
    fails(ErrorKind::Truncated, 4, move || {
        Response::new(200, cut.clone()).header("content-encoding", "gzip")
    })
    .await;
}

/// A bundle of the Patients 1, 2 and 3 as other programs packed it (node's zlib and zstd), base64.
const PACKED: [(&str, &str); 3] = [
    (
        "deflate",
        "eJytzKEKgDAURuF3+fMtarvRJzDYxDC2Cwpuk3kNMvbuYjEYBMH+nZORZIt7stIfq4DR7sEtAoJGNQu4IUjQdICHfFtwfnad0VmCgjA7MCoU\
         wiYm2enCProLeaN2Qin0ZVX/t2peV2M5AWg6Wtw=",
    ),
    (
        "br",
        "Gw0BUJwHdizyJjQLycY8pnnAZSPOnXFK67B09W0RlpmtLUJWxlYnB3dtC/1bIEESYGZRQJGU2xjfNQSPWNPR+8Xd4vQJr33iFcv64KSH26/slwR4\
         ogS7Ei1r/kR9Qi7fAQ==",
    ),
    (
        "zstd",
        "KLUv/QRYNQMAAsYTGYC36fYq271IRBWlpM+Y4kxRr0WYo05iagTNYALX2gTKc4w3reMFJxA7Rb42YDwV36la5BngBVxhqfoZ3Di58rtGUolgvAeFUMSShZS9BAcA4JYD9JxwwULYtVW2LxvzbaoMnQqUmQ==",
    ),
];

#[tokio::test]
async fn every_compression_that_is_offered_is_undone() {
    for (name, packed) in PACKED {
        let packed = STANDARD.decode(packed).expect("base64");
        let server =
            Server::start(move |_, _| Response::new(200, packed.clone()).header("content-encoding", name))
                .await;
        let (pages, complete) = client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect(name);
        assert_eq!(
            (ids(&pages), complete.total()),
            (vec![1, 2, 3], Some(3)),
            "{name}"
        );
        let offered = server.requests()[0].headers["accept-encoding"].clone();
        for name in ["gzip", "deflate", "br", "zstd"] {
            assert!(offered.split(',').any(|one| one.trim() == name), "{offered}");
        }
    }
}

#[tokio::test]
async fn json_where_xml_was_asked() {
    let server = Server::start(|request, _| {
        assert_eq!(request.headers["accept"], "application/fhir+xml");
        Response::new(200, page()).header("content-type", "application/fhir+xml")
    })
    .await;
    let client = Client::new(options(&server.base()).format(Format::Xml)).expect("client");
    let (pages, _) = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    assert_eq!(pages[0].format, Format::Json);
}

#[tokio::test]
async fn expired_links_begin_the_search_anew() {
    for gone in [404, 410] {
        let server = Server::start(move |request, _| {
            let second = request.target.contains("page=2");
            match (second, request.nth) {
                (true, 0) => Response::new(gone, outcome("expired")),
                (true, _) => Response::new(200, bundle(Format::Json, &[3, 4], Some(4), None)),
                _ => Response::new(200, bundle(Format::Json, &[1, 2], Some(4), Some("?page=2"))),
            }
        })
        .await;
        let (pages, complete) = client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect("search");
        assert_eq!(ids(&pages), [1, 2, 1, 2, 3, 4]);
        assert_eq!(
            (complete.restarts(), complete.matches(), complete.pages()),
            (1, 4, 3)
        );
    }
    let server = Server::start(|request, _| {
        if request.target.contains("page=2") {
            return Response::new(410, "");
        }
        Response::new(200, bundle(Format::Json, &[1, 2], Some(4), Some("?page=2")))
    })
    .await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("gone");
    assert_eq!(error.kind(), &ErrorKind::ExpiredLink);
    assert_eq!(error.received().pages, 4, "three restarts");
}

#[tokio::test]
async fn fewer_than_announced_is_incomplete() {
    let server =
        Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1, 2, 2], Some(3), None))).await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("short");
    assert_eq!(
        error.kind(),
        &ErrorKind::TooFew {
            expected: 3,
            received: 2
        }
    );
    // two walks that bring the same, and the number of matches alone
    assert_eq!(server.requests().len(), 3);
    let lenient = Client::new(options(&server.base()).total_check(false)).expect("client");
    let complete = lenient
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("unchecked")
        .1;
    assert_eq!((complete.total(), complete.matches()), (Some(3), 2));
}

#[tokio::test]
async fn events_tell_what_happens() {
    let server = Server::start(|request, _| match request.nth {
        0 => Response::new(503, ""),
        _ => Response::new(200, page()),
    })
    .await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let options =
        options(&server.base()).on_event(move |event| heard.lock().expect("events").push(event.clone()));
    Client::new(options)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let events = events.lock().expect("events");
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Retry {
            kind: ErrorKind::Status(503),
            attempts: 1,
            ..
        }
    )));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Page { entries: 3, .. }))
    );
}

#[tokio::test]
async fn storms_close_lanes_and_calm_opens_them() {
    let storm = Arc::new(Mutex::new(40));
    let left = Arc::clone(&storm);
    let server = Server::start(move |request, _| {
        let mut left = left.lock().expect("storm");
        // some answers first, so that there are lanes to close
        if request.body.len() % 3 == 0 && *left > 0 {
            *left -= 1;
            return Response::new(429, outcome("throttled")).header("retry-after", "0");
        }
        Response::new(200, bundle(Format::Json, &[1], None, None))
    })
    .await;
    let limits = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&limits);
    let policy = RetryPolicy {
        attempts: 100,
        base: Duration::from_millis(1),
        cap: Duration::from_millis(2),
        ..RetryPolicy::default()
    };
    let options = options(&server.base()).retry(policy).on_event(move |event| {
        if let Event::Lanes { limit } = event {
            heard.lock().expect("lanes").push(*limit);
        }
    });
    let ids = (0..400).map(|id| "x".repeat(1 + id % 3));
    let mut pages = Client::new(options)
        .expect("client")
        .by_ids(Search::new("Patient"), "patient", ids, 1);
    let mut complete = 0;
    while let Some(step) = pages.next().await.expect("step") {
        if let ManyStep::Ended { end, .. } = step {
            end.expect("complete");
            complete += 1;
        }
    }
    // a client begins with four lanes
    let mut limits = limits.lock().expect("lanes").clone();
    limits.insert(0, 4);
    assert_eq!((complete, *storm.lock().expect("storm")), (400, 0));
    assert!(
        limits.windows(2).any(|pair| pair[1] < pair[0]),
        "no lane was closed: {limits:?}"
    );
    assert!(
        limits.windows(2).any(|pair| pair[1] > pair[0]),
        "no lane was opened: {limits:?}"
    );
    assert!(limits.iter().all(|limit| (1..=8).contains(limit)), "{limits:?}");
}
