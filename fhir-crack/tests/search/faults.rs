//! The whole search against a server that plays faults: the resources stored are those on the server, or the search
//! says that it is incomplete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fhir_crack::search::{
    Auth, Client, Complete, Error, ErrorKind, Format, Phase, RetryPolicy, Search, Secret, Step, Timeouts,
};
use fixtures::hospital::Hospital;
use fixtures::server::{Fault, FaultPlan, FaultRule, Server, ServerOptions};
use fixtures::{Kind, MemoryStore};
use futures_util::StreamExt;

use crate::options;
use crate::server::Response;

/// What a run has at its end: the ids it stored, and how its search ended.
struct Run {
    stored: BTreeSet<String>,
    end: Result<Complete, Error>,
}

/// The hospital all runs ask, the ids of its Conditions, and where tokens are to be had.
struct World {
    store: Arc<MemoryStore>,
    patients: Vec<String>,
    ids: BTreeSet<String>,
    tokens: crate::server::Server,
}

impl World {
    async fn new() -> World {
        let hospital = Hospital::new(7, 40);
        let ids = |kind: Kind| {
            let all = hospital
                .resources(fixtures::Format::Json)
                .filter(move |resource| resource.kind == kind);
            all.map(|resource| resource.id)
        };
        let (patients, found) = (ids(Kind::Patient).collect(), ids(Kind::Condition).collect());
        World {
            store: Arc::new(MemoryStore::of(&hospital)),
            patients,
            ids: found,
            // every request gets another token
            tokens: crate::server::Server::start(|request, _| {
                Response::new(200, format!("t{}", request.nth))
            })
            .await,
        }
    }

    fn serve(&self, faults: FaultPlan) -> Server {
        let options = ServerOptions {
            faults,
            post_links: true,
            threads: 1,
            ..ServerOptions::default()
        };
        Server::start(Arc::clone(&self.store), options).expect("server")
    }

    /// Pages of 20 Conditions, by GET or by POST.
    fn search(&self, post: bool) -> Search {
        let search = Search::new("Condition").count(20);
        if post {
            search.ids("patient", self.patients.iter().map(String::as_str))
        } else {
            search
        }
    }

    async fn run(&self, faults: FaultPlan, format: Format, post: bool) -> Run {
        let server = self.serve(faults);
        let options = options(server.base_url())
            .format(format)
            .auth(Auth::TokenUrl {
                url: Secret::new(format!("{}/token", self.tokens.origin)),
                login: None,
                token: None,
            })
            .limits(|limits| limits.body_bytes = 4 << 20)
            .retry(RetryPolicy {
                attempts: 4,
                base: Duration::from_millis(1),
                cap: Duration::from_millis(4),
                retry_after_cap: Duration::from_millis(10),
                total: Duration::from_secs(60),
            })
            .timeouts(Timeouts {
                connect: Duration::from_secs(10),
                idle: Duration::from_millis(250),
                total: Duration::from_secs(10),
            });
        let mut pages = Client::new(options).expect("client").search(self.search(post));
        let mut stored = BTreeSet::new();
        loop {
            match pages.next().await {
                Ok(Step::Page(page)) => stored.extend(ids(&page.bytes)),
                Ok(Step::Complete(complete)) => {
                    return Run {
                        stored,
                        end: Ok(complete),
                    };
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    return Run {
                        stored,
                        end: Err(error),
                    };
                }
            }
        }
    }
}

/// Ids of the Conditions on a page, in either format, from the entries' full URLs.
fn ids(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).expect("text");
    let after = text.split("/fhir/Condition/").skip(1);
    let ids = after.map(|rest| rest.split(['"', '<']).next().expect("id"));
    // links of POSTed searches lead below Condition too
    ids.filter(|id| !id.contains('?')).map(str::to_owned).collect()
}

/// Ids that are in one of the sets only.
fn difference(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Vec<String> {
    a.symmetric_difference(b).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_alone() {
    use ErrorKind as E;
    let world = World::new().await;
    let pages = world.ids.len().div_ceil(20);
    assert!(pages >= 4, "{} Conditions", world.ids.len());
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let for_ever = u32::MAX;
    let cases: Vec<(Fault, u32, Result<(), ErrorKind>)> = vec![
        (Fault::Status(500), 3, Ok(())),
        (Fault::Status(503), 4, Err(E::Status(503))),
        (Fault::Status(400), 1, Err(E::Status(400))),
        (Fault::Status(401), 1, Ok(())),
        (Fault::Status(401), for_ever, Err(E::Unauthorized)),
        (Fault::RefuseToken, 1, Ok(())),
        (Fault::Status(410), 1, Ok(())),
        (Fault::Status(404), 1, Ok(())),
        (Fault::Status(410), for_ever, Err(E::ExpiredLink)),
        (Fault::StatusWith(429, header("retry-after", "0")), 3, Ok(())),
        (Fault::StatusWith(429, header("retry-after", "100000")), 1, Ok(())),
        (
            Fault::StatusWith(429, header("retry-after", "Tue, 31 Dec 2199 23:59:59 GMT")),
            1,
            Ok(()),
        ),
        (
            Fault::StatusWith(503, header("retry-after", "Sat, 01 Jan 2000 00:00:00 GMT")),
            3,
            Ok(()),
        ),
        (Fault::Truncate(500), 3, Ok(())),
        (Fault::Truncate(500), for_ever, Err(E::Truncated)),
        (Fault::Hang(500), 2, Ok(())),
        (Fault::Hang(0), for_ever, Err(E::Timeout(Phase::Idle))),
        (Fault::Endless, 1, Err(E::TooLarge)),
        (Fault::Drip(1000, Duration::from_millis(1)), for_ever, Ok(())),
        (Fault::Reset, 3, Ok(())),
        (Fault::FalseGzip, 1, Ok(())),
        (Fault::FalseGzip, for_ever, Ok(())),
        (Fault::CutGzip, 3, Ok(())),
        (Fault::CutGzip, for_ever, Err(E::Truncated)),
        (Fault::OtherFormat, for_ever, Ok(())),
        (Fault::OutcomeAsSuccess("transient"), 3, Ok(())),
        (Fault::OutcomeAsSuccess("too-costly"), 1, Err(E::Outcome)),
        (Fault::EmptyPage { empty_list: false }, 1, Ok(())),
        (Fault::EmptyPage { empty_list: true }, 3, Ok(())),
        (Fault::Duplicates, for_ever, Ok(())),
        (Fault::LoseEntries(1), 1, Ok(())),
        (
            Fault::LoseEntries(1),
            for_ever,
            Err(E::TooFew {
                expected: world.ids.len() as u64,
                received: world.ids.len() as u64 - 1,
            }),
        ),
        (Fault::Circle, for_ever, Err(E::Loop)),
        (
            Fault::NextTo("http://127.0.0.1:9/fhir/Condition".to_owned()),
            1,
            Err(E::ForeignOrigin("http://127.0.0.1:9".to_owned())),
        ),
        (
            Fault::RedirectTo("http://127.0.0.1:9/fhir".to_owned()),
            1,
            Err(E::ForeignOrigin("http://127.0.0.1:9".to_owned())),
        ),
    ];
    for (fault, times, expected) in cases {
        for (format, post) in [(Format::Json, false), (Format::Xml, false), (Format::Json, true)] {
            let plan = FaultPlan::default().with(FaultRule::new(fault.clone()).page(3).times(times));
            let run = world.run(plan, format, post).await;
            let case = format!("{fault:?} x {times}, {format:?}, post: {post}");
            match (&run.end, &expected) {
                (Ok(complete), Ok(())) => {
                    assert_eq!(difference(&run.stored, &world.ids), [""; 0], "{case}");
                    assert_eq!(complete.matches(), world.ids.len() as u64, "{case}");
                }
                (Err(error), Err(kind)) => {
                    assert_eq!(error.kind(), kind, "{case}");
                    assert_eq!(error.place().resource, "Condition", "{case}");
                    assert!(error.place().page >= Some(3), "{case}: {error}");
                }
                (end, _) => panic!("{case}: {end:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_random_combinations() {
    let world = World::new().await;
    let runs = futures_util::stream::iter(0..200u64).map(|seed| {
        let world = &world;
        async move {
            let plan = FaultPlan::random(seed, 5);
            let faults: Vec<Fault> = plan.faults().cloned().collect();
            let format = if seed % 2 == 0 { Format::Json } else { Format::Xml };
            (seed, faults, world.run(plan, format, seed % 3 == 0).await)
        }
    });
    let mut complete = 0;
    let mut incomplete = BTreeMap::new();
    let mut runs = runs.buffer_unordered(8);
    while let Some((seed, faults, run)) = runs.next().await {
        match run.end {
            Ok(_) => {
                assert_eq!(
                    difference(&run.stored, &world.ids),
                    [""; 0],
                    "seed {seed}: silently, {faults:?}"
                );
                complete += 1;
            }
            Err(error) => {
                assert!(run.stored.is_subset(&world.ids), "seed {seed}");
                assert_eq!(error.place().resource, "Condition", "seed {seed}: {faults:?}");
                assert!(error.place().page.is_some(), "seed {seed}: {faults:?}");
                *incomplete.entry(error.kind().to_string()).or_insert(0) += 1;
            }
        }
    }
    println!("{complete} runs complete, the others said why not: {incomplete:?}");
    assert!(
        (60..=190).contains(&complete),
        "{complete} of 200 runs complete: the faults are too hard or too soft"
    );
}
