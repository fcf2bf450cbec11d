//! The table of messages in `docs/operator.md`: each of its lines is provoked with the real programs, which must say what stands
//! there and end as it says. A line without a provocation fails, and so does a provocation without its line.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fixtures::Format;
use fixtures::MemoryStore;
use fixtures::server::{Fault, FaultPlan, FaultRule, Server, ServerOptions};

use super::obstacles;
use super::site::{Said, Week};

/// What provokes a line of the table, by the first message that stands in it.
type Provocation = fn(&mut Week) -> Said;

const PROVOCATIONS: &[(&str, Provocation)] = &[
    ("waiting for the database at", the_database_is_down),
    ("waiting for the FHIR server at", the_server_is_down),
    ("waiting for the hub's lock", the_lock_is_held),
    ("the database is no hub yet", the_database_is_empty),
    ("cds-hub migrate brings it up to date", the_hub_is_older),
    ("since then the configuration has changed", the_wards_were_changed),
    ("nobody was found on any ward", nobody_is_on_the_wards),
    ("INCOMPLETE: Observation", the_server_fails),
    ("Complete with remarks", a_date_is_implausible),
    (
        "resources wait until they are corrected or released",
        a_resource_is_held,
    ),
    ("was not handed on", a_table_is_stopped),
    ("in quarantine, tried again at every transfer", a_row_is_refused),
    ("NOT MADE", a_table_of_the_site_is_wrong),
    ("invalid peer certificate", the_authority_is_not_known),
    ("the disk is nearly full", the_disk_is_full),
];

/// A line of the table: what is said, and the exit code.
#[derive(Debug)]
struct Line {
    messages: Vec<String>,
    code: i32,
}

/// The lines of the table.
fn lines() -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operator.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let (_, table) = text.split_once("## At 3 a.m.").expect("the table");
    let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let line = |row: &str| {
        let cell = row.split(" | ").next().expect("a cell");
        let quoted = cell.split('`').skip(1).step_by(2);
        // Names of files and commands stand in the same marks.
        let messages: Vec<String> = quoted.filter(|text| *text != ".sql").map(str::to_owned).collect();
        let code = cell
            .rsplit_once('(')
            .and_then(|(_, code)| code.trim_end().strip_suffix(')')?.parse().ok());
        let line = Line {
            messages,
            code: code.unwrap_or_else(|| panic!("no exit code: {row}")),
        };
        assert!(!line.messages.is_empty(), "no message: {row}");
        line
    };
    rows.map(line).collect()
}

#[test]
fn every_message_of_the_table_is_provoked() {
    let lines = lines();
    for (message, _) in PROVOCATIONS {
        assert!(
            lines.iter().any(|line| line.messages[0] == *message),
            "{message:?} is provoked and not in the table"
        );
    }
    let mut week = Week::begin();
    obstacles::an_empty_directory(&mut week);
    // No directory of a run makes room for another while they are counted.
    week.set("cds2db_config.toml", &[("MAX_DIR_COUNT", "100")]);
    week.serve_day(0);
    week.runs(0, &[]);
    let mut wrong = Vec::new();
    for line in &lines {
        let provoked = PROVOCATIONS
            .iter()
            .find(|(message, _)| *message == line.messages[0]);
        let (_, provoke) = provoked.unwrap_or_else(|| panic!("nothing provokes {line:?}"));
        let messages: Vec<&str> = line.messages.iter().map(String::as_str).collect();
        // Each line is played, so that one run of the test names all that are wrong.
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            provoke(&mut week).ends_with(line.code).says(&messages);
        }));
        if played.is_err() {
            wrong.push(line.messages[0].as_str());
        }
    }
    assert_eq!(wrong, [""; 0]);
}

fn the_database_is_down(week: &mut Week) -> Said {
    week.stop_database();
    let said = week.run(&["--wait", "3"]);
    week.start_database();
    said
}

fn the_server_is_down(week: &mut Week) -> Said {
    week.stop_server();
    let said = week.run(&["--wait", "3"]);
    week.serve_day(0);
    said
}

fn the_lock_is_held(week: &mut Week) -> Said {
    week.hub(&["lock", "backup"]).ends_with(0);
    let said = week.run(&["--wait", "3", "--fresh"]);
    week.hub(&["unlock"]).ends_with(0);
    week.run(&["--fresh"]).ends_with(0);
    said
}

fn the_database_is_empty(week: &mut Week) -> Said {
    week.execute("CREATE DATABASE nothing_here");
    week.run(&["--fresh", "--set", "DB_NAME=nothing_here"])
}

fn the_hub_is_older(week: &mut Week) -> Said {
    let definition = week.path("newer.csv").display().to_string();
    week.call(
        "cds2db",
        &["describe", "expand", "default", "--output", &definition],
    )
    .ends_with(0);
    let text = std::fs::read_to_string(&definition).expect("reads");
    let birth = text.lines().find(|line| line.contains("pat_birthdate"));
    let birth = birth.expect("the column");
    let more = format!("{birth}\n,pat_photo_title,photo/title,,,,,");
    std::fs::write(&definition, text.replace(birth, &more)).expect("writes");
    week.run(&["--fresh", "--description", &definition])
}

fn the_wards_were_changed(week: &mut Week) -> Said {
    obstacles::a_run_is_killed(week, &["--fresh"]);
    let said = week.run(&[
        "--set",
        "ENCOUNTER_FILTER_PATTERN_1=[\"ward_name = 'Another'\", \"status = 'x'\"]",
    ]);
    week.run(&[]).ends_with(0);
    said
}

fn nobody_is_on_the_wards(week: &mut Week) -> Said {
    let sets: Vec<String> = (1..=week.hospital(0).wards().len())
        .map(|n| {
            format!(
                "ENCOUNTER_FILTER_PATTERN_{n}=[\"ward_name = 'W{n}'\", \"location/location/reference = 'no such ward'\"]"
            )
        })
        .collect();
    let arguments: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let said = week.run(&[&["--fresh"], &arguments[..]].concat());
    week.run(&["--fresh"]).ends_with(0);
    said
}

/// Another server with the same hospital, which answers a type of resource with an error.
fn the_server_fails(week: &mut Week) -> Said {
    let mut store = MemoryStore::new();
    for resource in week.hospital(1).resources(Format::Json) {
        assert!(store.insert(&resource.bytes, Format::Json));
    }
    let faults = FaultPlan::default().with(FaultRule::new(Fault::Status(500)).path("Observation"));
    let server = Server::start(store, ServerOptions::default()).expect("a server");
    server.set_faults(faults);
    let endpoint = format!("FHIR_SERVER_ENDPOINT={}", server.base_url());
    let said = week.run(&["--fresh", "--set", &endpoint]);
    server.shutdown();
    said
}

/// A patient on a ward with a birth date in another millennium, and the next version each time.
fn with_birth(week: &mut Week, birth: &'static str, version: &'static str) {
    let id = super::days::somebody(week);
    week.serve_altered(1, super::days::born(&id, birth, version));
}

fn a_date_is_implausible(week: &mut Week) -> Said {
    with_birth(week, "0951-04-03", "91");
    week.run(&["--fresh"])
}

fn rules(week: &Week, rules: &str) {
    std::fs::write(week.path("site/checks.toml"), rules).expect("writes");
}

fn a_resource_is_held(week: &mut Week) -> Said {
    rules(
        week,
        "[[site]]\nname = 'nobody is so old'\ntable = 'patient'\nseverity = 'hold'\nshare = 0.0\nnumber = 1\n\
         sql = \"SELECT pat_id FROM patient WHERE pat_birthdate < DATE '1000-01-01'\"\n",
    );
    with_birth(week, "0952-04-03", "92");
    let said = week.run(&["--fresh"]);
    week.call("cds2db", &["work", "release", "patient"]).ends_with(0);
    rules(week, "");
    week.run(&["--fresh"]).ends_with(0);
    said
}

fn a_table_is_stopped(week: &mut Week) -> Said {
    rules(
        week,
        "[[site]]\nname = 'nobody is born'\ntable = 'patient'\nseverity = 'stop'\nshare = 0.0\nnumber = 1\nsql = 'SELECT * FROM patient'\n",
    );
    with_birth(week, "1953-04-03", "93");
    let said = week.run(&["--fresh"]);
    rules(week, "");
    week.run(&["--fresh"]).ends_with(0);
    said
}

fn a_row_is_refused(week: &mut Week) -> Said {
    week.execute(
        "ALTER TABLE core.patient ADD CONSTRAINT refused CHECK (pat_birthdate > '1800-01-01') NOT VALID",
    );
    with_birth(week, "0955-04-03", "95");
    let said = week.run(&["--fresh"]);
    week.execute("ALTER TABLE core.patient DROP CONSTRAINT refused");
    week.hub(&["quarantine", "retry"]).ends_with(0);
    said
}

fn a_table_of_the_site_is_wrong(week: &mut Week) -> Said {
    let tables = week.path("site/tables");
    std::fs::create_dir(&tables).expect("a directory");
    std::fs::write(tables.join("wrong.sql"), "SELECT 1").expect("writes");
    week.set(
        "dataprocessor_config.toml",
        &[("OUTPUT_TABLES_PATH", "\"./tables\"")],
    );
    let said = week.dataprocessor(&["run"]);
    std::fs::remove_file(tables.join("wrong.sql")).expect("removed");
    said
}

/// Killed at its end, however a test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server whose certificate nobody has signed but itself.
fn the_authority_is_not_known(week: &mut Week) -> Said {
    let (key, certificate) = (week.path("key.pem"), week.path("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl starts").success());
    let port = super::site::free_port();
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &port.to_string(), "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Killed(server.expect("openssl starts"));
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("localhost", port)).is_err() {
        assert!(Instant::now() < until, "the server listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let endpoint = format!("FHIR_SERVER_ENDPOINT=https://localhost:{port}/fhir");
    week.run(&["--fresh", "--wait", "3", "--set", &endpoint])
}

fn the_disk_is_full(week: &mut Week) -> Said {
    week.run(&["--fresh", "--set", "MIN_FREE_MIB=1000000000"])
}

#[test]
fn a_line_is_read_as_it_stands() {
    let read = lines();
    let lock = read
        .iter()
        .find(|line| line.messages[0] == "waiting for the hub's lock");
    assert_eq!(lock.map(|line| line.code), Some(5), "{read:?}");
}
