//! Cracking beside the raw tokenizers, on the same bytes in the same run, in CPU time of one thread.
//!
//! `cargo bench -p benches --bench crack`. The input is the pool of `../shared/tasks/one-row-a-coding` repeated with fresh
//! ids; without it the generated hospital takes its place.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use fhir_crack::{Decoder, Duplicates, Options, Plan, crack_pages, pieces_of_lines};
use fixtures::Format;
use fixtures::hospital::Hospital;
use flate2::read::MultiGzDecoder;
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use table_description::Description;

/// Runs of every case; the best counts, since other work on the machine only ever slows one down.
const RUNS: usize = 7;
/// How often the pool is repeated.
const REPEATED: usize = 10;
/// Bytes pushed at a time.
const PIECE: usize = 1 << 16;

fn main() -> ExitCode {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let full = Description::read(shared.join("description/csv/Table_Description__table_description.csv"))
        .unwrap_or_else(|_| table_description::default_description());
    let narrow = Description::read(shared.join("tasks/one-row-a-coding/description.csv")).ok();
    let lines = pool(&shared);
    let Ok(full_plan) = Plan::new(&full).map(Arc::new) else {
        return ExitCode::FAILURE;
    };
    let json = Input {
        text: repeat(&lines),
        resources: lines.len() * REPEATED,
    };
    println!(
        "{} columns, {} resources, {} bytes of JSON",
        full.column_count(),
        json.resources,
        json.text.len()
    );

    let dom = json.measure("sonic-rs DOM, line by line", |text| {
        for line in text.lines() {
            black_box(sonic_rs::from_str::<sonic_rs::Value>(line).is_ok());
        }
    });
    let bundle = Input {
        text: bundle_of(&json.text),
        resources: json.resources,
    };
    for (name, plan) in [
        ("full", Some(full_plan.clone())),
        ("narrow", narrow.and_then(|d| Plan::new(&d).ok()).map(Arc::new)),
    ] {
        let Some(plan) = plan else { continue };
        for (format, input) in [("NDJSON", &json), ("Bundle", &bundle)] {
            for duplicates in [Duplicates::Keep, Duplicates::Remove] {
                let what = format!("{name}, {format}, duplicates {duplicates:?}");
                let seconds = input.measure(&what, |text| crack(text, &plan, duplicates));
                println!("{:>58.2} of the DOM's rate", dom / seconds);
            }
        }
    }
    xml(&full_plan);
    threads(&json, &full_plan);
    ExitCode::SUCCESS
}

fn xml(plan: &Arc<Plan>) {
    let mut text = String::from("<Bundle xmlns=\"http://hl7.org/fhir\">");
    let mut resources = 0;
    for resource in Hospital::sized(1, 10_000).resources(Format::Xml) {
        text.push_str("<entry><resource>");
        text.push_str(&String::from_utf8_lossy(&resource.bytes));
        text.push_str("</resource></entry>");
        resources += 1;
    }
    text.push_str("</Bundle>");
    println!("{resources} resources, {} bytes of XML", text.len());
    let input = Input { text, resources };
    let events = input.measure("quick-xml events, values unescaped", |text| {
        let mut reader = quick_xml::Reader::from_str(text);
        let mut bytes = 0;
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Eof => break,
                Event::Start(tag) | Event::Empty(tag) => {
                    let value = tag.attributes().flatten().find(|a| a.key.as_ref() == "value");
                    bytes += value
                        .and_then(|v| v.normalized_value(XmlVersion::Implicit1_0).ok())
                        .map_or(0, |v| v.len());
                }
                _ => {}
            }
        }
        black_box(bytes);
    });
    for duplicates in [Duplicates::Keep, Duplicates::Remove] {
        let seconds = input.measure(&format!("full, XML, duplicates {duplicates:?}"), |text| {
            crack(text, plan, duplicates)
        });
        println!("{:>58.2} of the event loop's rate", events / seconds);
    }
}

/// Wall time, since the threads share the work, and the CPU time of all of them.
fn threads(json: &Input, plan: &Arc<Plan>) {
    let mut one = (0.0, 0.0);
    for threads in [1, 2] {
        let mut best = (f64::MAX, f64::MAX);
        for _ in 0..RUNS {
            let (start, before) = (Instant::now(), process_seconds());
            let pages = pieces_of_lines(json.text.as_bytes(), 1 << 18);
            let done = crack_pages(pages, plan, &Options::default(), threads, |cracked| {
                black_box(cracked);
                Ok::<(), fhir_crack::Error>(())
            });
            black_box(done.is_ok());
            best.0 = best.0.min(start.elapsed().as_secs_f64());
            best.1 = best.1.min(process_seconds() - before);
        }
        one = if threads == 1 { best } else { one };
        println!(
            "{threads} threads: {:.3} s of wall time, {:.2} times one; {:.2} times its CPU time",
            best.0,
            one.0 / best.0,
            best.1 / one.1
        );
    }
}

/// CPU time of all threads of this process, those that ended included, in seconds.
fn process_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

struct Input {
    text: String,
    resources: usize,
}

impl Input {
    /// The best CPU time of a case, in seconds.
    fn measure(&self, name: &str, run: impl Fn(&str)) -> f64 {
        let mut best = f64::MAX;
        for _ in 0..RUNS {
            let start = cpu_seconds();
            run(&self.text);
            best = best.min(cpu_seconds() - start);
        }
        let (bytes, resources) = (self.text.len() as f64, self.resources as f64);
        println!(
            "{name:45} {best:.3} s {:6.0} MB/s {:6.0} k resources/s",
            bytes / 1e6 / best,
            resources / 1e3 / best
        );
        best
    }
}

/// CPU time of this thread where the system tells it, else wall time.
fn cpu_seconds() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told
        .as_deref()
        .and_then(|line| line.split(' ').next())
        .and_then(|n| n.parse::<f64>().ok());
    nanoseconds.unwrap_or_else(|| START.with(|start| start.elapsed().as_nanos() as f64)) / 1e9
}

thread_local! {
    static START: Instant = Instant::now();
}

fn crack(text: &str, plan: &Arc<Plan>, duplicates: Duplicates) {
    let mut options = Options::default();
    options.duplicates = duplicates;
    let mut decoder = Decoder::new(Arc::clone(plan), options);
    for piece in text.as_bytes().chunks(PIECE) {
        black_box(decoder.push(piece).is_ok());
        while let Some(batch) = decoder.next_batch() {
            black_box(batch);
        }
    }
    black_box(decoder.end_page().is_ok());
}

/// The pool's resources, one a line.
fn pool(shared: &Path) -> Vec<String> {
    let folder = shared.join("tasks/one-row-a-coding/ndjson");
    let files: Vec<PathBuf> = ["Observation", "Encounter", "Condition"]
        .iter()
        .map(|f| folder.join(format!("{f}.ndjson.gz")))
        .collect();
    let mut text = String::new();
    let read = files.iter().all(|file| {
        fs::File::open(file).is_ok_and(|f| MultiGzDecoder::new(f).read_to_string(&mut text).is_ok())
    });
    if read {
        return text.lines().map(str::to_owned).collect();
    }
    println!("SKIPPED: ../shared is absent, the generated hospital takes the place of its pool");
    Hospital::sized(1, 10_000)
        .resources(Format::Json)
        .map(|r| String::from_utf8_lossy(&r.bytes).into_owned())
        .collect()
}

fn repeat(lines: &[String]) -> String {
    let mut text = String::new();
    for round in 0..REPEATED {
        for line in lines {
            text.push_str(&line.replacen("\"id\":\"", &format!("\"id\":\"{round}"), 1));
            text.push('\n');
        }
    }
    text
}

fn bundle_of(lines: &str) -> String {
    let entries: Vec<String> = lines
        .lines()
        .map(|line| format!("{{\"fullUrl\":\"urn:x\",\"resource\":{line}}}"))
        .collect();
    format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{}]}}",
        entries.join(",")
    )
}
