//! The tutorial in `fixtures/example-study`, step by step.

use std::path::Path;
use std::process::Command;

use crate::workspace::Workspace;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The example in a folder of its own, or `None` with a loud line where a program that it runs is absent.
fn example() -> Option<Workspace> {
    let cds2db = Path::new(env!("CARGO_BIN_EXE_pipeline")).with_file_name("cds2db");
    let python = Command::new("python3").arg("--version").output();
    if !cds2db.is_file() || !python.is_ok_and(|output| output.status.success()) {
        x_skipped::skip!(
            "needs python3 and the program cds2db beside pipeline ({})",
            cds2db.display()
        );
        return None;
    }
    let workspace = Workspace::new("");
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/example-study"),
        workspace.folder.path(),
    );
    Some(workspace)
}

#[test]
fn the_tutorial_does_what_it_says() {
    let Some(workspace) = example() else { return };
    assert!(
        workspace
            .good(&["plan", "report"])
            .starts_with("  1  extract  never run")
    );
    workspace.good(&["run", "report"]);
    let moderate = [
        "output/report.html",
        "output/stays_by_age.csv",
        "output/stays_by_quarter.csv",
        "output/stays_by_quarter.svg",
    ];
    assert_eq!(workspace.names("level4"), moderate);
    let page = String::from_utf8(workspace.files("level4")["output/report.html"].clone()).expect("text");
    assert!(
        page.contains("<rect") && page.contains("2022 Q3") && !page.contains("pat-"),
        "{page}"
    );
    workspace.good(&["run", "report"]);
    assert_eq!(workspace.jobs().len(), 1);

    let script = std::fs::read_to_string(workspace.path("analysis/measure.py")).expect("read");
    workspace.write(
        "analysis/measure.py",
        &script.replace(
            "table.writerow([label, \"stays\"])",
            "table.writerow([label, \"pat_id\"])",
        ),
    );
    assert!(
        workspace
            .bad(&["stale"])
            .contains("measure: analysis/measure.py changed")
    );
    workspace.good(&["run", "measure"]);
    let names = workspace.names("level4");
    assert!(
        names.contains(&"output/stays_by_age.csv.txt".to_owned()),
        "{names:?}"
    );
    assert!(
        !names.contains(&"output/stays_by_age.csv".to_owned()),
        "{names:?}"
    );

    workspace.write("analysis/measure.py", &script);
    workspace.good(&["run", "report", "--stale"]);
    assert_eq!(workspace.names("level4"), moderate);
    workspace.good(&["release", "output/report.html", "--reviewer", "R"]);
    assert_eq!(
        workspace.files("released")["output/report.html"],
        workspace.files("level4")["output/report.html"]
    );
    assert!(
        workspace
            .good(&["verify"])
            .starts_with("1 entries follow each other")
    );
}
