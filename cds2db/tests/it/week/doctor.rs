//! What `cds2db doctor` says, and what it never says.

use std::path::Path;

use super::site::Week;

/// Stands wherever a secret, an address or a patient's value may stand.
const MARKER: &str = "MARKER4711";

fn shows_no_marker(text: &str) {
    assert!(!text.contains(MARKER), "{text}");
}

/// Everything works: each section has its lines, and neither secrets nor names of machines are among them.
pub(super) fn a_site_that_works(week: &mut Week) {
    let run = week.runs_kept().pop().expect("a run");
    let figures = run.join("summary.json");
    let good = std::fs::read_to_string(&figures).expect("figures");
    let mut planted: serde_json::Value = serde_json::from_str(&good).expect("JSON");
    planted["about"]["server"] = format!("https://{MARKER}/fhir").into();
    planted["about"]["wards"] = serde_json::json!([MARKER]);
    planted["remarks"] = serde_json::json!([MARKER]);
    planted["notes"] = serde_json::json!([MARKER]);
    planted["incomplete"] = serde_json::json!([{"resource": MARKER, "place": MARKER, "cause": MARKER}]);
    planted["tables"][MARKER] = planted["tables"]["patient"].clone();
    std::fs::write(&figures, planted.to_string()).expect("writes");
    std::fs::create_dir(week.path("site/runs").join(MARKER)).expect("a directory");
    week.execute(&format!("SELECT db.data_transfer_stop('{MARKER}', '{MARKER}')"));

    let mut doctor = week.command("cds2db", &["doctor", "cds2db_config.toml", "--json"]);
    for (name, value) in [
        ("CDS2DB_FHIR_TOKEN", MARKER),
        ("CDS2DB_PSEUDONYM_KEY", MARKER),
        (&format!("CDS2DB_{MARKER}"), MARKER),
        ("PGPASSWORD", MARKER),
        (
            "DATABASE_URL",
            &format!("postgres://{MARKER}:{MARKER}@{MARKER}/{MARKER}"),
        ),
    ] {
        doctor.env(name, value);
    }
    let output = doctor.output().expect("the program starts");
    let text = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr].concat()).into_owned();
    shows_no_marker(&text);
    for secret in ["secret-1", "127.0.0.1", "localhost", "cds2db_user", "Station"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(
        !text.contains(&week.directory.path().display().to_string()),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(0), "{text}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["sound"], true, "{text}");
    let line = |section: &str, what: &str| {
        let lines = found["findings"].as_array().expect("lines").iter();
        let mut lines = lines.filter(|line| line["section"] == section && line["what"] == what);
        let line = lines.next().unwrap_or_else(|| panic!("{section} {what}: {text}"));
        (
            line["state"].as_str().expect("a state").to_owned(),
            line["found"].as_str().expect("a text").to_owned(),
        )
    };
    let fine = |section: &str, what: &str, part: &str| {
        let (state, found) = line(section, what);
        assert!(
            state == "fine" && found.contains(part),
            "{section} {what}: {state} {found}"
        );
    };
    fine("program", "version", env!("CARGO_PKG_VERSION"));
    fine("configuration", "faults", "none");
    fine("configuration", "keys of the file", "FHIR_SERVER_ENDPOINT");
    fine("configuration", "keys of the file", "ENCOUNTER_FILTER_PATTERN_2");
    fine(
        "configuration",
        "variables of the environment",
        "CDS2DB_FHIR_TOKEN",
    );
    fine("configuration", "variables of the environment", "others");
    fine("machine", "free where the runs are", "MiB");
    fine("hub", "made by release", env!("CARGO_PKG_VERSION"));
    fine("hub", "migrations", "none is due");
    fine("hub", "clock", "of this machine's");
    fine("hub", "max_connections", "");
    fine("hub", "quarantine", "0 rows");
    fine("FHIR server", "FHIR", "4.0.1");
    fine("FHIR server", "clock", "of this machine's");
    fine("FHIR server", "search", "can be searched");
    fine("FHIR server", "log-in", "bearer token");
    // A cluster of a test is not safe against a crash, and that is noticed.
    assert_eq!(line("hub", "fsync").0, "look");
    let (state, lock) = line("hub", "lock");
    assert!(
        state == "look" && lock.starts_with("held by another module"),
        "{lock}"
    );
    let name = run.file_name().expect("a name").to_string_lossy().into_owned();
    let (state, last) = line("runs", &name);
    assert!(
        last.contains(" in ") && last.contains("1 missing"),
        "{state} {last}"
    );

    week.execute(&format!(
        "SELECT db.data_transfer_start('{MARKER}', '{MARKER}', true)"
    ));
    std::fs::write(&figures, good).expect("writes");
    std::fs::remove_dir(week.path("site/runs").join(MARKER)).expect("removed");
    let said = week
        .call("cds2db", &["doctor", "cds2db_config.toml"])
        .ends_with(0);
    assert!(said.out.starts_with("program\n"), "{}", said.out);

    // What does not answer is said by its kind.
    week.stop_server();
    let said = week
        .call("cds2db", &["doctor", "cds2db_config.toml"])
        .ends_with(1);
    let mut faults = said.out.lines().filter(|line| line.contains("FAULT"));
    assert!(
        faults
            .next()
            .is_some_and(|line| line.contains("connection") && line.contains("cannot be reached")),
        "{}",
        said.out
    );
    assert!(!said.out.contains("127.0.0.1"), "{}", said.out);
    week.serve_day(2);
}

fn doctor(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .arg("doctor")
        .args(arguments)
        .current_dir(folder)
        .env_remove("DATABASE_URL")
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    shows_no_marker(&text);
    (output.status.code(), text)
}

/// Configurations that cannot be used: the faults are named by line and key, whatever stands there.
#[test]
fn nothing_of_a_broken_configuration_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cds2db_config.toml");
    for (text, shown) in [
        (format!("FHIR_TOKEN = \"{MARKER}"), &["FAULT", "line 1"][..]),
        (format!("{MARKER} = {MARKER}\n"), &["FAULT", "line 1"]),
        (
            format!(
                "FHIR_SERVER_ENDPOINT = \"https://me:{MARKER}@{MARKER}/{MARKER}?x={MARKER}\"\nVERBOSE = \"{MARKER}\"\n\
                 {MARKER} = 1\nENCOUNTER_FILTER_PATTERN_1 = [\"{MARKER}\"]\nENCOUNTER_FILTER_PATTERN_{MARKER} = [\"x\"]\n\
                 FHIR_SEARCH_CODE_{MARKER} = [\"{MARKER}\"]\nPATH_TO_DB_CONFIG_TOML = \"./{MARKER}.toml\"\n\
                 FHIR_CA_FILE = \"/{MARKER}\"\n"
            ),
            &["FAULT", "VERBOSE", "ENCOUNTER_FILTER_PATTERN_1", "FHIR_CA_FILE"],
        ),
    ] {
        std::fs::write(&file, text).expect("writes");
        let (code, said) = doctor(folder.path(), &[]);
        assert_eq!(code, Some(1), "{said}");
        for word in shown {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    // Usable, but nobody is there and everything is marked.
    std::fs::write(
        folder.path().join(format!("{MARKER}.toml")),
        format!("DB_HOST = \"{MARKER}.invalid\"\nDB_NAME = \"{MARKER}\"\nDB_CDS2DB_USER = \"{MARKER}\"\nDB_CDS2DB_PASSWORD = \"{MARKER}\"\n"),
    )
    .expect("writes");
    std::fs::write(
        &file,
        format!(
            "FHIR_SERVER_ENDPOINT = \"https://{MARKER}.invalid/{MARKER}\"\nFHIR_SERVER_USER = \"{MARKER}\"\n\
             FHIR_SERVER_PASS = \"{MARKER}\"\nPATH_TO_DB_CONFIG_TOML = \"./{MARKER}.toml\"\n\
             ENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = '{MARKER}'\", \"status = '{MARKER}'\"]\n\
             DEBUG_FILTER_PIDS_PATTERN = \"{MARKER}\"\n"
        ),
    )
    .expect("writes");
    let (code, said) = doctor(folder.path(), &["--json"]);
    assert_eq!(code, Some(1), "{said}");
    for word in [
        "cannot be reached",
        "DEBUG_FILTER_PIDS_PATTERN",
        "user and password (not shown)",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let (code, said) = doctor(folder.path(), &["no_such_file.toml"]);
    assert_eq!(code, Some(1), "{said}");
}
