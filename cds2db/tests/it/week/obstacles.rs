//! What stands in the way of a run, and how soon and in which words the programs say so.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::site::Week;

/// Everything that `init` wrote, filled in as its README says.
pub(super) fn an_empty_directory(week: &mut Week) {
    let site = week.path("site");
    let said = week
        .call("cds2db", &["init", &site.display().to_string()])
        .ends_with(0);
    for file in [
        "cds2db_config.toml",
        "cds_hub_db_config.toml",
        "dataprocessor_config.toml",
        "checks.toml",
        "patients_example.txt",
        "systemd/cds2db.service",
        "systemd/cds2db.timer",
        "README.md",
    ] {
        assert!(site.join(file).is_file() && said.out.contains(file), "{file}");
    }
    week.call("cds2db", &["config", "check", "cds2db_config.toml"])
        .ends_with(0);
    week.dataprocessor(&["config", "check"]).ends_with(0);
    week.call("cds2db", &["run", "no_such_file.toml"]).ends_with(2);
    week.call("cds2db", &["no-such-command"]).ends_with(2);

    let server = format!("\"http://{}/fhir\"", week.server_address());
    week.set(
        "cds2db_config.toml",
        &[
            ("FHIR_SERVER_ENDPOINT", &server),
            ("ENCOUNTER_FILTER_PATTERN_1", &wards(week)),
        ],
    );
    let (_, port) = week
        .database_address()
        .rsplit_once(':')
        .map(|(h, p)| (h.to_owned(), p.to_owned()))
        .expect("a port");
    week.set(
        "cds_hub_db_config.toml",
        &[("DB_HOST", "\"127.0.0.1\""), ("DB_PORT", &port)],
    );
    let database = site.join("cds_hub_db_config.toml");
    let text = std::fs::read_to_string(&database).expect("reads");
    let passwords = "DB_CDS2DB_PASSWORD = \"secret-1\"\nDB_DATAPROCESSOR_PASSWORD = \"secret-2\"\n";
    std::fs::write(&database, format!("{text}\n[passwords]\n{passwords}")).expect("writes");
    // Before there is a hub: the role cannot log in, and that is said with the way on.
    week.serve_day(0);
    week.run(&["--wait", "0"])
        .ends_with(1)
        .within(5)
        .says(&[&week.database_address(), "cds-hub init"]);
    let passwords = week.path("passwords");
    std::fs::create_dir(&passwords).expect("a directory");
    for (role, password) in [("cds2db_user", "secret-1"), ("db2dataprocessor_user", "secret-2")] {
        std::fs::write(passwords.join(role), format!("{password}\n")).expect("writes");
    }
    // On an empty database a migration makes nothing unasked.
    week.hub(&["migrate"]).says(&["cds-hub init"]);
    assert_eq!(
        week.value("SELECT count(*)::text FROM pg_namespace WHERE nspname = 'core'"),
        "0"
    );
    let passwords = passwords.display().to_string();
    week.hub(&["init", "--passwords", &passwords])
        .ends_with(0)
        .says(&["the hub is made", "cds2db_user"]);
    week.hub(&["init"]).ends_with(0).says(&["was there already"]);
    let said = week
        .call("cds2db", &["config", "check", "cds2db_config.toml", "--connect"])
        .ends_with(0);
    assert_eq!(
        said.out.lines().filter(|line| line.starts_with("ok ")).count(),
        5,
        "{}",
        said.out
    );
    week.hub(&["status"]).ends_with(0).says(&["ReadyToConnect"]);
    week.stop_server();
}

/// One line a ward, all behind the first key.
fn wards(week: &Week) -> String {
    let wards = week.hospital(0).wards();
    let lines = wards.iter().enumerate().map(|(i, ward)| {
        let key = if i == 0 {
            String::new()
        } else {
            format!("ENCOUNTER_FILTER_PATTERN_{} = ", i + 1)
        };
        format!("{key}[\"ward_name = '{ward}'\", \"location/location/display = '(^| ~ ){ward}($| ~ )'\"]")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Begins a run and kills it as soon as it has its patients.
pub(super) fn a_run_is_killed(week: &Week, more: &[&str]) {
    let before = week.runs_kept().len();
    let arguments = [&["run", "cds2db_config.toml"][..], more].concat();
    let mut child = week
        .command("cds2db", &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let until = Instant::now() + Duration::from_secs(60);
    let begun = || {
        week.runs_kept()
            .last()
            .is_some_and(|run| run.join("run.json").exists())
    };
    while week.runs_kept().len() == before || !begun() {
        assert!(
            Instant::now() < until && child.try_wait().expect("waits").is_none(),
            "the run begins"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// A run that was killed keeps what it was started with.
pub(super) fn a_killed_run_and_changed_wards(week: &mut Week) {
    week.serve_day(2);
    a_run_is_killed(week, &[]);
    let config = week.path("site/cds2db_config.toml");
    let text = std::fs::read_to_string(&config).expect("reads");
    let last = text
        .lines()
        .rfind(|line| line.starts_with("ENCOUNTER_FILTER_PATTERN_"))
        .expect("a ward");
    std::fs::write(&config, text.replace(last, "")).expect("writes");
    let said = week
        .run(&[])
        .ends_with(2)
        .says(&["the wards", "--fresh", "as it was configured"]);
    assert!(
        !said.err.contains("the FHIR server"),
        "only what differs: {}",
        said.err
    );
    std::fs::write(&config, &text).expect("writes");
    week.run(&["--json"]).ends_with(0);
    // Some seconds after the kill the dead run's lock has ended by itself.
    week.dataprocessor(&["run"]).ends_with(0);
}

/// Who holds the lock is said after two seconds, and a wait ends.
pub(super) fn a_locked_hub(week: &mut Week) {
    week.hub(&["lock", "backup"])
        .ends_with(0)
        .says(&["Interrupted_backup", "unlock"]);
    let held = ["waiting for the hub's lock", "Interrupted_backup", "since 2"];
    week.run(&["--wait", "3"]).ends_with(5).within(30).says(&held);
    week.dataprocessor(&["--wait", "3", "run"])
        .ends_with(5)
        .within(10)
        .says(&held);
    week.hub(&["unlock"]).ends_with(0).says(&["go on"]);
    week.run(&[]).ends_with(0);
}

pub(super) fn a_database_that_is_down(week: &mut Week) {
    week.stop_database();
    let address = week.database_address();
    week.run(&["--wait", "0"])
        .ends_with(5)
        .within(4)
        .says(&[&address, "DB_HOST"]);
    let waits = format!("waiting for the database at {address}, 1st try");
    week.run(&["--wait", "3"]).ends_with(5).within(10).says(&[&waits]);
    week.dataprocessor(&["--wait", "3", "run"])
        .ends_with(5)
        .within(10)
        .says(&[&waits]);
    week.dataprocessor(&["--wait", "0", "show"])
        .ends_with(5)
        .within(4)
        .says(&[&address]);
    week.hub(&["status"]).ends_with(5).within(10).says(&[&address]);
    week.start_database();
    week.run(&[]).ends_with(0);
}

pub(super) fn a_server_that_is_down(week: &mut Week) {
    week.stop_server();
    let address = week.server_address();
    week.run(&["--wait", "0"])
        .ends_with(5)
        .within(4)
        .says(&[&address, "FHIR_SERVER_ENDPOINT"]);
    let waits = format!("waiting for the FHIR server at {address}, 1st try");
    week.run(&["--wait", "3"]).ends_with(5).within(10).says(&[&waits]);
    // What a run that failed says last is no longer what the day before said.
    let summary = std::fs::read_to_string(week.path("site/summary.json")).expect("summary.json");
    assert!(summary.contains("\"incomplete\""), "{summary}");
    week.serve_day(3);
}

/// A hub that is older than the description is refused at the start, and a site's own table outlives a migration.
pub(super) fn another_description(week: &mut Week) {
    let tables = week.path("site/tables");
    std::fs::create_dir(&tables).expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(tables.join(name), text).expect("writes");
    write(
        "site_cases.csv",
        "TABLE_NAME,COLUMN_NAME,COLUMN_DESCRIPTION,COLUMN_TYPE\nsite_cases,case_id,Case,varchar\n",
    );
    write(
        "site_cases.sql",
        "SELECT DISTINCT ON (enc_id) enc_id AS case_id, encounter_id AS from_encounter\n\
         FROM db2dataprocessor_out.v_encounter_last_version ORDER BY enc_id, encounter_id",
    );
    week.set(
        "dataprocessor_config.toml",
        &[("OUTPUT_TABLES_PATH", "\"./tables\"")],
    );
    week.dataprocessor(&["config", "check"])
        .ends_with(0)
        .says(&["site_cases"]);
    let url = week.owner_url();
    week.dataprocessor(&["--hub", &url, "tables"])
        .ends_with(0)
        .says(&["site_cases"]);
    week.dataprocessor(&["run"]).ends_with(0).says(&["site_cases"]);
    let rows = "SELECT count(*)::text FROM db2dataprocessor_out.v_site_cases";
    let before = week.count(rows);
    assert!(before > 0);

    // One column more in a table.
    let definition = week.path("definition.csv");
    let definition = definition.display().to_string();
    week.call(
        "cds2db",
        &["describe", "expand", "default", "--output", &definition],
    )
    .ends_with(0);
    let text = std::fs::read_to_string(&definition).expect("reads");
    let birth = text
        .lines()
        .find(|line| line.contains("pat_birthdate"))
        .expect("the column")
        .to_owned();
    let more = ",pat_photo_title,photo/title,,,,,";
    std::fs::write(&definition, text.replace(&birth, &format!("{birth}\n{more}"))).expect("writes");
    let raw = "SELECT count(*)::text FROM db_log.patient_raw";
    let rows_before = week.count(raw);
    week.run(&["--description", &definition])
        .ends_with(1)
        .within(5)
        .says(&["cds-hub migrate"]);
    assert_eq!(week.count(raw), rows_before, "refused before anything is written");
    week.hub(&["migrate", "--description", &definition, "--dry-run"])
        .ends_with(0)
        .says(&["pat_photo_title"]);
    week.hub(&["migrate", "--description", &definition, "--accept"])
        .ends_with(0)
        .says(&["pat_photo_title", "done"]);
    week.run(&["--description", &definition]).ends_with(0);
    let said = week.dataprocessor(&["run", "--json"]).ends_with(0).json();
    assert_eq!(
        said["left_out"],
        serde_json::json!([]),
        "the site's table is there: {said}"
    );
    assert!(week.count(rows) >= before);
    let id = week.value("SELECT max(site_cases_id)::text FROM db2dataprocessor_out.v_site_cases");
    week.hub(&["trace", "site_cases", &id, "--cell", "case_id"])
        .ends_with(0)
        .says(&["Encounter/", "in enc_id"]);
    // One bad table is named, and takes no other with it.
    write("site_bad.sql", "SELECT 1");
    week.dataprocessor(&["config", "check"])
        .ends_with(2)
        .says(&["site_bad.sql"]);
    week.dataprocessor(&["run"])
        .ends_with(3)
        .says(&["NOT MADE", "site_bad.sql", "fall_fe:"]);
    std::fs::remove_file(tables.join("site_bad.sql")).expect("removed");
}
