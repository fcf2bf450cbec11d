//! A process that is killed while it writes the standing whole leaves the old one or the new one, never half of one.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use work_dir::whole::{Change, Standing, Whole};

use crate::rows::description;
use crate::whole::{Random, held, observation, of_run};

/// Directory of the child that writes until it is killed.
const CHILD: &str = "WORK_DIR_KILLED_CHILD";
/// Resources of the whole.
const RESOURCES: usize = 400;

/// How many kills: few by default, all with `WORK_DIR_KILLS=100`.
fn kills() -> usize {
    std::env::var("WORK_DIR_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(12)
}

/// Whether a run brings a resource anew, or finds it gone.
fn touched(run: i32, resource: usize) -> bool {
    (resource * 7 + usize::try_from(run).unwrap()).is_multiple_of(3)
}

fn gone(run: i32, resource: usize) -> bool {
    (resource * 5 + usize::try_from(run).unwrap()).is_multiple_of(11)
}

/// The runs that brought what is there after this one, by resource.
fn expected(after: i32) -> Vec<(String, i32)> {
    let last = |resource| {
        let mut there = Some(1);
        for run in 2..=after {
            if gone(run, resource) {
                there = None;
            } else if touched(run, resource) {
                there = Some(run);
            }
        }
        there
    };
    let there = (0..RESOURCES).filter_map(|r| Some((format!("o{r:05}"), last(r)?)));
    there.collect()
}

/// Writes one state after the other, and says when it begins one.
#[test]
fn a_child_that_writes_until_it_is_killed() {
    let Some(base) = std::env::var_os(CHILD) else {
        return;
    };
    let description = description();
    let table = description.table("observation").unwrap();
    let whole = Whole::at(base);
    let mut run = whole.standing().unwrap().map_or(0, |standing| standing.import);
    loop {
        run += 1;
        println!("\nstate {run}");
        let mut next = whole.begin().unwrap();
        let rows = |wanted: &dyn Fn(usize) -> bool| {
            let rows = (0..RESOURCES).filter(|resource| wanted(*resource));
            let rows: Vec<_> = rows.map(|r| observation(r, r % 97, f64::from(run))).collect();
            of_run(run, &rows)
        };
        if run == 1 {
            // As many files as a table of half a million rows has.
            let mut anew = next.anew(table, 500_000).unwrap();
            anew.add(&rows(&|_| true)).unwrap();
            next.put(anew).unwrap();
        } else {
            let out: HashSet<String> = (0..RESOURCES)
                .filter(|r| gone(run, *r))
                .map(|r| format!("o{r:05}"))
                .collect();
            let rows = rows(&|r| touched(run, r) && !gone(run, r));
            next.change(table, Change { rows, out }).unwrap();
        }
        next.hold(Standing {
            hub: 7,
            import: run,
            ..Standing::default()
        })
        .unwrap();
    }
}

#[test]
fn a_killed_process_leaves_the_old_whole_or_the_new_one() {
    let base = tempfile::tempdir().unwrap();
    let whole = Whole::at(base.path());
    let mut random = Random(20_261_128);
    let mut last = 0;
    let mut typical = Duration::from_millis(60);
    let (mut old, mut new, mut half) = (0, 0, 0);
    for kill in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "kills::a_child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, base.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut states = (&mut lines)
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("state ").and_then(|n| n.parse::<i32>().ok()));
        // The first state of a process shows how long one takes; the kill falls into the second.
        let first = states.next().expect("a state begins");
        let begun = Instant::now();
        let second = states.next().expect("another one begins");
        typical = (typical + begun.elapsed()) / 2;
        assert!(
            first == last + 1 && second == first + 1,
            "goes on where it was: {last}, {first}, {second}"
        );
        let share = u32::try_from(random.below(1_100)).unwrap();
        std::thread::sleep(typical * share / 1_000);
        child.kill().unwrap();
        child.wait().unwrap();
        let holds = whole.standing().unwrap().expect("there is a whole").import;
        assert!(
            holds >= first,
            "kill {kill}: state {holds} holds, {first} was done"
        );
        half += usize::from(leftover(base.path(), holds));
        if holds < second {
            old += 1;
        } else {
            new += 1;
        }
        let mut found: Vec<(String, i32)> = held(&whole, &description())
            .into_iter()
            .map(|(id, (_, values, run))| {
                assert_eq!(values, [f64::from(run).to_bits()], "kill {kill}: {id}");
                (id, run)
            })
            .collect();
        found.sort();
        assert_eq!(found, expected(holds), "kill {kill}: state {holds}");
        assert_eq!(whole.files("observation").unwrap().len(), 16);
        last = holds;
    }
    println!(
        "{} kills: {old} left the old whole, {new} the new one, {half} something half-made beside it",
        kills()
    );
    assert!(half > 0, "no kill fell into the writing");
}

/// Whether a state that does not hold lies beside.
fn leftover(base: &Path, holds: i32) -> bool {
    let entries = std::fs::read_dir(base.join("whole")).unwrap();
    let numbers = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let states: Vec<String> = numbers.collect();
    states
        .iter()
        .any(|name| name.parse::<i32>().is_ok_and(|n| n > holds) || name.ends_with(".part"))
}
