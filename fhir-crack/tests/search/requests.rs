//! Counts, ids, samples, single resources and the capability statement, from the fixture server.

use std::collections::BTreeSet;

use fhir_crack::search::{ErrorKind, Format, Method, Reading, Search};
use fixtures::hospital::Hospital;
use fixtures::server::{Fault, FaultPlan, FaultRule, Server, ServerOptions};
use fixtures::{Kind, MemoryStore};

use crate::bundle::{bundle, outcome};
use crate::server::Response;
use crate::{client, options};

fn hospital() -> Hospital {
    Hospital::new(3, 30)
}

fn serve(change: impl FnOnce(&mut ServerOptions)) -> Server {
    let mut options = ServerOptions {
        threads: 1,
        ..ServerOptions::default()
    };
    change(&mut options);
    let mut store = MemoryStore::of(&hospital());
    store.delete(
        "Patient",
        &patients()[0],
        "2025-01-01T00:00:00Z".parse().expect("time"),
    );
    Server::start(store, options).expect("server")
}

/// Ids of all Patients, the first of whom the server has deleted.
fn patients() -> Vec<String> {
    let all = hospital().resources(fixtures::Format::Json).collect::<Vec<_>>();
    all.into_iter()
        .filter(|resource| resource.kind == Kind::Patient)
        .map(|resource| resource.id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_ids() {
    let wanted: BTreeSet<String> = patients()[1..].iter().cloned().collect();
    for post in [true, false] {
        let server = serve(|options| options.post_search = post);
        let client = client(server.base_url());
        let count = wanted.len() as u64;
        assert_eq!(client.count(Search::new("Patient")).await.expect("count"), count);
        assert_eq!(
            client
                .count(Search::new("Patient").method(Method::Post))
                .await
                .expect("count"),
            count
        );
        let some = Search::new("Patient").ids("_id", patients());
        assert_eq!(client.count(some).await.expect("count of ids"), count);
        assert_eq!(
            client
                .count(Search::new("Patient").ids("_id", [""; 0]))
                .await
                .expect("none"),
            0
        );
        let ids = client.ids(Search::new("Patient").count(7)).await.expect("ids");
        assert_eq!(ids.len(), wanted.len());
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_follow_their_seed() {
    let server = serve(|_| {});
    let client = client(server.base_url());
    let sample = |seed| client.sample(Search::new("Patient"), 5, seed);
    let (first, again, other) = (sample(1).await, sample(1).await, sample(2).await);
    let first = first.expect("sample");
    assert_eq!(first, again.expect("sample"));
    assert_ne!(first, other.expect("sample"));
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 5);
    let error = client
        .sample(Search::new("Patient"), 1000, 1)
        .await
        .expect_err("too many");
    assert!(matches!(error.kind(), ErrorKind::Configuration(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn single_resources() {
    let server = serve(|_| {});
    for format in [Format::Json, Format::Xml] {
        let options = options(server.base_url()).format(format);
        let client = fhir_crack::search::Client::new(options).expect("client");
        let Reading::Found(page) = client.read("Patient", &patients()[1]).await.expect("read") else {
            panic!("not found")
        };
        assert_eq!(page.format, format);
        assert!(
            std::str::from_utf8(&page.bytes)
                .expect("text")
                .contains(&patients()[1])
        );
        assert!(matches!(
            client.read("Patient", &patients()[0]).await.expect("410"),
            Reading::Deleted
        ));
        assert!(matches!(
            client.read("Patient", "never").await.expect("404"),
            Reading::Missing
        ));
    }
    let client = client(server.base_url());
    for (resource, id) in [
        ("Patient", "../metadata"),
        ("Patient", ""),
        ("Patient", ".."),
        ("Pat/ient", "1"),
        ("", "1"),
    ] {
        let error = client.read(resource, id).await.expect_err("refused");
        assert!(
            matches!(error.kind(), ErrorKind::Configuration(_)),
            "{resource}/{id}"
        );
    }
    server.set_faults(FaultPlan::default().with(FaultRule::new(Fault::Status(503)).times(2)));
    assert!(matches!(
        client.read("Patient", &patients()[1]).await.expect("after two"),
        Reading::Found(_)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities() {
    let server = serve(|_| {});
    let capability = client(server.base_url()).capability().await.expect("metadata");
    assert!(capability.fhir_version.starts_with("4.0"));
    assert!(capability.of("Patient").is_some());
    let other =
        crate::server::Server::start(|_, _| Response::new(200, bundle(Format::Json, &[], None, None))).await;
    let error = client(&other.base()).capability().await.expect_err("a bundle");
    assert_eq!(error.kind(), &ErrorKind::Malformed);
    let other = crate::server::Server::start(|_, _| Response::new(404, outcome("not-found"))).await;
    let error = client(&other.base()).capability().await.expect_err("no metadata");
    assert_eq!(error.status(), Some(404));
}

#[tokio::test]
async fn a_count_without_a_total_is_an_error() {
    let server =
        crate::server::Server::start(|_, _| Response::new(200, bundle(Format::Json, &[], None, None))).await;
    let error = client(&server.base())
        .count(Search::new("Patient"))
        .await
        .expect_err("no total");
    assert_eq!(error.kind(), &ErrorKind::Malformed);
}
