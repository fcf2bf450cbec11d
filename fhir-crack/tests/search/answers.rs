//! What an answer says beside its resources is held against what was asked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fhir_crack::search::{Auth, Client, ErrorKind, Format, Search, Spool};

use crate::bundle::{bundle, ids};
use crate::server::{Response, Server};
use crate::{client, options};

#[tokio::test]
async fn the_servers_time_is_that_of_its_first_answer() {
    let server = Server::start(|request, _| {
        let second = request.target.contains("page=2");
        let date = if second {
            "Sun, 06 Nov 1994 08:50:00 GMT"
        } else {
            "Sun, 06 Nov 1994 08:49:37 GMT"
        };
        let next = (!second).then_some("?page=2");
        Response::new(200, bundle(Format::Json, &[usize::from(second)], Some(2), next)).header("date", date)
    })
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path());
    for _ in 0..2 {
        let pages = client(&server.base()).search_spooled(Search::new("Patient"), &spool);
        let (_, complete) = pages.collect().await.expect("search");
        assert_eq!(
            complete.begun(),
            Some(UNIX_EPOCH + Duration::from_secs(784_111_777))
        );
        assert!(complete.begun().expect("date") < SystemTime::now());
    }
    assert_eq!(server.requests().len(), 2, "the second time from the spool");
}

#[tokio::test]
async fn parameters_that_were_not_understood_are_named() {
    for (link, ignored) in [
        ("/fhir/Patient?name=x&_count=5", &["birthdate"][..]),
        ("/fhir/Patient?name:exact=x&birthdate=gt2020", &[]),
        ("/fhir/Patient?birthdate=gt2020", &["name"]),
        // such a link says nothing about the search
        ("/fhir?_getpages=abc", &[]),
        ("/fhir/Patient/_search", &[]),
    ] {
        let server = Server::start(move |_, _| {
            let page = bundle(Format::Json, &[1], Some(1), None);
            let link = format!(r#""link":[{{"relation":"self","url":"{link}"}}],"entry""#);
            Response::new(200, page.replacen("\"entry\"", &link, 1))
        })
        .await;
        let search = Search::new("Patient")
            .param("name", "x")
            .param("birthdate", "gt2020")
            .count(5);
        let (_, complete) = client(&server.base())
            .search(search)
            .collect()
            .await
            .expect("search");
        assert_eq!(complete.ignored(), ignored, "{link}");
    }
}

#[tokio::test]
async fn ids_that_never_came_are_named() {
    let server = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1], Some(1), None))).await;
    let search = Search::new("Patient").ids("_id", ["1", "2", "3"]);
    let (_, complete) = client(&server.base())
        .search(search)
        .collect()
        .await
        .expect("search");
    let unseen: Vec<&str> = complete.unseen().iter().map(|id| &**id).collect();
    assert_eq!(unseen, ["2", "3"]);
    let search = Search::new("Patient").ids("link", ["1", "2"]);
    let (_, complete) = client(&server.base())
        .search(search)
        .collect()
        .await
        .expect("search");
    assert!(complete.unseen().is_empty());
}

#[tokio::test]
async fn a_total_that_two_walks_and_a_count_refute_is_wrong() {
    for (counted, completes) in [(2, true), (3, false)] {
        let server = Server::start(move |request, _| {
            if request.target.contains("_summary=count") {
                return Response::new(200, bundle(Format::Json, &[], Some(counted), None));
            }
            Response::new(200, bundle(Format::Json, &[1, 1, 2], Some(3), None))
        })
        .await;
        let found = client(&server.base())
            .search(Search::new("Patient"))
            .collect()
            .await;
        match found {
            Ok((_, complete)) => {
                assert!(completes && complete.matches() == 2 && complete.total_is_wrong());
            }
            Err(error) => {
                let expected = ErrorKind::TooFew {
                    expected: 3,
                    received: 2,
                };
                assert!(!completes && error.kind() == &expected, "{error}");
            }
        }
        assert_eq!(server.requests().len(), 3, "two walks and a count");
    }
}

#[tokio::test]
async fn a_history_that_is_short_of_its_total_is_not_complete() {
    let server = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1], Some(8181), None))).await;
    let error = client(&server.base())
        .search(Search::new("Patient/_history"))
        .collect()
        .await
        .expect_err("8181 versions");
    assert_eq!(
        error.kind(),
        &ErrorKind::TooFew {
            expected: 8181,
            received: 1
        }
    );
}

#[tokio::test]
async fn links_and_entries_of_other_forms_are_read() {
    const ENTRY: &str = r#"{"resource":{"resourceType":"Patient","id":"1"}}"#;
    for link in [
        r#""link":{"relation":"next","url":"?page=2"}"#,
        r#""link":[{"relation":"Next","url":"?page=2"}]"#,
        r#""link":[{"relation":["next"],"url":"?page=2"}]"#,
        r#""l\u0069nk":[{"r\u0065lation":"n\u0065xt","url":"?page=2"}]"#,
    ] {
        for entry in [ENTRY.to_owned(), format!("[{ENTRY}]")] {
            let page = format!(r#"{{"resourceType":"Bundle",{link},"entry":{entry}}}"#);
            let server = Server::start(move |request, _| {
                if request.target.contains("page=2") {
                    return Response::new(200, bundle(Format::Json, &[2], None, None));
                }
                Response::new(200, page.clone())
            })
            .await;
            let (pages, complete) = client(&server.base())
                .search(Search::new("Patient"))
                .collect()
                .await
                .expect(link);
            assert_eq!((ids(&pages), complete.matches()), (vec![1, 2], 2), "{link}");
        }
    }
}

#[tokio::test]
async fn a_page_that_is_not_well_formed_is_handed_over_for_what_it_holds() {
    let bad = r#"{"resourceType":"Bundle","total":3,"link":[{"relation":"next","url":"?page=2"}],"entry":[
        {"resource":{"resourceType":"Patient","id":"1"}},
        {"resource":{"resourceType":"Patient","id":"2","name":[{"family":"5" pipe"}]}},
        {"resource":{"resourceType":"Patient","id":"3"}}]}"#;
    let server = Server::start(move |request, _| {
        if request.target.contains("page=2") {
            return Response::new(200, bundle(Format::Json, &[4], Some(4), None));
        }
        Response::new(200, bad)
    })
    .await;
    let (found, complete) = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("everything came that the server sent");
    assert_eq!(ids(&found), [1, 2, 3, 4]);
    assert_eq!((complete.unread(), complete.matches()), (1, 4));
    assert_eq!(server.requests().len(), 2, "asking again would bring the same");
    for text in [
        "<html><body>502</body></html>",
        "{\"resourceType\":\"Bundle\",\"entry\":[",
    ] {
        let server = Server::start(move |_, _| Response::new(200, text)).await;
        let mut pages = client(&server.base()).search(Search::new("Patient"));
        assert_eq!(
            pages.next().await.expect_err("no page").kind(),
            &ErrorKind::Malformed
        );
    }
}

#[tokio::test]
async fn a_redirect_to_a_result_is_asked_by_get() {
    for status in [301, 302] {
        let server = Server::start(move |request, _| match (&*request.method, &*request.target) {
            ("POST", "/fhir/Patient/_search") => {
                Response::new(status, "").header("location", "/fhir/Patient?results=7")
            }
            ("GET", "/fhir/Patient?results=7") => Response::new(200, bundle(Format::Json, &[1], None, None)),
            _ => Response::new(405, ""),
        })
        .await;
        let search = Search::new("Patient").ids("_id", ["1"]);
        let (pages, _) = client(&server.base())
            .search(search)
            .collect()
            .await
            .expect("search");
        assert_eq!(ids(&pages), [1]);
    }
}

#[tokio::test]
async fn a_token_file_that_is_empty_for_a_moment_is_read_again() {
    let server = Server::start(|_, _| Response::new(200, bundle(Format::Json, &[1], None, None))).await;
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("token");
    std::fs::write(&path, "").expect("file");
    let options = options(&server.base()).retry(fhir_crack::search::RetryPolicy {
        attempts: 20,
        base: Duration::from_millis(20),
        cap: Duration::from_millis(40),
        retry_after_cap: Duration::from_millis(50),
        total: Duration::from_secs(20),
    });
    let client = Client::new(options.auth(Auth::BearerFile(path.clone()))).expect("client");
    let pages = client.search(Search::new("Patient"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    std::fs::write(&path, "TOKEN\n").expect("file");
    pages.collect().await.expect("search");
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer TOKEN");
}

#[tokio::test]
async fn pages_beyond_what_was_announced_and_bytes_have_a_limit() {
    let server = Server::start(|request, _| {
        let page: usize = request
            .target
            .split("page=")
            .nth(1)
            .map_or(1, |page| page.parse().expect("page"));
        let ids: Vec<usize> = (page * 1000..page * 1000 + 1000).collect();
        Response::new(
            200,
            bundle(Format::Json, &ids, Some(10), Some(&format!("?page={}", page + 1))),
        )
    })
    .await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("endless");
    assert_eq!(error.kind(), &ErrorKind::TooManyPages);
    assert!(server.requests().len() < 15);
    let limited = options(&server.base()).limits(|limits| limits.search_bytes = 100_000);
    let client = Client::new(limited).expect("client");
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("bytes");
    assert_eq!(
        (error.kind(), error.received().pages),
        (&ErrorKind::TooManyPages, 2)
    );
}

#[tokio::test]
async fn a_second_walk_with_other_resources_is_no_proof() {
    let server = Server::start(|request, _| {
        if request.target.contains("_summary=count") {
            return Response::new(200, bundle(Format::Json, &[], Some(2), None));
        }
        Response::new(
            200,
            bundle(Format::Json, &[request.nth, request.nth + 1], Some(3), None),
        )
    })
    .await;
    let error = client(&server.base())
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("it never settles");
    assert!(matches!(error.kind(), ErrorKind::TooFew { .. }), "{error}");
}

#[tokio::test]
async fn outcomes_along_the_way_are_told_without_their_texts() {
    let server = Server::start(|_, _| {
        let issue = r#"{"severity":"warning","code":"not-supported","details":{"text":"MARKER"},"expression":["http.name"]}"#;
        let odd = r#"{"severity":"information","code":"MARKER","diagnostics":"MARKER","location":["MARKER"]}"#;
        let page = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"OperationOutcome","issue":[{issue},{odd}]}},"search":{{"mode":"outcome"}}}},{{"resource":{{"resourceType":"Patient","id":"1"}}}}]}}"#
        );
        Response::new(200, page)
    })
    .await;
    let (_, complete) = client(&server.base())
        .search(Search::new("Patient").param("name", "x"))
        .collect()
        .await
        .expect("search");
    let told: Vec<_> = complete
        .outcomes()
        .iter()
        .map(|told| (told.severity, told.code, told.concerns.as_deref(), told.count))
        .collect();
    assert_eq!(
        told,
        [
            ("information", "unknown", None, 1),
            ("warning", "not-supported", Some("name"), 1)
        ]
    );
    assert!(!format!("{complete:?}").contains("MARKER"));
}

#[tokio::test]
async fn a_server_that_names_all_parameters_is_told_to_be_strict() {
    for (names, refuses, expected) in [
        (&["name", "_id"][..], false, &["handling=strict"][..]),
        (&["_id"], false, &[""]),
        (&["name"], true, &["handling=strict", ""]),
    ] {
        let server = Server::start(move |request, _| {
            if request.target.ends_with("metadata") {
                let params: Vec<String> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
                return Response::new(
                    200,
                    format!(
                        r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[{{"type":"Patient","searchParam":[{}]}}]}}]}}"#,
                        params.join(",")
                    ),
                );
            }
            if refuses && request.headers.contains_key("prefer") {
                return Response::new(400, "");
            }
            Response::new(200, bundle(Format::Json, &[1], None, None))
        })
        .await;
        let client = client(&server.base());
        client.capability().await.expect("a statement");
        let search = Search::new("Patient").param("name", "x").count(5);
        client.search(search).collect().await.expect("search");
        let requests = server.requests();
        let sent: Vec<&str> = requests[1..]
            .iter()
            .map(|request| request.headers.get("prefer").map_or("", |value| value.as_str()))
            .collect();
        assert_eq!(sent, expected, "{names:?}");
    }
}
