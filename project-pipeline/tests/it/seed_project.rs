//! The project of the seed with stubs for its programs, against the recorded run.

use serde_json::Value;

use crate::shared::recorded;
use crate::workspace::Workspace;

const STUB: &str = r#"
mkdir -p output
case "$*" in
*study_definition_ethnicity*) printf 'patient_id,ethnicity\n1,2\n' > output/input_ethnicity.csv ;;
*generate_cohort*) for month in 01 02 03; do printf 'patient_id,n\n1,1\n' > output/input_2019-$month-01.csv; done ;;
*join_ethnicity*) for file in output/input*.csv; do echo 'joined,1' >> "$file"; done ;;
*generate_measures*) printf 'month,rate\n2019-01,10.5\n' > output/measure_x_rate.csv ;;
*nbconvert*)
    ls output
    echo '<html><body>rates</body></html>' > output/notebook.html
    printf '\377\330\377\340\000\004\000\000\377\331' > output/measure_a.jpeg
    printf 'total\n100\n' > output/doac_rate_total.csv
    printf 'drug,n\nx,20\n' > output/current_doac_x.csv ;;
esac
"#;

const RUNNERS: &str = "\"cohortextractor:latest\" = [\"sh\", \"stub.sh\"]\n\"python:latest\" = [\"sh\", \"stub.sh\"]\n\
                       \"jupyter:latest\" = [\"sh\", \"stub.sh\"]\n";

fn seed() -> Option<Workspace> {
    let workspace =
        Workspace::new(&std::fs::read_to_string(recorded("90_real_seed001.yaml")?).expect("read"));
    workspace.write("stub.sh", STUB);
    workspace.write("runners.toml", RUNNERS);
    Some(workspace)
}

/// Action, command, needs, outputs of a job, in our record and in the recorded one.
fn ours(job: &Value) -> Value {
    serde_json::json!([job["action"], job["run"], job["inputs_from"], job["outputs"]])
}

fn theirs(job: &Value) -> Value {
    let parsed =
        |name: &str| -> Value { serde_json::from_str(job[name].as_str().expect("a text")).expect("JSON") };
    serde_json::json!([
        job["action"],
        job["run_command"],
        parsed("requires_outputs_from"),
        parsed("outputs")
    ])
}

#[test]
fn jobs_are_the_recorded_ones() {
    let (Some(workspace), Some(gold)) = (seed(), recorded("runner_gold/seed001_jobs.json")) else {
        return;
    };
    let gold: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(gold).expect("read")).expect("JSON");
    let mut gold = gold.iter().map(theirs);
    for (request, count) in [
        ("generate_notebook", 5),
        ("generate_notebook", 1),
        ("generate_study_population", 1),
    ] {
        workspace.good(&["run", request, "-j", "1"]);
        let mut jobs: Vec<Value> = workspace.jobs().iter().map(ours).collect();
        let mut expected: Vec<Value> = gold.by_ref().take(count).collect();
        assert_eq!(jobs.len(), count, "{request}");
        // The order of two jobs that wait for nothing is free; the recorded one is that of the needs.
        let order = |jobs: &[Value]| jobs.iter().position(|job| job[0] == request);
        assert_eq!(order(&jobs), order(&expected));
        jobs.sort_by_key(|job| job[0].to_string());
        expected.sort_by_key(|job| job[0].to_string());
        assert_eq!(jobs, expected, "{request}");
    }
    assert_eq!(gold.next(), None);
}

#[test]
fn level4_has_exactly_the_moderately_sensitive_files() {
    let Some(workspace) = seed() else { return };
    workspace.good(&["run", "generate_notebook"]);
    let moderate = [
        "output/current_doac_x.csv",
        "output/doac_rate_total.csv",
        "output/measure_a.jpeg",
        "output/measure_x_rate.csv",
        "output/notebook.html",
    ];
    assert_eq!(workspace.names("level4"), moderate);
    assert_eq!(workspace.names("level3").len(), moderate.len() + 4);
    use std::os::unix::fs::PermissionsExt;
    for (store, mode) in [
        ("level3", 0o700),
        ("level3/output", 0o700),
        ("level4", 0o750),
        ("level4/output", 0o750),
        ("metadata", 0o700),
    ] {
        let status = std::fs::metadata(workspace.path(store)).expect(store);
        assert_eq!(status.permissions().mode() & 0o777, mode, "{store}");
    }
}

#[test]
fn the_page_shows_what_the_seeds_page_shows() {
    let Some(workspace) = seed() else { return };
    workspace.good(&["run", "generate_notebook", "--who", "A <b> Researcher"]);
    workspace.write("stub.sh", &format!("{STUB}\n# changed\n"));
    let text = workspace.good(&["run", "generate_notebook", "-f", "--who", "A <b> Researcher"]);
    let path = text
        .lines()
        .find_map(|line| line.strip_prefix("page: "))
        .expect("a page");
    let page = std::fs::read_to_string(path).expect("read");
    for part in [
        "A &lt;b&gt; Researcher",
        "Branch",
        "Commit",
        "Force run dependencies</dt><dd>Yes",
        "Requested actions",
        "generate_measures",
        "succeeded",
        "Timeline (UTC)",
        "Runtime",
        "changed stub.sh",
        "class=\"level highly_sensitive\">highly_sensitive</span>",
        "<svg",
        "output/measure_x_rate.csv",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    assert!(!page.contains("<script") && !page.contains("http://localhost") && !page.contains("src="));
    let index = std::fs::read_to_string(workspace.path("metadata/pages/index.html")).expect("read");
    assert_eq!(index.matches("<tr><td><a href=").count(), 2);
}

/// The seed's own trap: what `join_ethnicity` joined is written over by a later `generate_study_population`.
#[test]
fn overwritten_outputs_are_warned_of_and_named_stale() {
    let Some(workspace) = seed() else { return };
    workspace.good(&["run", "join_ethnicity"]);
    assert_eq!(workspace.good(&["stale"]), "nothing is stale\n");
    let output = workspace.run(&["run", "generate_study_population"]);
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        warnings.contains("join_ethnicity can overwrite outputs of generate_study_population"),
        "{warnings}"
    );
    let stale = workspace.bad(&["stale"]);
    assert!(stale.starts_with("join_ethnicity: "), "{stale}");
    let plan = workspace.good(&["plan", "generate_measures", "--stale"]);
    assert!(plan.contains("join_ethnicity"), "{plan}");
    let plan = workspace.good(&["plan", "generate_measures"]);
    assert!(plan.contains("–  join_ethnicity  has run"), "{plan}");
}
