//! Searches by POST, which long lists need, and how a server that refuses it is asked.

use fhir_crack::search::{Format, Method, Search};

use crate::bundle::{bundle, ids, outcome};
use crate::client;
use crate::paging::three_pages;
use crate::server::{Response, Server};

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
