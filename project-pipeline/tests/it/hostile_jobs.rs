//! Jobs that try to get into `level4` what must not be there.

use crate::bubblewrap;
use crate::workspace::Workspace;

/// One action with one moderately sensitive pattern and a script.
fn job(pattern: &str, script: &str) -> Workspace {
    let workspace = Workspace::new(&format!(
        "version: 5\nactions:\n  bad:\n    run: sh:v1 bad.sh\n    outputs:\n      moderately_sensitive:\n        o: {pattern}\n"
    ));
    workspace.write("bad.sh", &format!("mkdir -p o\n{script}\n"));
    workspace.write("level3/secret.csv", "patient_id\n4711\n");
    workspace
}

/// Whether a name in `level4` is a note, which is all that may be there.
fn only_notes(workspace: &Workspace, what: &str) {
    for (name, content) in workspace.files("level4") {
        let text = String::from_utf8_lossy(&content);
        assert!(
            name.ends_with(".txt") && text.contains(" is not here: "),
            "{what}: {name}"
        );
        assert!(
            !text.contains("4711") && !text.contains("root:"),
            "{what}: {text}"
        );
    }
}

fn sandboxes() -> Vec<&'static [&'static str]> {
    let mut all: Vec<&[&str]> = vec![&["--no-sandbox"]];
    if bubblewrap::works() {
        all.push(&[]);
    }
    all
}

#[test]
fn nothing_hostile_reaches_level4() {
    let cases = [
        (
            "an identifier column",
            "o/*.csv",
            "printf 'patient_id,n\\n4711,2\\n' > o/a.csv",
        ),
        (
            "an identifier behind a semicolon",
            "o/*.csv",
            "printf 'n;Pat_ID\\n2;4711\\n' > o/a.csv",
        ),
        (
            "an identifier in a page",
            "o/a.html",
            "echo '<table><th>patient_id</th><td>4711</td></table>' > o/a.html",
        ),
        (
            "an identifier in JSON",
            "o/a.json",
            "echo '{\"patient_id\": 4711}' > o/a.json",
        ),
        (
            "17 MiB",
            "o/*.log",
            "head -c 17825792 /dev/zero | tr '\\0' x > o/a.log",
        ),
        (
            "5,001 rows by another name",
            "o/*.txt",
            "(echo g,n; yes a,9 | head -n 5001) > o/a.txt",
        ),
        (
            "5,001 rows",
            "o/*.csv",
            "(echo n; yes 9 | head -n 5001) > o/a.csv",
        ),
        (
            "Parquet by another name",
            "o/*.csv",
            "printf 'PAR1 patient_id PAR1' > o/a.csv",
        ),
        (
            "a compressed table",
            "o/*.csv",
            "echo patient_id | gzip > o/a.csv",
        ),
        (
            "text in an image",
            "o/*.png",
            "printf 'patient_id\\n4711\\n' > o/a.png",
        ),
        (
            "text behind an image",
            "o/*.jpeg",
            "printf '\\377\\330\\377\\340\\000\\004\\000\\000\\377\\3314711' > o/a.jpeg",
        ),
        (
            "a compressed image with an identifier",
            "o/*.svgz",
            "echo '<svg>patient_id 4711</svg>' | gzip > o/a.svgz",
        ),
        ("a symbolic link", "o/*.csv", "ln -s /etc/passwd o/a.csv"),
        (
            "a symbolic link to the store",
            "o/*.csv",
            "ln -s ../../../../level3/secret.csv o/a.csv",
        ),
        (
            "a linked folder",
            "o/passwd*.txt",
            "rmdir o; cp /etc/passwd passwd.txt; ln -s . o",
        ),
        (
            "a hard link out of the folder",
            "o/*.csv",
            "ln ../../../level3/secret.csv o/a.csv",
        ),
        ("a hard link inside", "o/*.csv", "echo n > x; ln x o/a.csv"),
        ("a pipe", "o/*.csv", "mkfifo o/a.csv"),
        ("a folder by that name", "o/*.csv", "mkdir o/a.csv"),
        ("a line feed in a name", "o/*.csv", "echo n > \"o/a\nb.csv\""),
    ];
    for sandbox in sandboxes() {
        for (what, pattern, script) in cases {
            let workspace = job(pattern, script);
            let arguments = [&["run", "bad"], sandbox].concat();
            let output = workspace.run(&arguments);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                text.contains("page: "),
                "{what}: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            only_notes(&workspace, what);
            assert_eq!(
                workspace.files("level3")["secret.csv"],
                b"patient_id\n4711\n",
                "{what}"
            );
        }
    }
}

/// A process that hides from the job's group and environment and goes on writing.
#[test]
fn a_file_that_changes_while_it_is_checked_is_held_back() {
    // Three writers, so that on a busy machine one of them has its turn in time.
    let workspace = job(
        "o/*.csv",
        "for n in 1 2 3; do\n\
         setsid env -i PATH=\"$PATH\" sh -c 'echo $$ >> \"$0/pid\"; while :; do echo 1 >> \"$0/o/a.csv\"; sleep 0.002; done' \"$PWD\" &\n\
         done\n\
         while [ $(cat pid | wc -l) -lt 3 ]; do sleep 0.01; done; while ! [ -s o/a.csv ]; do sleep 0.01; done; cp pid \"$PWD/../../../pid\"",
    );
    let text = workspace.bad(&["run", "bad", "--no-sandbox"]);
    let pid = std::fs::read_to_string(workspace.path("pid")).expect("the pid");
    let _ = std::process::Command::new("kill")
        .arg("-9")
        .args(pid.split_whitespace())
        .status();
    assert!(text.contains("it changed while it was read"), "{text}");
    assert_eq!(workspace.names("level4"), Vec::<String>::new());
}

#[test]
fn names_that_a_file_system_folds_are_one_file() {
    let workspace = job(
        "o/*.csv",
        "printf 'n\\n7\\n' > o/A.csv; printf 'n\\n8\\n' > o/a.csv",
    );
    workspace.good(&["run", "bad"]);
    assert_eq!(workspace.names("level4"), ["o/A.csv", "o/a.csv.txt"]);
}

#[test]
fn stores_reached_through_links_are_not_written() {
    let workspace = job("o/a.csv", "printf 'n\\n7\\n' > o/a.csv");
    std::fs::create_dir(workspace.path("outside")).expect("made");
    std::fs::create_dir(workspace.path("level4")).expect("made");
    std::os::unix::fs::symlink(workspace.path("outside"), workspace.path("level4/o")).expect("linked");
    let text = workspace.bad(&["run", "bad"]);
    assert!(text.contains("its outputs could not be stored"), "{text}");
    assert_eq!(workspace.names("outside"), Vec::<String>::new());
}

/// A highly sensitive pattern of another action protects the file, whichever of them ran last.
#[test]
fn the_most_protected_level_wins() {
    let workspace = Workspace::new(
        "version: 1\nactions:\n  rows:\n    run: sh:v1 make.sh 1\n    outputs: {highly_sensitive: {o: o/a.csv}}\n  table:\n    \
         run: sh:v1 make.sh 2\n    outputs: {moderately_sensitive: {o: o/a.csv}}\n",
    );
    workspace.write("make.sh", "mkdir -p o; printf 'n\\n9\\n' > o/a.csv\n");
    workspace.good(&["run", "table"]);
    assert_eq!(workspace.names("level4"), ["o/a.csv"]);
    workspace.good(&["run", "rows"]);
    assert_eq!(workspace.names("level4"), Vec::<String>::new());
    workspace.good(&["run", "table"]);
    assert_eq!(workspace.names("level4"), ["o/a.csv.txt"]);
}

#[test]
fn what_is_no_longer_made_is_removed() {
    let workspace = job(
        "o/*.csv",
        "printf 'n\\n9\\n' > o/a.csv; printf 'patient_id\\n4711\\n' > o/b.csv",
    );
    workspace.good(&["run", "bad"]);
    assert_eq!(workspace.names("level4"), ["o/a.csv", "o/b.csv.txt"]);
    workspace.write("bad.sh", "mkdir -p o; printf 'n\\n9\\n' > o/c.csv");
    workspace.good(&["run", "bad"]);
    assert_eq!(workspace.names("level4"), ["o/c.csv"]);
    assert_eq!(workspace.names("level3"), ["o/c.csv", "secret.csv"]);
}

#[test]
fn jobs_have_no_network_and_see_no_store() {
    if !bubblewrap::works() {
        return;
    }
    let workspace = job(
        "o/*.csv",
        "printf 'n\\n' > o/a.csv; cat /proc/net/dev | grep -c : >> o/a.csv; ls -d \"$(dirname \"$0\")\"/../../level3/* >> o/a.csv 2>/dev/null\n\
         touch /etc/written /usr/written 2>/dev/null && echo written >> o/a.csv; true",
    );
    let store = workspace.path("level3").display().to_string();
    workspace.write("bad.sh", &format!("mkdir -p o; (echo n; grep -c : /proc/net/dev; ls {store}; touch /etc/written && echo written; true) > o/a.csv 2>/dev/null"));
    workspace.good(&["run", "bad"]);
    let text = String::from_utf8(workspace.files("level3")["o/a.csv"].clone()).expect("text");
    assert_eq!(
        text, "n\n1\n",
        "only the loop-back device, no store, nothing written"
    );
    assert!(
        workspace.jobs()[0]["isolation"]
            .as_str()
            .is_some_and(|text| text.starts_with("bubblewrap"))
    );
}

#[test]
fn no_output_shows_a_value() {
    let workspace = job(
        "o/*.csv",
        "printf 'patient_id,name\\n4711,MARKER-7f\\n' > o/a.csv; echo MARKER-7f >&2",
    );
    let output = workspace.run(&["run", "bad"]);
    let shown = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&shown).contains("MARKER-7f"));
    for (name, content) in workspace
        .files("metadata/pages")
        .into_iter()
        .chain(workspace.files("level4"))
    {
        assert!(!String::from_utf8_lossy(&content).contains("MARKER-7f"), "{name}");
    }
    let manifest = std::fs::read_to_string(workspace.path("metadata/manifest.json")).expect("read");
    assert!(!manifest.contains("MARKER-7f") && manifest.contains("\"excluded\": true"));
}
