//! A page counts whatever its link is like: a server that names another host, a last page with half a link, an outcome
//! among the entries.

use std::sync::{Arc, Mutex};

use fhir_crack::search::{Auth, Client, ErrorKind, Event, Format, Page, Search, Secret, Spool, Step};

use crate::bundle::{bundle, ids};
use crate::server::{Response, Server};
use crate::{client, options};

/// Three pages of two Patients whose links name the server as `name` says; `{port}` is its own.
async fn named(format: Format, name: &'static str) -> Server {
    Server::start(move |request, origin| {
        let page: usize = request
            .target
            .split("page=")
            .nth(1)
            .map_or(1, |page| page.parse().expect("page"));
        let port = origin.rsplit(':').next().expect("port");
        let next = (page < 3).then(|| format!("{}?page={}", name.replace("{port}", port), page + 1));
        Response::new(
            200,
            bundle(format, &[page * 2, page * 2 + 1], Some(6), next.as_deref()),
        )
    })
    .await
}

/// All pages up to the end, and the error if there was one.
async fn all(
    client: &Client,
    search: Search,
    spool: Option<&Spool>,
) -> (Vec<Page>, Option<fhir_crack::search::Error>) {
    let mut found = match spool {
        Some(spool) => client.search_spooled(search, spool),
        None => client.search(search),
    };
    let mut pages = Vec::new();
    loop {
        match found.next().await {
            Ok(Step::Page(page)) => pages.push(page),
            Ok(_) => return (pages, None),
            Err(error) => return (pages, Some(error)),
        }
    }
}

#[tokio::test]
async fn links_to_the_server_by_another_name_are_followed_and_told_once() {
    for name in [
        "http://localhost:{port}/fhir/Patient",
        "https://127.0.0.1:{port}/fhir/Patient",
        "http://127.0.0.1/fhir/Patient",
        "http://inner.example:8080/fhir",
        "http://inner.example:8080/r4/Patient",
        "/r4/Patient",
    ] {
        for format in [Format::Json, Format::Xml] {
            let server = named(format, name).await;
            let told = Arc::new(Mutex::new(Vec::new()));
            let listener = Arc::clone(&told);
            let options = options(&server.base()).on_event(move |event| {
                if let Event::LinkReplaced { origin } = event {
                    listener.lock().expect("told").push(origin.clone());
                }
            });
            let client = Client::new(options).expect("client");
            for _ in 0..2 {
                let (pages, error) = all(&client, Search::new("Patient"), None).await;
                assert!(error.is_none(), "{name}: {error:?}");
                assert_eq!(ids(&pages), [2, 3, 4, 5, 6, 7], "{name}");
            }
            assert_eq!(told.lock().expect("told").len(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn a_page_whose_link_is_refused_is_handed_over_and_fetched_again_later() {
    for format in [Format::Json, Format::Xml] {
        let server = named(format, "http://pages.example:81/next").await;
        let dir = tempfile::tempdir().expect("dir");
        let spool = Spool::new(dir.path());
        for _ in 0..2 {
            let (pages, error) = all(&client(&server.base()), Search::new("Patient"), Some(&spool)).await;
            assert_eq!(ids(&pages), [2, 3]);
            let error = error.expect("the link is refused");
            assert_eq!(
                error.kind(),
                &ErrorKind::ForeignOrigin("http://pages.example:81".to_owned())
            );
            let text = error.to_string();
            for part in [
                "http://pages.example:81",
                "FHIR_SERVER_ALIASES",
                "FHIR_ALLOWED_LINK_ORIGINS",
                "1 pages",
            ] {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains("page=2"), "{text}");
            assert!(spool.complete_pages().expect("journal").is_none());
        }
        assert_eq!(
            server.requests().len(),
            2,
            "the page is no last page for its spool"
        );
    }
}

#[tokio::test]
async fn half_a_next_link_is_none() {
    for (format, link) in [
        (Format::Json, r#""link":[{"relation":"next","url":""}],"#),
        (Format::Json, r#""link":[{"relation":"next","url":null}],"#),
        (Format::Json, r#""link":[{"relation":"next"}],"#),
        (Format::Json, r#""link":[{"relation":"next","url":"  "}],"#),
        (
            Format::Xml,
            r#"<link><relation value="next"/><url value=""/></link>"#,
        ),
        (Format::Xml, r#"<link><relation value="next"/><url/></link>"#),
        (Format::Xml, r#"<link><relation value="next"/></link>"#),
    ] {
        let server = Server::start(move |_, _| {
            let page = bundle(format, &[1, 2], Some(2), None);
            let page = match format {
                Format::Json => page.replacen(r#""entry""#, &format!(r#"{link}"entry""#), 1),
                Format::Xml => page.replacen("<entry>", &format!("{link}<entry>"), 1),
            };
            Response::new(200, page)
        })
        .await;
        let (pages, error) = all(&client(&server.base()), Search::new("Patient"), None).await;
        assert_eq!(ids(&pages), [1, 2], "{link}");
        assert!(error.is_none(), "{link}: {error:?}");
    }
}

#[tokio::test]
async fn an_outcome_among_the_entries_costs_no_resource_and_no_page() {
    const OUTCOME: &str = r#",{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"CODE"}]},"search":{"mode":"outcome"}}]}"#;
    for code in ["not-supported", "timeout"] {
        let server = Server::start(move |request, _| {
            let first = !request.target.contains("page=2");
            let page = bundle(
                Format::Json,
                if first { &[1, 2] } else { &[3] },
                None,
                first.then_some("?page=2"),
            );
            let outcome = OUTCOME.replace("CODE", code);
            Response::new(200, if first { page.replace("]}", &outcome) } else { page })
        })
        .await;
        let dir = tempfile::tempdir().expect("dir");
        let spool = Spool::new(dir.path());
        let (pages, error) = all(&client(&server.base()), Search::new("Patient"), Some(&spool)).await;
        assert_eq!(ids(&pages), [1, 2, 3], "{code}");
        let error = error.expect("not complete");
        assert_eq!((error.kind(), error.issues()), (&ErrorKind::Outcome, &[code][..]));
        assert_eq!(error.place().page, Some(1));
        assert!(spool.complete_pages().expect("journal").is_none());
    }
}

#[tokio::test]
async fn credentials_go_to_trusted_origins_only() {
    for trusted in [false, true] {
        let other = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[9], None, None))).await;
        let next = format!("{}/store?page=2", other.origin);
        let server =
            Server::start(move |_, _| Response::new(200, bundle(Format::Json, &[1], None, Some(&next))))
                .await;
        let options = options(&server.base()).auth(Auth::Bearer(Secret::new("TOKEN")));
        let options = if trusted {
            options.trust_origin(&other.origin)
        } else {
            options.allow_origin(&other.origin)
        };
        let client = Client::new(options.expect("origin")).expect("client");
        let (pages, error) = all(&client, Search::new("Patient"), None).await;
        assert_eq!((ids(&pages), error.is_none()), (vec![1, 9], true));
        let got = other.requests()[0].headers.contains_key("authorization");
        assert_eq!(got, trusted);
    }
}
