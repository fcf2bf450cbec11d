//! A site's day: a hub that holds 1,000,000 resources, 3,000 running cases, 300 patients on the wards of interest, 60,000
//! resources changed since yesterday. Prints what a run of that day takes, and what the next one takes without changes.
//!
//! `cargo run --release -p cds2db --example site_day [RESOURCES]`, or `… encounters` for references between a million; needs PostgreSQL's programs and some 15 GB of disk for the
//! full size. Every run and the FHIR server are processes of their own, so each memory figure is that of one run.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement prints, and ends where something is wrong"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::Instant;

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use cds2db::Summary;
use cds2db::config::{Settings, Wards};
use cds2db::progress::Silent;
use cds2db::references::{EncounterGraph, EncounterRow};
use cds2db::run::{Given, Run, Scope};
use cds2db::ward::WardDefinition;
use fhir_crack::search::{Client, ClientOptions};
use fixtures::hospital::Hospital;
use fixtures::server::{Server, ServerOptions};
use table_description::default_description;

/// Wards whose patients are looked for: a tenth of the hospital's.
const WARDS_OF_INTEREST: usize = 6;

fn hospital(resources: u64, day: u32) -> Hospital {
    let hospital = Hospital::sized(1, resources).with_wards(60).with_running(249);
    // Beside what happens by itself, corrections for every patient inside, seen in the night: some 60,000 in all with a million
    // resources.
    let night = jiff::SignedDuration::from_hours(20);
    match day {
        0 => hospital,
        _ => hospital
            .clone()
            .with_changes(hospital.patients() / 2, 8, Some(hospital.timestamp() + night))
            .at(day),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let first = std::env::args_os().nth(1);
    if let Some(code) = cds_hub::cluster::supervisor_main(first.as_deref()) {
        return code;
    }
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["serve", resources, day] => serve(number(resources), number(day) as u32),
        ["run", resources, day, base, what] => run(number(resources), number(day) as u32, base, what),
        ["encounters"] => encounters(1_000_000),
        [] => measure(1_000_000),
        [resources] => measure(number(resources)),
        _ => panic!("expected: site_day [RESOURCES]"),
    }
    ExitCode::SUCCESS
}

/// References between so many encounters, three for each patient and all of one patient.
fn encounters(count: usize) {
    let codes = [
        "einrichtungskontakt",
        "abteilungskontakt",
        "versorgungsstellenkontakt",
    ];
    for a_patient in [3, count] {
        for count in [count / 4, count] {
            let row = |n: usize| {
                let start = (n - n % 3) as i64 * 10 + (n % 3) as i64;
                EncounterRow {
                    id: format!("{}-{}", n / 3, n % 3),
                    type_code: Some(codes[n % 3].to_owned()),
                    patient: Some(format!("Patient/{}", n / a_patient)),
                    start: Some(start),
                    end: Some(start + 20 - 2 * (n % 3) as i64),
                    class: n.is_multiple_of(3).then(|| "IMP".to_owned()),
                    ..EncounterRow::default()
                }
            };
            let rows: Vec<_> = (0..count).map(row).collect();
            let begun = Instant::now();
            let graph = EncounterGraph::build(rows, None);
            let seconds = begun.elapsed().as_secs_f64();
            assert_eq!(graph.main("7-2"), Some("Encounter/7-0".to_owned()));
            println!("{count} encounters, {a_patient} a patient: {seconds:.2} s");
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn serve(resources: u64, day: u32) {
    let server = Server::start(hospital(resources, day), ServerOptions::default()).expect("a server");
    println!("{}", server.base_url());
    // Until the parent closes the pipe.
    let _ = std::io::stdin().lines().count();
}

/// The server of one day, as a process of its own.
struct Served {
    process: Child,
    _pipe: Option<ChildStdin>,
    base: String,
}

impl Served {
    fn start(resources: u64, day: u32) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["serve", &resources.to_string(), &day.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut base = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut base).expect("an address");
        Self {
            _pipe: process.stdin.take(),
            process,
            base: base.trim().to_owned(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn settings(hospital: &Hospital) -> Settings {
    let mut settings = Settings::default();
    settings.server.ids_at_once = 100;
    settings.server.count = Some(1_000);
    settings.encounters.status = "in-progress".to_owned();
    settings.encounters.classes = vec!["IMP".to_owned(), "SS".to_owned()];
    settings.now = Some(hospital.timestamp());
    let locations = hospital.ward_locations();
    let wards: Vec<_> = hospital
        .wards()
        .iter()
        .zip(&locations)
        .take(WARDS_OF_INTEREST)
        .map(|(ward, location)| {
            let condition = format!("location/location/reference = 'Location/{location}($| ~ )'");
            (
                format!("ENCOUNTER_FILTER_PATTERN_{ward}"),
                vec![format!("ward_name = '{ward}'"), condition],
            )
        })
        .collect();
    settings.wards = Wards::Patterns(WardDefinition::read_all(&wards).expect("wards"));
    settings
}

/// One run; the URL of the hub comes in by the environment, since it holds a password.
fn run(resources: u64, day: u32, base: &str, what: &str) {
    let hospital = hospital(resources, day);
    let description = default_description();
    let settings = settings(&hospital);
    let scope = match what {
        "first" => Scope::Given(Given {
            patients: (0..hospital.patients()).map(|n| format!("pat-{n}")).collect(),
            move_watermarks: true,
            ..Given::default()
        }),
        _ => Scope::Patients,
    };
    let url = std::env::var("SITE_DAY_HUB").expect("the hub's URL");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let summary = runtime.block_on(async {
        let client = Client::new(ClientOptions::new(base).expect("a base URL")).expect("a client");
        let hub = Hub::connect(&url).await.expect("connects");
        let run = Run {
            settings: &settings,
            description: &description,
            client: &client,
            hub: &hub,
            scope: &scope,
            progress: &Silent,
        };
        run.execute().await.expect("runs")
    });
    let text = serde_json::to_string(&summary).expect("serialises");
    println!("{} {text}", cpu_seconds());
}

/// CPU seconds of this process so far, user and system.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn step(name: &str, resources: u64, day: u32, server: &Served, url: &str, what: &str) -> Summary {
    let begun = Instant::now();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "run",
            &resources.to_string(),
            &day.to_string(),
            &server.base,
            what,
        ])
        .env("SITE_DAY_HUB", url)
        .stderr(Stdio::inherit())
        .output()
        .expect("starts");
    assert!(output.status.success(), "{name} failed");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (cpu, summary) = text.trim().split_once(' ').expect("two parts");
    let summary: Summary = serde_json::from_str(summary).expect("a summary");
    let sum = |of: fn(&cds2db::TableSummary) -> u64| summary.tables.values().map(of).sum::<u64>();
    println!(
        "{name}: {:.1} s ({cpu} CPU-s of the run itself), {} MiB; {} ward patients, {} asked for; downloaded {}, raw new {}, \
         seen {}, typed new {}; {}",
        begun.elapsed().as_secs_f64(),
        summary.peak_rss_bytes >> 20,
        summary.ward_patients,
        summary.patients,
        sum(|t| t.downloaded),
        sum(|t| t.raw_new),
        sum(|t| t.raw_seen),
        sum(|t| t.typed_new),
        summary
            .stages
            .iter()
            .map(|(s, t)| format!("{s} {:.1} s", t.seconds))
            .collect::<Vec<_>>()
            .join(", ")
    );
    for note in summary.notes.iter().chain(&summary.remarks) {
        println!("  {note}");
    }
    for line in &summary.incomplete {
        println!("  {line}");
    }
    assert!(summary.complete, "{name} is not complete");
    std::io::stdout().flush().expect("prints");
    summary
}

fn measure(resources: u64) {
    let directory = std::env::temp_dir().join(format!("cds2db-site-day-{}", std::process::id()));
    let cluster = Cluster::open(&directory, &ClusterOptions::supervised()).expect("a database");
    let url = cluster.url();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let hub = Hub::connect(&url).await.expect("connects");
        hub.init(&HubTables::standard())
            .await
            .expect("creates the tables");
        hub.close().await;
    });
    let server = Served::start(resources, 0);
    step("first load", resources, 0, &server, &url, "first");
    drop(server);
    let server = Served::start(resources, 1);
    step("the day", resources, 1, &server, &url, "day");
    step("again, without changes", resources, 1, &server, &url, "day");
    drop(server);
    drop(cluster);
    remove(&directory);
}

fn remove(directory: &Path) {
    let _ = std::fs::remove_dir_all(directory);
}
