//! Memory, time, cancelling, failing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;

fn project(script: &str) -> Workspace {
    let workspace = Workspace::new(
        "version: 5\nactions:\n  one:\n    run: sh:v1 one.sh\n    outputs: {highly_sensitive: {o: o/one.csv}}\n  two:\n    run: sh:v1 two.sh\n    \
         needs: [one]\n    outputs: {highly_sensitive: {o: o/two.csv}}\n  other:\n    run: sh:v1 two.sh other\n    \
         outputs: {highly_sensitive: {o: o/two*.csv}}\n",
    );
    workspace.write("one.sh", script);
    workspace.write("two.sh", "mkdir -p o; echo 2 > o/two.csv");
    workspace
}

fn status(workspace: &Workspace) -> String {
    let jobs = workspace.jobs();
    let of = |job: &serde_json::Value| {
        format!(
            "{}={}",
            job["action"].as_str().expect("a name"),
            job["status"].as_str().expect("a code")
        )
    };
    jobs.iter().map(of).collect::<Vec<_>>().join(" ")
}

#[test]
fn memory_and_time_are_limited() {
    // Three processes that each stay below the limit are seen together.
    let hungry = project(
        "for i in 1 2 3; do (head -c 70000000 /dev/zero; sleep 60) | tail -c 60000000 > /dev/null & done; wait; \
         mkdir -p o; echo 1 > o/one.csv",
    );
    hungry.bad(&["run", "one", "--memory", "100M"]);
    assert_eq!(status(&hungry), "one=out_of_memory");
    // One process alone is stopped by the system when it asks for more, however fast that is.
    let greedy = project(
        "head -c 900000000 /dev/zero | tail -c 800000000 > /dev/null && mkdir -p o && echo 1 > o/one.csv",
    );
    greedy.bad(&["run", "one", "--memory", "100M"]);
    let peak = greedy.jobs()[0]["peak_memory"].as_u64().unwrap_or_default();
    assert!(peak < 150_000_000, "{peak}");
    let slow = project("sleep 60");
    let start = Instant::now();
    slow.bad(&["run", "one", "--time-limit", "1s"]);
    assert_eq!(status(&slow), "one=out_of_time");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_cancelled_job_ends_with_all_its_processes() {
    let workspace = project("trap '' TERM; sleep 61 & sleep 61; sleep 61");
    let mut run = workspace
        .command(&["run", "two", "--no-sandbox"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let until = Instant::now() + Duration::from_secs(30);
    while !workspace.run(&["cancel", "one"]).status.success() {
        assert!(Instant::now() < until, "the job never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!run.wait().expect("ended").success());
    assert!(Instant::now() < until);
    assert_eq!(status(&workspace), "one=cancelled_by_user two=dependency_failed");
    let left = std::fs::read_dir("/proc")
        .expect("proc")
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(workspace.folder.path()))
        });
    assert_eq!(left.count(), 0);
    // A cancelled job is no part of the past.
    assert!(workspace.good(&["plan", "two"]).contains("never run"));
}

#[test]
fn failures_end_what_needs_them_and_with_continue_on_error_nothing_else() {
    let workspace = project("exit 3");
    workspace.bad(&["run", "two", "other", "-j", "1"]);
    assert_eq!(
        status(&workspace),
        "one=nonzero_exit two=dependency_failed other=not_run"
    );
    workspace.bad(&["run", "two", "other", "--continue-on-error"]);
    assert_eq!(
        status(&workspace),
        "one=nonzero_exit two=dependency_failed other=succeeded"
    );
    let log = std::fs::read_to_string(workspace.path("metadata/one.log")).expect("a log");
    assert!(
        log.contains("exit_code: 3") && log.contains("status: nonzero_exit"),
        "{log}"
    );
}

#[test]
fn a_pattern_without_a_file_fails_and_names_what_was_made() {
    let workspace = project("mkdir -p o; echo 1 > o/won.csv; echo hello");
    let text = workspace.bad(&["run", "one"]);
    assert!(
        text.contains("no file fits o/one.csv; it made other files: o/won.csv"),
        "{text}"
    );
    let log = std::fs::read_to_string(workspace.path("metadata/one.log")).expect("a log");
    assert!(
        log.lines().next().is_some_and(|line| line.ends_with("Z hello")),
        "{log}"
    );
}

#[test]
fn jobs_run_at_once_and_one_run_at_a_time() {
    let workspace = Workspace::new(
        "version: 5\nactions:\n  a:\n    run: sh:v1 s.sh a\n    outputs: {highly_sensitive: {o: a.csv}}\n  b:\n    run: sh:v1 s.sh b\n    \
         outputs: {highly_sensitive: {o: b.csv}}\n",
    );
    workspace.write("s.sh", "sleep 4; echo 1 > $1.csv");
    let mut first = workspace
        .command(&["run", "run_all"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let until = Instant::now() + Duration::from_secs(60);
    while !workspace.good(&["status"]).contains("executing") {
        assert!(Instant::now() < until, "no job began");
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = workspace.bad(&["run", "a"]);
    assert!(text.contains("another run works in"), "{text}");
    assert!(first.wait().expect("ended").success());
    let jobs = workspace.jobs();
    let time = |at: usize, name: &str| jobs[at][name].as_i64().expect("a time");
    assert!(
        time(1, "started_at") < time(0, "completed_at"),
        "they did not run at once"
    );
    assert_eq!(workspace.good(&["run", "run_all"]), "nothing to do\n");
}

#[test]
fn code_is_copied_without_old_outputs_and_inputs_come_from_needs() {
    let workspace = project("found=$(find . -type f | sort); mkdir -p o; echo \"$found\" > o/one.csv");
    workspace.write("o/one.csv", "an old output beside the code");
    workspace.write("o/two.csv", "another");
    workspace.write("lib/code.txt", "x");
    workspace.write(".git/config", "");
    workspace.good(&["run", "one", "--no-sandbox"]);
    let listed = String::from_utf8(workspace.files("level3")["o/one.csv"].clone()).expect("text");
    assert_eq!(
        listed,
        "./lib/code.txt\n./one.sh\n./project.yaml\n./runners.toml\n./two.sh\n"
    );
}
