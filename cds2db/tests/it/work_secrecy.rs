//! A marker stands in every field of every resource and in the token; what a run writes about itself does not show it.

use std::path::{Path, PathBuf};

use fixtures::server::{Fault, FaultPlan, FaultRule};
use fixtures::{Format, MemoryStore};
use work_dir::checks::Results;
use work_dir::{Layout, Runs};

use crate::work_place::{Place, program};

const MARKER: &str = "MARKER";
/// Patients; fewer than five, so that no code of theirs may be named.
const PATIENTS: u32 = 4;

/// Resources whose fields hold the marker wherever a value may stand.
fn marked() -> MemoryStore {
    let mut store = MemoryStore::new();
    for n in 0..PATIENTS {
        let resources = [
            format!(
                r#"{{"resourceType":"Patient","id":"MARKER-p{n}","identifier":[{{"system":"MARKER","value":"MARKER"}}],
                "name":[{{"family":"MARKER","given":["MARKER"]}}],"birthDate":"MARKER","gender":"MARKER","address":[{{"postalCode":"MARKER"}}]}}"#
            ),
            format!(
                r#"{{"resourceType":"Encounter","id":"MARKER-e{n}","status":"in-progress","class":{{"code":"IMP"}},
                "type":[{{"coding":[{{"system":"http://fhir.de/CodeSystem/Kontaktebene","code":"einrichtungskontakt"}}]}}],
                "subject":{{"reference":"Patient/MARKER-p{n}"}},"period":{{"start":"2024-13-99MARKER"}},"identifier":[{{"value":"MARKER{n}"}}]}}"#
            ),
            format!(
                r#"{{"resourceType":"Observation","id":"MARKER-o{n}","status":"MARKER","subject":{{"reference":"Patient/MARKER-p{n}"}},
                "encounter":{{"reference":"Encounter/MARKER-x{n}"}},"effectiveDateTime":"1066-01-01",
                "code":{{"coding":[{{"system":"MARKER","code":" MARKER{n}","display":"MARKER"}}],"text":"MARKER"}},
                "valueQuantity":{{"value":"MARKER","unit":"MARKER","system":"http://unitsofmeasure.org","code":"MARKER{n}"}},"note":[{{"text":"MARKER"}}]}}"#
            ),
            format!(
                r#"{{"resourceType":"Condition","id":"MARKER-c{n}","subject":{{"reference":"Patient/MARKER-p{n}"}},
                "code":{{"coding":[{{"system":"MARKER","code":"MARKER"}}],"text":"MARKER"}},"recordedDate":"MARKER"}}"#
            ),
        ];
        for resource in resources {
            assert!(store.insert(resource.as_bytes(), Format::Json), "{resource}");
        }
    }
    store
}

/// Files of a run that may not hold the marker: all but the patients' data themselves.
fn told(layout: &Layout) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![layout.root().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("reads") {
            let path = entry.expect("an entry").path();
            let own = [
                layout.final_signals(),
                layout.spools(),
                layout.run(),
                layout.root().join("profiles"),
                // Signals and their dictionaries are patients' data, as the typed rows are.
                layout.root().join("signals"),
                layout.rep_configs().join("dicts"),
            ];
            if own.contains(&path) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn shows_no_marker(what: &str, text: &str) {
    if let Some(at) = text.find(MARKER) {
        let before = text[..at].char_indices().rev().nth(80).map_or(0, |(i, _)| i);
        panic!("{what} shows the marker: {}", &text[before..at]);
    }
}

fn run(place: &Place, more: &[&str]) {
    let output = place.command(more).output().expect("the program starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(text.len() > 100, "{text}");
    shows_no_marker("the terminal", &text);
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("reads")).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_writes_about_itself_shows_no_value_token_or_query() {
    let place = Place::open().await;
    place.site.server.set_store(marked());
    let mut config = read(&place.config());
    config = config
        .lines()
        .filter(|line| !line.starts_with("ENCOUNTER_FILTER"))
        .collect::<Vec<_>>()
        .join("\n");
    config.push_str(
        "\nVERBOSE = 9\nFHIR_TOKEN = \"MARKER\"\nENCOUNTER_FILTER_PATTERN_0 = [\"ward_name = 'W'\", \"class/code = 'IMP'\"]\n",
    );
    std::fs::write(place.config(), config).expect("writes");
    // Everything that is wrong is said: by the tests of the data, by one of the site, and by a search that fails.
    let rules = "[[site]]\nname = 'of the site'\ntable = 'observation'\nsql = 'SELECT * FROM observation'\n";
    std::fs::write(place.directory.path().join("checks.toml"), rules).expect("rules");
    let broken = FaultRule::new(Fault::Status(400)).path("Condition");
    place.site.server.set_faults(FaultPlan::default().with(broken));
    run(&place, &[]);
    place.site.server.set_faults(FaultPlan::default());
    run(&place, &["--warn-only", "--override", "all"]);
    run(&place, &["--warn-only", "--fresh"]);

    let runs = Runs::below(place.directory.path()).all().expect("reads");
    assert!(runs.len() > 1);
    for layout in &runs {
        for path in told(layout) {
            shows_no_marker(&path.display().to_string(), &path.display().to_string());
            shows_no_marker(&path.display().to_string(), &read(&path));
        }
    }
    // The files say something, and the marker has come as far as the typed rows.
    let layout = &runs[0];
    let log = read(&layout.run_log());
    for word in [
        "observation",
        "fetched: ",
        "written: 4 rows",
        "broke off",
        "completed",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
    let events = read(&layout.run_log_json());
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(
            event["timestamp"].is_string() && event["fields"].is_object(),
            "{line}"
        );
    }
    assert_eq!(events.lines().count(), log.lines().count());
    let results = Results::read(layout).expect("reads");
    let failed: Vec<String> = results
        .of("observation")
        .iter()
        .filter(|outcome| outcome.verdict == work_dir::checks::Verdict::Failed)
        .map(|outcome| outcome.test.clone())
        .collect();
    for test in ["of the site", "units", "codes", "references", "dates"] {
        assert!(failed.iter().any(|name| name == test), "{test}: {failed:?}");
    }
    assert!(read(&layout.process_log("observation")).contains(":: batch_0 :: fetched:"));
    let rows = program()
        .args(["work", "rows", "observation", "--dir"])
        .arg(layout.root())
        .output()
        .expect("the program starts");
    assert!(
        String::from_utf8_lossy(&rows.stdout).contains("MARKER-o0"),
        "{rows:?}"
    );
}
