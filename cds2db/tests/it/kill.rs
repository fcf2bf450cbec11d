//! Runs of the program that are killed, and what the next one makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fixtures::server::Logged;
use work_dir::{Layout, Runs, Status, WorkDir};

use crate::same_rows::assert_same;
use crate::work_place::{IDS_AT_ONCE, Place, program};

/// How many runs are killed; `CDS2DB_KILLS=100` for the whole campaign.
const KILLS: u32 = 5;

/// The killed runs load by several connections; the undisturbed one, with which they are compared, by its own.
const SEVERAL: &[&str] = &["--set", "LOAD_CONNECTIONS=3"];

/// Files of typed rows by name.
fn files(layout: &Layout) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(layout.final_signals()) else {
        return BTreeMap::new();
    };
    let files = entries.map(|entry| entry.expect("an entry").path());
    let whole = files.filter(|path| path.extension().is_none_or(|e| e != "part"));
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(&path).expect("reads"))
    };
    whole.map(read).collect()
}

/// Tables with status, last batch and number of batches.
fn state(layout: &Layout) -> Vec<(String, Status, Option<u32>, usize)> {
    let work = WorkDir::look(layout.root()).expect("the state reads");
    work.units()
        .map(|(name, _, status)| (name.to_owned(), status, work.last_batch(name), work.batches(name)))
        .collect()
}

/// The list of ids a request is about, with its type; `None` for other requests.
fn ids(request: &Logged) -> Option<(String, String)> {
    let resource = request
        .path
        .split('/')
        .find(|part| part.starts_with(char::is_uppercase))?;
    let list = request.body.split('&').find(|part| {
        ["patient=", "_id=", "subject="]
            .iter()
            .any(|name| part.starts_with(name))
    })?;
    Some((resource.to_lowercase(), list.to_owned()))
}

/// Of an undisturbed run, the list of ids of each batch of the types that are searched by patient, whose batches follow
/// the order of the ids.
fn batches(log: &[Logged]) -> BTreeMap<(String, u32), String> {
    let lists: BTreeSet<(String, String)> = log.iter().filter_map(ids).collect();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut batches = BTreeMap::new();
    for (resource, list) in lists {
        if ["location", "medication"].contains(&resource.as_str()) {
            continue;
        }
        let number = numbers.entry(resource.clone()).or_default();
        batches.insert((resource, *number), list);
        *number += 1;
    }
    batches
}

/// Batches whose pages are all there.
fn fetched(layout: &Layout) -> BTreeSet<(String, u32)> {
    let kept = layout.spooled().expect("reads");
    let whole = kept.into_iter().filter(|kept| {
        let journal = std::fs::read_to_string(kept.path.join("journal.jsonl")).unwrap_or_default();
        journal.lines().any(|line| line == "\"complete\"")
    });
    whole.map(|kept| (kept.table, kept.batch)).collect()
}

/// How far a run had come when it was killed, by what it left.
fn stage(layout: &Layout) -> &'static str {
    let record = std::fs::read(layout.run()).ok();
    let record = record.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let completed = |(_, status, ..): &(String, Status, Option<u32>, usize)| *status == Status::Completed;
    match record {
        _ if layout.is_finished() => "8 after the end",
        None => "1 finding wards and patients",
        Some(_) if fetched(layout).is_empty() && layout.spools().exists() => "2 before the first batch",
        Some(_) if !layout.tests_json().exists() => "3 fetching, typing and writing rows",
        Some(record) if record["import"].is_null() => "4 testing and storing rows",
        Some(_) if layout.root().join("hub_rows").exists() => "5 committing rows",
        Some(_) if !state(layout).iter().any(completed) => "6 after the commit",
        Some(_) => "7 load scripts and report",
    }
}

/// SplitMix64, so that the moments are the same in every campaign.
fn random(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((z ^ (z >> 31)) >> 32).expect("32 bits")) / f64::from(u32::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests, far below any limit"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_goes_on_and_ends_as_an_undisturbed_one() {
    let kills = std::env::var("CDS2DB_KILLS").map_or(KILLS, |n| n.parse().expect("a number"));
    let quiet = Place::open().await;
    let begun = Instant::now();
    quiet.run(&[]);
    let whole = begun.elapsed();
    let log = quiet.site.server.request_log();
    let batches = batches(&log);
    let (hub, rows, tables) = (quiet.hub().await, files(&quiet.layout()), state(&quiet.layout()));
    assert!(
        batches.len() > 20 && rows.len() > 20,
        "{} {}",
        batches.len(),
        rows.len()
    );
    assert!(
        tables.iter().all(|(_, status, ..)| *status == Status::Completed),
        "{tables:?}"
    );
    assert!(
        !quiet.layout().spools().exists(),
        "pages are kept until the hub has them"
    );

    let mut kept_back = 0;
    let mut stages: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..kills {
        // One moment in each part of the run, so that no stage is left out.
        let part = (f64::from(seed) + random(seed.into())) / f64::from(kills);
        let moment = whole.mul_f64(part * 1.05);
        let place = Place::open().await;
        let begun = Instant::now();
        let mut child = place.start(SEVERAL);
        if seed % 2 == 0 {
            std::thread::sleep(moment);
        } else {
            // Every other one while pages are fetched, which is only a short part of the time.
            let requests = (log.len() as f64 * random(u64::from(seed) + 1_000)) as usize;
            while place.site.server.request_log().len() < requests && begun.elapsed() < whole * 3 {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        let moment = begun.elapsed();
        child.kill().expect("killed");
        child.wait().expect("ended");
        let before = Runs::locate(place.directory.path()).expect("reads");
        let (finished, early) = match &before {
            Some(layout) => (fetched(layout), files(layout)),
            None => (BTreeSet::new(), BTreeMap::new()),
        };
        let asked: BTreeSet<(String, String)> =
            place.site.server.request_log().iter().filter_map(ids).collect();
        let over = before.as_ref().is_some_and(Layout::is_finished);
        let stage = before.as_ref().map_or("0 before the directory", stage);
        *stages.entry(stage).or_default() += 1;
        place.site.server.clear_log();
        if over {
            continue;
        }
        // In the whole campaign the first one waits for the dead run's lease, as a site would.
        if seed > 0 || kills <= KILLS {
            place.end_lease().await;
        }
        let text = place.run(SEVERAL);
        let place_of = format!("seed {seed}, killed after {moment:?} {stage}: {text}");
        assert_eq!(place.hub().await, hub, "{place_of}");
        let layout = place.layout();
        assert_eq!(
            before.as_ref().map_or(layout.root(), Layout::root),
            layout.root(),
            "{place_of}"
        );
        assert_eq!(state(&layout), tables, "{place_of}");
        let after = files(&layout);
        assert_eq!(
            after.keys().collect::<Vec<_>>(),
            rows.keys().collect::<Vec<_>>(),
            "{place_of}"
        );
        for (name, bytes) in &after {
            assert!(rows[name] == *bytes, "{name} differs: {place_of}");
            assert!(
                early.get(name).is_none_or(|e| e == bytes),
                "{name} was written again: {place_of}"
            );
        }
        assert_same(&place.site, &layout, false, &place_of).await;
        for request in place.site.server.request_log() {
            let Some((resource, list)) = ids(&request) else {
                continue;
            };
            for (table, number) in &finished {
                let own = batches.get(&(table.clone(), *number)) == Some(&list);
                assert!(
                    !(own && *table == resource),
                    "batch {number} of {table} was fetched again: {place_of}"
                );
            }
        }
        kept_back += finished
            .iter()
            .filter(|batch| {
                batches
                    .get(*batch)
                    .is_some_and(|list| asked.contains(&(batch.0.clone(), list.clone())))
            })
            .count();
    }
    println!("{kills} kills, {kept_back} finished batches not fetched again");
    for (stage, count) in &stages {
        println!("{count:4} {stage}");
    }
    assert!(kept_back > 0, "no kill came behind a finished batch: {stages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_with_fewer_batches_leaves_nothing_old() {
    let place = Place::open().await;
    place.run(&[]);
    let (hub, rows) = (place.site.content().await, files(&place.layout()));
    let observations = |layout: &Layout| {
        let all = layout.batch_files().expect("reads");
        all.into_iter().filter(|f| f.table == "observation").count()
    };
    let before = observations(&place.layout());
    place.configure(IDS_AT_ONCE * 2);
    place.site.server.clear_log();
    let text = place.run(&["--override", "observation"]);
    let layout = place.layout();
    assert!(
        observations(&layout) < before,
        "{} of {before}: {text}",
        observations(&layout)
    );
    let asked: BTreeSet<String> = place
        .site
        .server
        .request_log()
        .iter()
        .filter_map(ids)
        .map(|(r, _)| r)
        .collect();
    assert_eq!(
        asked,
        BTreeSet::from(["observation".to_owned()]),
        "completed tables are skipped"
    );
    assert_eq!(place.site.content().await, hub, "the hub had these rows");
    let after = files(&layout);
    for (name, bytes) in rows.iter().filter(|(name, _)| !name.starts_with("observation.")) {
        assert!(after[name] == *bytes, "{name} was not overridden");
    }
    let work = WorkDir::look(layout.root()).expect("reads");
    let last = work.last_batch("observation").expect("batches");
    assert_eq!(
        (last as usize + 1, work.batches("observation")),
        (observations(&layout), observations(&layout))
    );
    assert_eq!(work.status("observation"), Some(Status::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_inside_an_override_is_not_taken_for_completed() {
    let place = Place::open().await;
    place.run(&[]);
    let (hub, rows) = (place.site.content().await, files(&place.layout()));
    for wait in [0, 100, 250] {
        let mut child = place.start(&["--override", "observation,encounter"]);
        let until = Instant::now() + Duration::from_secs(60);
        // From here on the override is inside: what the run had of these tables is forgotten.
        while place.layout().is_finished() {
            assert!(Instant::now() < until, "the override does not begin");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(wait));
        assert!(
            child.try_wait().expect("asks").is_none(),
            "it ended within {wait} ms"
        );
        child.kill().expect("killed");
        child.wait().expect("ended");
        place.end_lease().await;
        let layout = place.layout();
        assert!(!layout.is_finished(), "it crashed inside");
        let work = WorkDir::look(layout.root()).expect("reads");
        let text = String::from_utf8_lossy(&status_of(&place)).into_owned();
        // In its first moments only the record of the run knows what is to be loaded again.
        let waits = cds2db::run::RunDirectory::waiting(&layout).expect("reads");
        let is_open = work.status("observation") != Some(Status::Completed);
        assert!(
            is_open || !waits.is_empty(),
            "taken for completed after {wait} ms"
        );
        assert!(!is_open || text.contains("not completed"), "{text}");
        place.run(&[]);
        assert_eq!(place.layout(), layout, "the run that was interrupted goes on");
        assert!(layout.is_finished());
        assert_eq!(place.site.content().await, hub, "after {wait} ms");
        let after = files(&layout);
        let differ: Vec<&String> = rows
            .keys()
            .filter(|name| after.get(*name) != rows.get(*name))
            .collect();
        assert!(
            after.len() == rows.len() && differ.is_empty(),
            "after {wait} ms: {differ:?}"
        );
    }
}

fn status_of(place: &Place) -> Vec<u8> {
    let output = program()
        .args(["work", "status", "--dir"])
        .arg(place.directory.path())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_input_is_said_and_loaded_anew_and_a_damaged_state_names_its_line() {
    let place = Place::open().await;
    // The server refuses a type until the run is killed, so that the run cannot end.
    let mut child = place.start(&[]);
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let layout = Runs::locate(place.directory.path()).expect("reads");
        if layout.is_some_and(|layout| fetched(&layout).len() > 3)
            || child.try_wait().expect("asks").is_some()
        {
            break;
        }
        assert!(Instant::now() < until, "no batch was fetched");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    place.end_lease().await;
    let layout = place.layout();
    if layout.is_finished() || layout.spooled().expect("reads").is_empty() {
        x_skipped::skip!("the run ended before it could be killed");
        return;
    }
    let whole = std::fs::read_to_string(layout.status()).expect("a state");
    std::fs::write(layout.status(), whole.replacen("In Process", "In Proc", 1)).expect("writes");
    let output = place.command(&[]).output().expect("starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        text.contains("loading_status.state, line 1:") && text.contains("remove the line"),
        "{text}"
    );
    std::fs::write(layout.status(), whole).expect("writes");

    place.configure(IDS_AT_ONCE + 1);
    let text = place.run(&[]);
    assert!(
        text.contains("has changed since this run began; it is loaded anew"),
        "{text}"
    );
    let quiet = Place::open().await;
    quiet.configure(IDS_AT_ONCE + 1);
    quiet.run(&[]);
    assert_eq!(place.hub().await, quiet.hub().await);
    assert!(files(&layout) == files(&quiet.layout()));
    assert_eq!(state(&layout), state(&quiet.layout()));
}

#[test]
fn directories_without_a_run_say_what_to_give() {
    let directory = tempfile::tempdir().expect("directory");
    for command in [&["status"][..], &["override", "observation"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cds2db"))
            .arg("work")
            .args(command)
            .arg("--dir")
            .arg(directory.path())
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("give --dir"), "{text}");
    }
    assert!(
        !Path::new(&directory.path().join("runs")).exists(),
        "nothing was made"
    );
}
