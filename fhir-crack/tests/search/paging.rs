//! Pages one after the other by links of every form, up to a limit, and never in a circle.

use fhir_crack::search::{Client, ErrorKind, Format, ManyStep, NextUrl, Search, Step};

use crate::bundle::{bundle, ids, outcome};
use crate::server::{Request, Response, Server};
use crate::{client, options};

/// Three pages of two Patients; `link` writes the link to page n.
pub(crate) async fn three_pages(
    format: Format,
    link: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> Server {
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
