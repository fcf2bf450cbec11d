use fhir_crack::search::{Auth, Client, ErrorKind, Format, ManyStep, Method, NextUrl, Search, Secret, Step};

use crate::bundle::{bundle, ids, outcome};
use crate::server::{Request, Response, Server};
use crate::{client, options};

/// Three pages of two Patients; `link` writes the link to page n.
async fn three_pages(format: Format, link: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |request, origin| {
        let page = page_of(request);
        let next = (page < 3).then(|| link(page + 1, origin));
        Response::new(
            200,
            bundle(format, &[page * 2, page * 2 + 1], Some(6), next.as_deref()),
        )
    })
    .await
}

fn page_of(request: &Request) -> usize {
    let text = format!("{}&{}", request.target, request.body);
    let page = text.split(['?', '&']).find_map(|pair| pair.strip_prefix("page="));
    page.map_or(1, |page| page.parse().expect("page"))
}

#[tokio::test]
async fn next_links_of_every_form() {
    type Link = fn(usize, &str) -> String;
    let forms: [(&str, Link); 6] = [
        ("absolute", |page, origin| {
            format!("{origin}/fhir/Patient?page={page}&a=b%7Cc")
        }),
        ("host-relative", |page, _| format!("/fhir/Patient?page={page}")),
        ("path-relative", |page, _| format!("Patient?page={page}")),
        ("query-only", |page, _| format!("?page={page}")),
        ("blank and bar", |page, origin| {
            format!("{origin}/fhir?page={page}&q=a|b c")
        }),
        ("_search", |page, origin| {
            format!("{origin}/fhir/Patient/_search?page={page}&name=x")
        }),
    ];
    for (form, link) in forms {
        for format in [Format::Json, Format::Xml] {
            let server = three_pages(format, link).await;
            let search = Search::new("Patient").param("name", "x");
            let (pages, complete) = client(&server.base()).search(search).collect().await.expect(form);
            assert_eq!(ids(&pages), [2, 3, 4, 5, 6, 7], "{form}");
            assert_eq!(
                (complete.pages(), complete.entries(), complete.matches()),
                (3, 6, 6),
                "{form}"
            );
            assert_eq!((complete.total(), complete.restarts()), (Some(6), 0), "{form}");
            let log = server.requests();
            match form {
                "_search" => {
                    assert_eq!(log[1].method, "POST");
                    assert_eq!(log[1].target, "/fhir/Patient/_search");
                    assert_eq!(log[1].body, "page=2&name=x");
                }
                "absolute" => assert_eq!(log[1].target, "/fhir/Patient?page=2&a=b%7Cc"),
                "blank and bar" => assert_eq!(log[1].target, "/fhir?page=2&q=a%7Cb%20c"),
                _ => assert_eq!(log[1].method, "GET"),
            }
        }
    }
}

#[tokio::test]
async fn id_lists_go_by_post() {
    let server = three_pages(Format::Json, |page, origin| {
        format!("{origin}/fhir/Patient/_search?_id=1,2&page={page}")
    })
    .await;
    let search = Search::new("Patient").ids("_id", ["1", "2"]).count(2);
    let (pages, _) = client(&server.base())
        .search(search)
        .collect()
        .await
        .expect("search");
    assert_eq!(ids(&pages).len(), 6);
    let bodies: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(
        bodies,
        [
            "_id=1,2&_count=2",
            "_id=1,2&_count=2&page=2",
            "_id=1,2&_count=2&page=3"
        ]
    );
}

#[tokio::test]
async fn post_refused_falls_back_to_get() {
    for refusal in [
        (405, String::new()),
        (404, String::new()),
        (403, String::new()),
        (501, String::new()),
        (400, outcome("not-supported")),
        (200, outcome("not-supported")),
    ] {
        let server = Server::start(move |request, _| {
            if request.method == "POST" {
                return Response::new(refusal.0, refusal.1.clone());
            }
            let list = request.target.split("_id=").nth(1).expect("ids");
            let ids: Vec<usize> = list.split(',').map(|id| id.parse().expect("id")).collect();
            Response::new(200, bundle(Format::Json, &ids, Some(ids.len()), None))
        })
        .await;
        let client = client(&server.base());
        let wanted: Vec<usize> = (100_000..101_000).collect();
        for round in 0..2 {
            let search = Search::new("Patient").ids("_id", wanted.iter().map(ToString::to_string));
            let (pages, complete) = client.search(search).collect().await.expect("search");
            assert_eq!(ids(&pages), wanted);
            assert_eq!(complete.matches(), 1000);
            assert_eq!(complete.total(), Some(1000));
            let posts = server
                .requests()
                .iter()
                .filter(|request| request.method == "POST")
                .count();
            assert_eq!(posts, 1, "round {round}: a refusal is remembered");
        }
        assert!(
            server
                .requests()
                .iter()
                .all(|request| request.target.len() <= 2083)
        );
    }
}

#[tokio::test]
async fn search_links_that_refuse_post_are_asked_by_get() {
    let server = Server::start(
        |request, _| match (request.method.as_str(), request.target.as_str()) {
            ("POST", _) if request.body.contains("page=2") => Response::new(405, ""),
            ("POST", _) => Response::new(200, bundle(Format::Json, &[1], Some(2), Some("_search?page=2"))),
            ("GET", "/fhir/Patient/_search?page=2") => {
                Response::new(200, bundle(Format::Json, &[2], Some(2), None))
            }
            _ => Response::new(400, ""),
        },
    )
    .await;
    let search = Search::new("Patient").ids("_id", ["1", "2"]);
    let (pages, _) = client(&server.base())
        .search(search)
        .collect()
        .await
        .expect("search");
    assert_eq!(ids(&pages), [1, 2]);
}

#[tokio::test]
async fn a_page_refused_by_either_method_is_told_by_the_first_refusal() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "POST" if request.body.contains("page=2") => Response::new(403, outcome("forbidden")),
        "POST" => Response::new(200, bundle(Format::Json, &[1], Some(2), Some("_search?page=2"))),
        _ => Response::new(405, ""),
    })
    .await;
    let error = client(&server.base())
        .search(Search::new("Patient").ids("_id", ["1", "2"]))
        .collect()
        .await
        .expect_err("page 2");
    assert_eq!((error.status(), error.issues()), (Some(403), &["forbidden"][..]));
}

#[tokio::test]
async fn long_queries_go_by_post() {
    let server = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1], None, None))).await;
    let long = Search::new("Patient").any_of("identifier", (0..1000).map(|n| n.to_string()));
    client(&server.base())
        .search(long.clone())
        .collect()
        .await
        .expect("search");
    client(&server.base())
        .search(long.method(Method::Get))
        .collect()
        .await
        .expect("search");
    let methods: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(methods, ["POST", "GET"]);
}

#[tokio::test]
async fn empty_id_list_sends_nothing() {
    let server = Server::start(|_, _| Response::new(500, "")).await;
    let search = Search::new("Patient").ids("_id", Vec::<String>::new());
    let (pages, complete) = client(&server.base())
        .search(search)
        .collect()
        .await
        .expect("search");
    assert!(pages.is_empty() && complete.matches() == 0 && server.requests().is_empty());
}

#[tokio::test]
async fn batches_run_together_and_fail_alone() {
    let server = Server::start(|request, _| {
        let list = request
            .body
            .split("patient=")
            .nth(1)
            .expect("ids")
            .split('&')
            .next()
            .expect("ids");
        let ids: Vec<usize> = list.split(',').map(|id| id.parse().expect("id")).collect();
        if ids.contains(&25) {
            return Response::new(400, outcome("invalid"));
        }
        Response::new(200, bundle(Format::Json, &ids, None, None))
    })
    .await;
    let ids = (0..100).map(|id| id.to_string());
    let mut pages = client(&server.base()).by_ids(Search::new("Patient"), "patient", ids, 10);
    let mut complete = Vec::new();
    let mut failed = Vec::new();
    while let Some(step) = pages.next().await.expect("step") {
        match step {
            ManyStep::Ended {
                search,
                end: Ok(Step::Complete(_)),
            } => complete.push(search),
            ManyStep::Ended {
                search,
                end: Err(error),
            } => {
                assert_eq!(error.place().search, Some(search));
                assert_eq!(error.issues(), ["invalid"]);
                failed.push(search);
            }
            _ => {}
        }
    }
    complete.sort_unstable();
    assert_eq!(complete, [0, 1, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(failed, [2]);
}

#[tokio::test]
async fn page_limit_is_not_complete_and_can_go_on() {
    let server = three_pages(Format::Json, |page, _| format!("?page={page}")).await;
    let client = client(&server.base());
    let both = client
        .search(Search::new("Patient").ids("_id", ["1"]).max_pages(2))
        .collect()
        .await;
    assert!(matches!(
        both.expect_err("a list with a limit").kind(),
        ErrorKind::Configuration(_)
    ));
    let mut pages = client.search(Search::new("Patient").max_pages(2));
    let mut seen = Vec::new();
    let limited = loop {
        match pages.next().await.expect("step") {
            Step::Page(page) => seen.push(page),
            Step::Limited(limited) => break limited,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(limited.pages(), 2);
    assert_eq!(
        limited.next_url().expose(),
        format!("{}/Patient?page=3", server.base())
    );
    let link = NextUrl::new(limited.next_url().expose());
    let (rest, complete) = client
        .resume(Search::new("Patient"), link)
        .collect()
        .await
        .expect("resume");
    assert!(complete.resumed());
    seen.extend(rest);
    assert_eq!(ids(&seen), [2, 3, 4, 5, 6, 7]);
    let all = client
        .search(Search::new("Patient").max_pages(3))
        .collect()
        .await
        .expect("all")
        .1;
    assert!(!all.resumed());
}

#[tokio::test]
async fn circles_are_errors() {
    let circles: [fn(usize, &str) -> String; 2] = [
        |_, _| "/fhir/Patient?page=2".to_owned(),
        |_, _| "/fhir/Patient".to_owned(),
    ];
    for link in circles {
        let server = three_pages(Format::Json, link).await;
        let error = client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await
            .expect_err("circle");
        assert_eq!(error.kind(), &ErrorKind::Loop);
    }
}

#[tokio::test]
async fn links_that_never_end_are_errors() {
    let server = Server::start(|request, _| {
        let next = page_of(request) + 1;
        Response::new(
            200,
            bundle(Format::Json, &[], None, Some(&format!("?page={next}"))),
        )
    })
    .await;
    let limited = options(&server.base()).limits(|limits| limits.idle_pages = 5);
    let error = Client::new(limited)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await;
    assert_eq!(error.expect_err("error").kind(), &ErrorKind::NoProgress);
    let limited = options(&server.base()).limits(|limits| limits.pages = 7);
    let error = Client::new(limited)
        .expect("client")
        .search(Search::new("Patient"))
        .collect()
        .await;
    assert_eq!(error.expect_err("error").kind(), &ErrorKind::TooManyPages);
}

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
            .args(["--exact", "paging::proxies_of_the_environment_are_obeyed"])
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
