//! The eight views of the public benchmark over generated data of its row counts, beside `flatten` for the same columns: one
//! thread, CPU time, CSV from the first byte read to the last written.
//!
//! `cargo bench -p sql-on-fhir --bench views`; `VIEWS_FRACTION` is the fraction of size l (1/20 where not given), `VIEWS_FOLDER`
//! keeps data, views and outputs for `benches/peers.py`.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::indexing_slicing, reason = "a bench stops at the first surprise")]

#[path = "views/data.rs"]
mod data;

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use fhir_melt::flatten::{Flatten, FlattenOptions};
use serde_json::Value;
use sql_on_fhir::{Run, RunOptions, ViewDefinition, Views};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

/// Runs of every case; the best counts, since other work on the machine only ever slows one down.
const RUNS: usize = 5;

/// Paths of a description that gives the same columns and rows as a view; of views a description can say.
const FLAT: [(&str, &[&str]); 4] = [
    (
        "clinical-wide.condition-flat",
        &[
            "id",
            "subject/reference",
            "encounter/reference",
            "onsetDateTime",
            "code/coding/system",
            "code/coding/code",
            "category/coding/code",
            "clinicalStatus/coding/code",
            "verificationStatus/coding/code",
        ],
    ),
    (
        "clinical-flat.condition-flat",
        &["id", "code/coding/code", "clinicalStatus/coding/code"],
    ),
    (
        "clinical-wide.encounter-flat",
        &[
            "id",
            "status",
            "subject/reference",
            "serviceProvider/reference",
            "period/start",
            "period/end",
            "episodeOfCare/reference",
            "type/coding/system",
            "type/coding/code",
            "participant/individual/reference",
            "location/location/reference",
        ],
    ),
    (
        "clinical-flat.observation-components",
        &["id", "component/code/coding/code"],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/sql-on-fhir/benchmark");
    if !shared.exists() {
        println!("SKIPPED: ../shared is absent, and with it the benchmark's views");
        return Ok(());
    }
    let fraction = std::env::var("VIEWS_FRACTION")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.05);
    let temporary = tempfile::tempdir()?;
    let folder = std::env::var_os("VIEWS_FOLDER").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let bytes = data::write(&folder, fraction)?;
    println!("{fraction} of size l, {bytes} bytes of NDJSON");
    for (name, view) in cases(&shared)? {
        fs::write(folder.join(format!("{name}.json")), view.to_string())?;
        let resource = view["resource"].as_str().unwrap_or_default().to_owned();
        let input = folder.join(format!("{resource}.ndjson"));
        let views = Views::new(&[ViewDefinition::from_value(&view)?])?;
        let out = folder.join(format!("{name}.csv"));
        let (ours, rows, memory) = best(|| run(&views, &input, &out))?;
        let megabytes = fs::metadata(&input)?.len() as f64 / 1e6;
        print!(
            "{name:45} {rows:>8} rows {ours:7.2} s of CPU {:6.0} MB/s, peak {memory:3} MB",
            megabytes / ours
        );
        match FLAT.iter().find(|(known, _)| *known == name) {
            Some((_, paths)) => {
                let out = folder.join(format!("{name}.flat.csv"));
                let (theirs, flat, _) = best(|| flatten(&resource, paths, &input, &out))?;
                println!(
                    "; flatten {theirs:.2} s, {:.0} % of its speed, {flat} rows",
                    100.0 * theirs / ours
                );
            }
            None => println!(),
        }
    }
    Ok(())
}

/// The views of both files of the benchmark by file and name.
fn cases(folder: &Path) -> Result<Vec<(String, Value)>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for file in ["clinical-flat", "clinical-wide"] {
        let text = fs::read(folder.join(format!("{file}.json")))?;
        let all: Value = serde_json::from_slice(&text)?;
        for case in all["cases"].as_array().into_iter().flatten() {
            let id = case["id"].as_str().unwrap_or_default();
            cases.push((format!("{file}.{id}"), case["view"].clone()));
        }
    }
    Ok(cases)
}

/// Seconds of CPU of the best run, its rows, and the most memory of any in megabytes.
fn best(mut run: impl FnMut() -> Result<u64, Box<dyn Error>>) -> Result<(f64, u64, u64), Box<dyn Error>> {
    let (mut best, mut rows) = (f64::INFINITY, 0);
    // Without the right to forget the peak before, it is that of all cases so far.
    drop(fs::write("/proc/self/clear_refs", "5"));
    for _ in 0..RUNS {
        let before = cpu_seconds();
        rows = run()?;
        best = best.min(cpu_seconds() - before);
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    Ok((best, rows, peak / 1000))
}

/// CPU time of all threads of this process in seconds, to the hundredth.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// An output in place of one of a run before, whose emptying would be counted.
fn create(path: &Path) -> std::io::Result<BufWriter<File>> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(BufWriter::with_capacity(1 << 18, File::create(path)?))
}

fn run(views: &Views, input: &Path, out: &Path) -> Result<u64, Box<dyn Error>> {
    let mut run = Run::new(views, RunOptions::default(), &mut |_| Ok(Box::new(create(out)?)))?;
    run.read(File::open(input)?)?;
    Ok(run.finish()?.views[0].rows)
}

fn flatten(resource: &str, paths: &[&str], input: &Path, out: &Path) -> Result<u64, Box<dyn Error>> {
    let columns = paths.iter().enumerate().map(|(number, path)| {
        Column::new(
            format!("c{number}"),
            Origin::Element(ElementPath::new(*path)),
            FhirType::String,
        )
    });
    let table = TableDescription {
        name: "flat".to_owned(),
        resource: Some(resource.to_owned()),
        prefix: String::new(),
        columns: columns.collect(),
        melt: MeltMode::Product,
    };
    let description = Description {
        tables: vec![table.into()],
    };
    let out = out.to_owned();
    let mut pass = Flatten::new(
        &description,
        FlattenOptions::default(),
        Box::new(move |_| Ok(Box::new(create(&out)?))),
    )?;
    pass.read(File::open(input)?)?;
    Ok(pass.finish()?.tables.iter().map(|table| table.rows).sum())
}
