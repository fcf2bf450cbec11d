//! Outputs that no longer fit.

use crate::workspace::Workspace;

const PROJECT: &str = "version: 5
actions:
  a:
    run: sh:v1 a.sh
    outputs: {highly_sensitive: {o: a.csv}}
  b:
    run: sh:v1 b.sh
    needs: [a]
    outputs: {highly_sensitive: {o: b.csv}}
  c:
    run: sh:v1 c.sh
    needs: [b]
    outputs: {moderately_sensitive: {o: c.csv}}
";

#[test]
fn changes_of_code_command_and_inputs_are_named_and_rerun() {
    let workspace = Workspace::new(PROJECT);
    workspace.write("a.sh", "cat data.txt > a.csv");
    workspace.write("data.txt", "1\n");
    workspace.write("b.sh", "cat a.csv > b.csv");
    workspace.write("c.sh", "cat b.csv > c.csv");
    workspace.good(&["run", "c"]);
    assert_eq!(workspace.good(&["stale"]), "nothing is stale\n");
    workspace.write("a.sh", "cat data.txt data.txt > a.csv");
    let stale = workspace.bad(&["stale"]);
    assert!(
        stale.contains("a: a.sh changed") && stale.contains("c: "),
        "{stale}"
    );
    let plan = workspace.good(&["plan", "c"]);
    assert!(!plan.contains("stale"), "only on request: {plan}");
    workspace.good(&["run", "c", "--stale"]);
    assert_eq!(workspace.jobs().len(), 3);
    assert_eq!(workspace.files("level4")["c.csv"], b"1\n1\n");
    assert_eq!(workspace.good(&["stale"]), "nothing is stale\n");
    workspace.write("project.yaml", &PROJECT.replace("b.sh", "b.sh --more"));
    assert!(workspace.bad(&["stale"]).contains("b: its command changed"));
    workspace.good(&["run", "b"]);
    workspace.write(
        "project.yaml",
        &PROJECT
            .replace("b.sh", "b.sh --more")
            .replace("a.csv}", "a*.csv}"),
    );
    assert!(
        workspace
            .bad(&["stale"])
            .contains("a: its outputs were declared anew")
    );
}

#[test]
fn a_changed_input_is_named() {
    let workspace = Workspace::new(PROJECT);
    workspace.write("a.sh", "date +%N > a.csv");
    workspace.write("b.sh", "cat a.csv > b.csv");
    workspace.write("c.sh", "cat b.csv > c.csv");
    workspace.good(&["run", "c"]);
    workspace.good(&["run", "a"]);
    let stale = workspace.bad(&["stale"]);
    assert!(stale.contains("b: its input a.csv changed"), "{stale}");
}
