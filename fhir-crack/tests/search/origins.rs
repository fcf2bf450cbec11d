//! Who is asked where a link, a redirect, a proxy or an alias names another origin, and that credentials stay at their own.

use fhir_crack::search::{Auth, Client, ErrorKind, Format, Search, Secret};

use crate::bundle::{bundle, ids};
use crate::paging::three_pages;
use crate::server::{Request, Response, Server};
use crate::{client, options};

#[tokio::test]
async fn foreign_links_and_redirects_are_refused() {
    for redirect in [false, true] {
        let other = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[9], None, None))).await;
        let foreign = other.origin.clone();
        let server = Server::start(move |request, _| {
            if request.target.contains("page=2") {
                return Response::new(302, "").header("location", format!("{foreign}/fhir?page=2"));
            }
            let next = if redirect {
                "?page=2".to_owned()
            } else {
                format!("{foreign}/fhir?page=2")
            };
            Response::new(200, bundle(Format::Json, &[1], None, Some(&next)))
        })
        .await;
        let secret = Secret::new("TOKEN");
        let strict = options(&server.base())
            .auth(Auth::Bearer(secret.clone()))
            .header("x-key", &secret)
            .expect("header");
        let allowing = strict.clone().allow_origin(&other.origin).expect("origin");
        let client = Client::new(strict).expect("client");
        let error = client
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect_err("foreign");
        assert_eq!(error.kind(), &ErrorKind::ForeignOrigin(other.origin.clone()));
        assert!(other.requests().is_empty());
        let client = Client::new(allowing).expect("client");
        let (pages, _) = client
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect("allowed");
        assert_eq!(ids(&pages), [1, 9]);
        let asked = other.requests();
        assert!(!asked.is_empty());
        for name in ["authorization", "x-key"] {
            assert!(
                asked.iter().all(|request| !request.headers.contains_key(name)),
                "{name} left its origin"
            );
            assert!(
                server
                    .requests()
                    .iter()
                    .all(|request| request.headers.contains_key(name))
            );
        }
    }
}

#[tokio::test]
async fn redirects_to_the_same_origin_are_followed() {
    for (status, method) in [
        (301, "POST"),
        (302, "POST"),
        (307, "POST"),
        (308, "POST"),
        (303, "GET"),
    ] {
        let server = Server::start(move |request, _| {
            if request.target == "/fhir/Patient/_search" {
                return Response::new(status, "").header("location", "/other/Patient/_search?x=1");
            }
            Response::new(200, bundle(Format::Json, &[1], None, None))
        })
        .await;
        let search = Search::new("Patient").ids("_id", ["1"]);
        client(&server.base())
            .search(search)
            .collect()
            .await
            .expect("search");
        assert_eq!(server.requests()[1].method, method, "{status}");
    }
    let server =
        Server::start(|request, _| Response::new(302, "").header("location", request.target.clone())).await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("circle");
    assert_eq!(error.kind(), &ErrorKind::Loop);
}

#[tokio::test]
async fn a_proxy_is_asked_for_everything() {
    let proxy = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1], None, None))).await;
    let options = options("http://fhir.example/base")
        .proxy(&Secret::new(proxy.origin.as_str()))
        .expect("proxy");
    Client::new(options)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    assert_eq!(proxy.requests()[0].target, "http://fhir.example/base/Patient");
}

/// Where this test, started anew with a proxy in its environment, finds the base URL to ask.
const PROXIED: &str = "FHIR_CRACK_TEST_PROXIED";

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_are_obeyed() {
    if let Ok(base) = std::env::var(PROXIED) {
        client(&base)
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect("search");
        return;
    }
    let answer = |_: &Request, _: &str| Response::new(200, bundle(Format::Json, &[1], None, None));
    let (proxy, direct) = (Server::start(answer).await, Server::start(answer).await);
    let ask = |base: String, exempt: &'static str| {
        let mut program = tokio::process::Command::new(std::env::current_exe().expect("this program"));
        program
            .args(["--exact", "origins::proxies_of_the_environment_are_obeyed"])
            .env(PROXIED, base)
            .env("http_proxy", &proxy.origin)
            .env("no_proxy", exempt);
        for name in [
            "HTTP_PROXY",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "REQUEST_METHOD",
        ] {
            program.env_remove(name);
        }
        async move { program.output().await.expect("run").status.success() }
    };
    assert!(ask("http://fhir.example/base".to_owned(), "").await);
    assert_eq!(proxy.requests()[0].target, "http://fhir.example/base/Patient");
    assert!(ask(direct.base(), "127.0.0.1").await);
    assert_eq!((proxy.requests().len(), direct.requests().len()), (1, 1));
}

#[tokio::test]
async fn links_to_an_alias_are_asked_at_the_own_origin() {
    let server = three_pages(Format::Json, |page, _| {
        format!("http://inner.example:8080/fhir?page={page}")
    })
    .await;
    let options = options(&server.base())
        .alias_origin("http://inner.example:8080")
        .expect("alias");
    let (pages, _) = Client::new(options)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    assert_eq!(ids(&pages).len(), 6);
}
