use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fhir_crack::search::{ErrorKind, Format, Search, Spool};

use crate::bundle::{bundle, ids};
use crate::client;
use crate::server::{Response, Server};

/// Five pages of two Patients; page 4 is refused while `broken` is set.
async fn five_pages(broken: Arc<AtomicBool>) -> Server {
    Server::start(move |request, _| {
        let page: usize = request
            .target
            .split("page=")
            .nth(1)
            .map_or(1, |page| page.parse().expect("page"));
        if page == 4 && broken.load(Ordering::SeqCst) {
            return Response::new(400, "");
        }
        let next = (page < 5).then(|| format!("?page={}", page + 1));
        Response::new(
            200,
            bundle(Format::Json, &[page * 2, page * 2 + 1], Some(10), next.as_deref()),
        )
    })
    .await
}

const ALL: [usize; 10] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .expect("dir")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("name"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_run_that_died_goes_on_where_it_was() {
    let broken = Arc::new(AtomicBool::new(true));
    let server = five_pages(Arc::clone(&broken)).await;
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path().join("encounters"));
    let client = client(&server.base());
    let error = client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect_err("page 4");
    assert_eq!(error.received().pages, 3);
    broken.store(false, Ordering::SeqCst);
    let (pages, complete) = client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect("rest");
    assert_eq!(ids(&pages), ALL);
    assert_eq!(
        (complete.pages(), complete.matches(), complete.total()),
        (5, 10, Some(10))
    );
    assert_eq!(
        pages.iter().map(|page| page.number).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(
        server.requests().len(),
        4 + 2,
        "pages 1 to 3 are not asked for again"
    );
    let again = client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect("again");
    assert_eq!((ids(&again.0), again.1), (ALL.to_vec(), complete));
    assert_eq!(server.requests().len(), 6, "a complete search is not asked again");
    assert_eq!(names(spool.dir())[..2], ["0001-000001.json", "0001-000002.json"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode(spool.dir()), 0o700);
        assert_eq!(mode(&spool.dir().join("0001-000001.json")), 0o600);
        assert_eq!(mode(&spool.dir().join("journal.jsonl")), 0o600);
    }
}

#[tokio::test]
async fn pages_that_were_harmed_are_fetched_again() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm, usize); 4] = [
        (
            "cut file",
            |dir| std::fs::write(dir.join("0001-000002.json"), "{").expect("write"),
            4,
        ),
        (
            "lost file",
            |dir| std::fs::remove_file(dir.join("0001-000003.json")).expect("remove"),
            3,
        ),
        (
            "torn journal",
            |dir| {
                let path = dir.join("journal.jsonl");
                let text = std::fs::read_to_string(&path).expect("read");
                std::fs::write(&path, &text[..text.len() - 30]).expect("write");
            },
            0,
        ),
        ("nothing", |_| {}, 0),
    ];
    for (harm, apply, requests) in harms {
        let server = five_pages(Arc::default()).await;
        let dir = tempfile::tempdir().expect("dir");
        let spool = Spool::new(dir.path());
        let client = client(&server.base());
        client
            .search_spooled(Search::new("Patient"), &spool)
            .collect()
            .await
            .expect(harm);
        apply(dir.path());
        for round in 0..2 {
            let (pages, complete) = client
                .search_spooled(Search::new("Patient"), &spool)
                .collect()
                .await
                .expect(harm);
            assert_eq!(ids(&pages), ALL, "{harm}, round {round}");
            assert_eq!(complete.matches(), 10, "{harm}");
        }
        let asked = server.requests().len() - 5;
        assert!(
            asked == requests || harm == "torn journal" && asked <= 1,
            "{harm}: {asked}"
        );
    }
}

#[tokio::test]
async fn an_expired_link_begins_the_part_anew() {
    let broken = Arc::new(AtomicBool::new(true));
    let stop = Arc::clone(&broken);
    let server = Server::start(move |request, _| {
        let second = request.target.contains("page=2");
        match (second, stop.load(Ordering::SeqCst), request.nth) {
            (true, true, _) => Response::new(400, ""),
            (true, false, 1) => Response::new(410, ""),
            (true, false, _) => Response::new(200, bundle(Format::Json, &[3], Some(2), None)),
            _ => Response::new(200, bundle(Format::Json, &[1], Some(2), Some("?page=2"))),
        }
    })
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path());
    let client = client(&server.base());
    client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect_err("page 2");
    broken.store(false, Ordering::SeqCst);
    let (pages, complete) = client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect("rest");
    assert_eq!((ids(&pages), complete.restarts()), (vec![1, 1, 3], 1));
    let (pages, _) = client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect("again");
    assert_eq!(ids(&pages), [1, 3]);
}

#[tokio::test]
async fn id_lists_by_get_keep_their_parts() {
    let broken = Arc::new(AtomicBool::new(true));
    let stop = Arc::clone(&broken);
    let server = Server::start(move |request, _| {
        if request.method == "POST" {
            return Response::new(405, "");
        }
        let list = request.target.split("_id=").nth(1).expect("ids");
        let ids: Vec<usize> = list.split(',').map(|id| id.parse().expect("id")).collect();
        if ids.contains(&100_700) && stop.load(Ordering::SeqCst) {
            return Response::new(400, "");
        }
        Response::new(200, bundle(Format::Json, &ids, Some(ids.len()), None))
    })
    .await;
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path());
    let wanted: Vec<usize> = (100_000..101_000).collect();
    let search = Search::new("Patient").ids("_id", wanted.iter().map(ToString::to_string));
    client(&server.base())
        .search_spooled(search.clone(), &spool)
        .collect()
        .await
        .expect_err("part 3");
    broken.store(false, Ordering::SeqCst);
    let before = server.requests().len();
    let (pages, complete) = client(&server.base())
        .search_spooled(search, &spool)
        .collect()
        .await
        .expect("rest");
    assert_eq!((ids(&pages), complete.matches()), (wanted, 1000));
    assert_eq!(
        server.requests().len() - before,
        2,
        "two of four parts were kept, and POST is not tried again"
    );
}

#[tokio::test]
async fn a_spool_serves_one_search() {
    let server = five_pages(Arc::default()).await;
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path());
    let client = client(&server.base());
    client
        .search_spooled(Search::new("Patient"), &spool)
        .collect()
        .await
        .expect("first");
    let other = Search::new("Patient").param("name", "x");
    let error = client
        .search_spooled(other, &spool)
        .collect()
        .await
        .expect_err("other");
    assert!(matches!(error.kind(), ErrorKind::Configuration(_)));
    let error = client
        .search_spooled(Search::new("Patient"), &Spool::new("/dev/null/x"))
        .collect()
        .await;
    assert_eq!(error.expect_err("no directory").kind(), &ErrorKind::Spool);
}
