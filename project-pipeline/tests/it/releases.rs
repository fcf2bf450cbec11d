//! Releases and their log.

use crate::workspace::Workspace;

fn project() -> Workspace {
    let workspace = Workspace::new(
        "version: 5\nactions:\n  rows:\n    run: sh:v1 make.sh rows\n    outputs: {highly_sensitive: {o: o/rows.csv}}\n  table:\n    \
         run: sh:v1 make.sh table\n    outputs: {moderately_sensitive: {a: o/a.csv, small: o/small.csv, c: o/c.html}}\n",
    );
    workspace.write(
        "make.sh",
        "mkdir -p o; printf 'n\\n9\\n' > o/a.csv; printf 'n\\n2\\n' > o/small.csv; echo '<p>20</p>' > o/c.html; echo x > o/rows.csv",
    );
    workspace.good(&["run", "run_all"]);
    workspace
}

#[test]
fn only_reviewed_level4_files_are_released() {
    let workspace = project();
    for (file, why) in [
        ("o/rows.csv", "it is not moderately sensitive"),
        ("o/none.csv", "it is no output of this workspace"),
        ("../level3/o/rows.csv", "it is no output of this workspace"),
        ("o/small.csv", "it has 1 small counts"),
    ] {
        let text = workspace.bad(&["release", "o/a.csv", file, "--reviewer", "R"]);
        assert!(text.contains(why), "{file}: {text}");
    }
    assert_eq!(
        workspace.names("released"),
        Vec::<String>::new(),
        "one bad file and nothing is released"
    );
    workspace.bad(&["release", "o/a.csv", "--reviewer", " "]);
    workspace.good(&["release", "o/a.csv", "--reviewer", "R"]);
    workspace.good(&[
        "release",
        "o/small.csv",
        "o/c.html",
        "--reviewer",
        "R",
        "--accept-small-cells",
    ]);
    assert_eq!(
        workspace.names("released"),
        ["o/a.csv", "o/c.html", "o/small.csv"]
    );
    workspace.write("level4/o/a.csv", "n\n10\n");
    let text = workspace.bad(&["release", "o/a.csv", "--reviewer", "R"]);
    assert!(text.contains("it was changed in level4"), "{text}");
}

#[test]
fn the_log_cannot_be_edited_unnoticed() {
    let workspace = project();
    workspace.good(&["release", "o/a.csv", "--reviewer", "R"]);
    let first = workspace.good(&["verify"]);
    let head = first.rsplit(' ').next().expect("a hash").trim().to_owned();
    workspace.good(&["release", "o/c.html", "--reviewer", "R"]);
    workspace.good(&["release", "o/a.csv", "--reviewer", "S"]);
    workspace.good(&["verify", "--head", &head]);
    let path = "metadata/releases.jsonl";
    let good = std::fs::read_to_string(workspace.path(path)).expect("a log");
    let lines: Vec<&str> = good.lines().collect();
    let edits = [
        ("another reviewer", good.replacen("\"R\"", "\"Q\"", 1)),
        ("a blank", good.replacen(":", ": ", 1)),
        ("the first line gone", format!("{}\n{}\n", lines[1], lines[2])),
        ("the middle line gone", format!("{}\n{}\n", lines[0], lines[2])),
        ("two last lines gone", format!("{}\n", lines[0])),
        (
            "lines swapped",
            format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]),
        ),
        ("a line twice", format!("{good}{}\n", lines[2])),
        ("all gone", String::new()),
        ("no end", good.trim_end().to_owned()),
    ];
    for (what, text) in edits {
        workspace.write(path, &text);
        let answer = workspace.bad(&["verify", "--head", &head]);
        assert!(answer.contains("was changed"), "{what}: {answer}");
        let answer = workspace.bad(&["release", "o/a.csv", "--reviewer", "R"]);
        assert!(answer.contains("was changed"), "{what}: {answer}");
    }
    workspace.write(path, &good);
    workspace.good(&["verify"]);
    workspace.write("released/o/a.csv", "n\n11\n");
    assert!(
        workspace
            .bad(&["verify"])
            .contains("released/o/a.csv is not what line 3")
    );
    workspace.write("released/o/a.csv", "n\n9\n");
    workspace.write("released/o/more.csv", "n\n9\n");
    assert!(
        workspace
            .bad(&["verify"])
            .contains("released/o/more.csv is in no line")
    );
}
