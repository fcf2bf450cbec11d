//! The runner is killed at random moments; a rerun ends where an undisturbed run does.

use std::time::{Duration, Instant};

use crate::oracle;
use crate::random::Random;
use crate::workspace::Workspace;

const PROJECT: &str = "version: 5
actions:
  extract:
    run: sh:v1 make.sh extract 3
    outputs: {highly_sensitive: {rows: output/extract_*.csv}}
  clean:
    run: sh:v1 make.sh clean 2
    needs: [extract]
    outputs: {highly_sensitive: {rows: output/clean_*.csv}}
  measure:
    run: sh:v1 make.sh measure 2
    needs: [clean]
    outputs: {moderately_sensitive: {table: output/measure_*.csv}}
  leaky:
    run: sh:v1 leaky.sh
    needs: [clean]
    outputs: {moderately_sensitive: {table: output/leaky.csv}}
  report:
    run: sh:v1 make.sh report 2
    needs: [measure, leaky]
    outputs: {moderately_sensitive: {table: output/report_*.csv}}
";

fn project() -> Workspace {
    let workspace = Workspace::new(PROJECT);
    workspace.write(
        "make.sh",
        "mkdir -p output\nfor n in $(seq $2); do (echo name; cat output/*.csv 2>/dev/null | cksum; echo $1 $n) > new; sleep 0.03; \
         mv new output/$1_$n.csv; done\n",
    );
    workspace.write(
        "leaky.sh",
        "mkdir -p output; printf 'patient_id\\n1\\n' > output/leaky.csv; sleep 0.05\n",
    );
    workspace
}

#[test]
fn a_rerun_after_a_kill_ends_in_the_same_stores() {
    let whole = project();
    let start = Instant::now();
    whole.good(&["run", "report"]);
    let time = start.elapsed();
    assert_eq!(whole.names("level4").len(), 5);
    let mut random = Random::new(oracle::seed());
    let kills = oracle::cases(6).min(200);
    let mut left_over = 0;
    for number in 0..kills {
        let workspace = project();
        let mut child = workspace
            .command(&["run", "report"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("starts");
        let moment = time.mul_f64(f64::from(u32::try_from(random.below(1000)).expect("small")) / 1000.0);
        std::thread::sleep(moment);
        child.kill().expect("killed");
        child.wait().expect("ended");
        let output = workspace.run(&["run", "report"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        left_over += usize::from(text.contains("left over"));
        assert!(output.status.success(), "kill {number} after {moment:?}\n{text}");
        for store in ["level3", "level4"] {
            assert_eq!(
                workspace.files(store),
                whole.files(store),
                "{store}, kill {number} after {moment:?}"
            );
        }
        let manifest = |workspace: &Workspace| {
            let text = std::fs::read_to_string(workspace.path("metadata/manifest.json")).expect("read");
            let mut manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            manifest["workspace"].take();
            for output in manifest["outputs"].as_object_mut().expect("outputs").values_mut() {
                for name in ["job_id", "job_request", "timestamp"] {
                    output[name].take();
                }
            }
            manifest
        };
        assert_eq!(
            manifest(&workspace),
            manifest(&whole),
            "kill {number} after {moment:?}"
        );
        for folder in ["metadata/work", "metadata/staging"] {
            assert_eq!(
                workspace.names(folder),
                Vec::<String>::new(),
                "{folder}, kill {number}"
            );
        }
        assert_eq!(marked_processes(&workspace), 0, "kill {number}");
    }
    println!("{kills} kills within {time:?}, {left_over} left jobs over");
}

/// Processes whose folder lies in the workspace.
fn marked_processes(workspace: &Workspace) -> usize {
    std::thread::sleep(Duration::from_millis(20));
    std::fs::read_dir("/proc")
        .expect("proc")
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(workspace.folder.path()))
        })
        .count()
}
