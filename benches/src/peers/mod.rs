//! The flattening task (one row a coding, NDJSON in, CSV out) by other systems, where they are installed.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use fhir_melt::flatten::{Flatten, FlattenOptions, Open};
use fixtures::hospital::Hospital;
use fixtures::{Format, Kind};
use serde::{Deserialize, Serialize};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use crate::Failure;
use crate::meter::own_cpu_seconds;
use crate::record::Record;

/// Python's systems, by their names in `task.py`.
const PYTHON: [(&str, &str); 4] = [
    ("orjson", "Python with orjson, hand-written"),
    ("polars", "polars, schema spelled out"),
    ("duckdb", "DuckDB, schema spelled out"),
    ("fhiry", "fhiry (its own fixed columns)"),
];
/// Those whose input or machine this bench does not provide.
const ELSEWHERE: [&str; 2] = [
    "Pathling (needs Java and Spark)",
    "FHIR-PYrate (reads bundles from a server)",
];
/// Resources for fhircrackr, which takes minutes for more.
const FOR_R: u64 = 2_000;

/// One system's figures.
#[derive(Debug, Serialize)]
pub struct Peer {
    name: String,
    resources: u64,
    told: Told,
    /// Its CPU time a resource to ours.
    times_our_cpu: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    version: String,
    rows: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_bytes: u64,
}

/// The input's directory, removed when dropped.
struct Input {
    directory: PathBuf,
    resources: u64,
}

impl Drop for Input {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.directory);
    }
}

/// Runs the task with our chain and with every system that is found.
pub fn measure(python: &str, seed: u64, resources: u64, record: &mut Record) -> Result<Vec<Peer>, Failure> {
    let input = Input::write(seed, resources)?;
    record.line(&format!(
        "\nflattening task, {} resources as NDJSON to CSV, one row a coding",
        input.resources
    ));
    record.line(&format!(
        "{:<34} {:>8} {:>8} {:>8} {:>17} {:>9} {:>11}",
        "", "rows", "s", "CPU s", "resources/CPU-s", "peak MB", "of our CPU"
    ));
    let ours = ours(&input)?;
    let mut peers = Vec::new();
    let mut keep = |name: &str, resources: u64, told: Told, record: &mut Record| {
        let times = told.cpu_seconds / resources as f64 / (ours.cpu_seconds / input.resources as f64);
        record.line(&format!(
            "{:<34} {:>8} {:>8.2} {:>8.2} {:>17.0} {:>9.0} {:>9.1} ×",
            format!("{name} {}", told.version),
            told.rows,
            told.seconds,
            told.cpu_seconds,
            resources as f64 / told.cpu_seconds,
            told.peak_bytes as f64 / 1e6,
            times
        ));
        peers.push(Peer {
            name: name.to_owned(),
            resources,
            told,
            times_our_cpu: times,
        });
    };
    keep("fhir-melt, one thread", input.resources, ours.clone(), record);
    let script = input.directory.join("task.py");
    std::fs::write(&script, include_str!("task.py"))?;
    for (system, name) in PYTHON {
        let out = input.directory.join(system);
        let mut command = Command::new(python);
        command.arg(&script).arg(system).arg(&input.directory).arg(&out);
        match ask(&mut command) {
            Ok(told) => {
                if system != "fhiry" && told.rows != ours.rows {
                    return Err(format!("{name} has {} rows, we {}", told.rows, ours.rows).into());
                }
                keep(name, input.resources, told, record);
            }
            Err(why) => record.line(&format!("skipped: {name}: {why}")),
        }
    }
    match fhircrackr(seed, &input) {
        Ok(told) => keep("fhircrackr, from XML", FOR_R, told, record),
        Err(why) => record.line(&format!("skipped: R with fhircrackr: {why}")),
    }
    for name in ELSEWHERE {
        record.line(&format!("skipped: {name}: not part of this bench"));
    }
    Ok(peers)
}

/// Runs a script that prints its figures; why not, where it does not.
fn ask(command: &mut Command) -> Result<Told, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.code() == Some(3) {
        return Err("not installed".to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let fault = String::from_utf8_lossy(&output.stderr);
        return Err(fault.trim().lines().last().unwrap_or("it failed").to_owned());
    }
    serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|e| e.to_string())
}

fn fhircrackr(seed: u64, input: &Input) -> Result<Told, String> {
    let folder = input.directory.join("bundles");
    let out = input.directory.join("r");
    let failed = |e: std::io::Error| e.to_string();
    std::fs::create_dir_all(&folder).map_err(failed)?;
    std::fs::create_dir_all(&out).map_err(failed)?;
    let mut bundle = String::from("<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"searchset\"/>");
    let mut kept = 0;
    Hospital::sized(seed, FOR_R * 3).for_each(&KINDS, Format::Xml, |_, resource| {
        if kept < FOR_R {
            kept += 1;
            bundle.push_str("<entry><resource>");
            bundle.push_str(&String::from_utf8_lossy(resource));
            bundle.push_str("</resource></entry>");
        }
    });
    bundle.push_str("</Bundle>");
    std::fs::write(folder.join("1.xml"), bundle).map_err(failed)?;
    let script = input.directory.join("task.R");
    std::fs::write(&script, include_str!("task.R")).map_err(failed)?;
    ask(Command::new("Rscript").arg(script).arg(folder).arg(out))
}

/// The resource types of the task.
const KINDS: [Kind; 3] = [Kind::Observation, Kind::Encounter, Kind::Condition];

impl Input {
    /// Writes so many resources of the three types.
    fn write(seed: u64, resources: u64) -> Result<Self, Failure> {
        let directory = std::env::temp_dir().join(format!("benches-peers-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let mut input = Self {
            directory,
            resources: 0,
        };
        let mut files = Vec::new();
        for kind in KINDS {
            files.push(BufWriter::new(File::create(input.file(kind.name()))?));
        }
        let mut failed = None;
        // More than half of a hospital's resources are of these types.
        Hospital::sized(seed, resources * 2).for_each(&KINDS, Format::Json, |id, bytes| {
            let file = KINDS
                .iter()
                .position(|&k| k == id.kind)
                .and_then(|n| files.get_mut(n));
            if let Some(file) = file
                && input.resources < resources
            {
                input.resources += 1;
                failed = file
                    .write_all(bytes)
                    .and_then(|()| file.write_all(b"\n"))
                    .err()
                    .or(failed.take());
            }
        });
        for file in &mut files {
            file.flush()?;
        }
        failed.map_or(Ok(input), |e| Err(e.into()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.ndjson"))
    }
}

/// The task with our own chain, on one thread.
fn ours(input: &Input) -> Result<Told, Failure> {
    let out = input.directory.join("ours");
    std::fs::create_dir_all(&out)?;
    let begun = (Instant::now(), own_cpu_seconds());
    let rows = flatten(input, &out)?;
    Ok(Told {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rows,
        seconds: begun.0.elapsed().as_secs_f64(),
        cpu_seconds: own_cpu_seconds() - begun.1,
        peak_bytes: cds2db::peak_rss_bytes(),
    })
}

fn flatten(input: &Input, out: &Path) -> Result<u64, Failure> {
    let only = ["code/coding", "type/coding"].map(ElementPath::new);
    let options = FlattenOptions {
        mode: Some(MeltMode::Only(only.into())),
        ..FlattenOptions::default()
    };
    let out = out.to_owned();
    let open: Open = Box::new(move |name| Ok(Box::new(BufWriter::new(File::create(out.join(name))?))));
    let mut pass = Flatten::new(&description(), options, open)?;
    for kind in KINDS {
        pass.read(BufReader::new(File::open(input.file(kind.name()))?))?;
    }
    let summary = pass.finish()?;
    Ok(summary.tables.iter().map(|t| t.rows).sum())
}

/// The columns of the task.
fn description() -> Description {
    let table = |resource: &str, paths: [&str; 4], concept: &str| {
        let coding = ["system", "code", "display"].map(|key| format!("{concept}/coding/{key}"));
        let column = |path: String| {
            let name = path.replace('/', "_").to_lowercase();
            Column::new(name, Origin::Element(ElementPath::new(path)), FhirType::String)
        };
        Arc::new(TableDescription {
            name: resource.to_lowercase(),
            resource: Some(resource.to_owned()),
            prefix: String::new(),
            columns: paths
                .map(str::to_owned)
                .into_iter()
                .chain(coding)
                .map(column)
                .collect(),
            melt: MeltMode::Product,
        })
    };
    Description {
        tables: vec![
            table(
                "Observation",
                ["id", "status", "subject/reference", "effectiveDateTime"],
                "code",
            ),
            table(
                "Encounter",
                ["id", "status", "subject/reference", "period/start"],
                "type",
            ),
            table(
                "Condition",
                ["id", "recordedDate", "subject/reference", "onsetDateTime"],
                "code",
            ),
        ],
    }
}
