//! One row a coding: NDJSON files to CSV files by a description, beside hand-written typed structs that sonic-rs fills, in
//! the same run. Both write the same bytes, which is checked.
//!
//! `cargo bench -p benches --bench flatten`; the input is the pool of `../shared/tasks/one-row-a-coding` ten times over.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "flatten/typed.rs"]
mod typed;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fhir_melt::flatten::{Flatten, FlattenOptions, Open};
use flate2::read::MultiGzDecoder;
use table_description::{Description, ElementPath, MeltMode};

/// Runs of every case; the best counts, since other work on the machine only ever slows one down.
const RUNS: usize = 7;
/// How often the pool is repeated.
const REPEATED: usize = 10;

const KINDS: [&str; 3] = ["Observation", "Encounter", "Condition"];

fn main() -> Result<(), Box<dyn Error>> {
    let task = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/tasks/one-row-a-coding");
    if !task.exists() {
        println!("SKIPPED: ../shared is absent, and with it the task");
        return Ok(());
    }
    let folder = Folder(std::env::temp_dir().join(format!("flatten-bench-{}", std::process::id())));
    fs::create_dir_all(&folder.0)?;
    let (resources, bytes) = folder.fill(&task)?;
    let description = Description::read(task.join("description.csv"))?;
    println!("{resources} resources, {bytes} bytes of NDJSON");

    let anchor = measure(
        "typed structs, sonic-rs, one thread",
        resources,
        || folder.forget("typed"),
        || folder.typed(),
    )?;
    let one = measure(
        "flatten by description, one thread",
        resources,
        || folder.forget("ours"),
        || folder.flatten(&description, 1),
    )?;
    folder.compare()?;
    let two = measure(
        "flatten by description, two threads",
        resources,
        || folder.forget("ours"),
        || folder.flatten(&description, 2),
    )?;
    folder.compare()?;
    println!("{:.2} times the typed structs, by CPU time", anchor.cpu / one.cpu);
    println!(
        "two threads: {:.2} times one by wall time, for {:.2} times its CPU time",
        one.wall / two.wall,
        two.cpu / one.cpu
    );
    Ok(())
}

/// The best times of a case, in seconds.
struct Times {
    wall: f64,
    /// Of all threads.
    cpu: f64,
}

fn measure(
    name: &str,
    resources: usize,
    forget: impl Fn() -> std::io::Result<()>,
    run: impl Fn() -> Result<(), Box<dyn Error>>,
) -> Result<Times, Box<dyn Error>> {
    let mut best = Times {
        wall: f64::MAX,
        cpu: f64::MAX,
    };
    for _ in 0..RUNS {
        forget()?;
        let (begun, before) = (Instant::now(), cpu_seconds());
        run()?;
        best.wall = best.wall.min(begun.elapsed().as_secs_f64());
        best.cpu = best.cpu.min(cpu_seconds() - before);
    }
    println!(
        "{name:40} {:.3} s of CPU, {:4.0} k resources/s; {:.3} s of wall time",
        best.cpu,
        resources as f64 / 1e3 / best.cpu,
        best.wall
    );
    Ok(best)
}

/// CPU time of all threads of this process, those that ended included, in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Inputs and outputs; goes away with its value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

impl Folder {
    /// Writes the inputs: resources and bytes.
    fn fill(&self, task: &Path) -> Result<(usize, usize), Box<dyn Error>> {
        let (mut resources, mut bytes) = (0, 0);
        for kind in KINDS {
            let mut pool = String::new();
            let file = File::open(task.join(format!("ndjson/{kind}.ndjson.gz")))?;
            MultiGzDecoder::new(file).read_to_string(&mut pool)?;
            let mut text = String::new();
            for round in 0..REPEATED {
                for line in pool.lines() {
                    text.push_str(&line.replacen("\"id\":\"", &format!("\"id\":\"{round}"), 1));
                    text.push('\n');
                    resources += 1;
                }
            }
            bytes += text.len();
            fs::write(self.input(kind), text)?;
        }
        Ok((resources, bytes))
    }

    fn input(&self, kind: &str) -> PathBuf {
        self.0.join(format!("{kind}.ndjson"))
    }

    fn output(&self, by: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{by}.{}.csv", kind.to_lowercase()))
    }

    /// Removes outputs of the run before: to empty a file takes as long as a sixth of the work, and nobody asked for it.
    fn forget(&self, by: &str) -> std::io::Result<()> {
        let outputs = KINDS.iter().map(|kind| self.output(by, kind));
        outputs.filter(|path| path.exists()).try_for_each(fs::remove_file)
    }

    fn typed(&self) -> Result<(), Box<dyn Error>> {
        for kind in KINDS {
            let text = fs::read_to_string(self.input(kind))?;
            let out = BufWriter::with_capacity(1 << 18, File::create(self.output("typed", kind))?);
            typed::write(kind, &text, out)?;
        }
        Ok(())
    }

    fn flatten(&self, description: &Description, threads: usize) -> Result<(), Box<dyn Error>> {
        let only = ["code/coding", "type/coding"].map(ElementPath::new);
        let options = FlattenOptions {
            mode: Some(MeltMode::Only(only.into())),
            threads,
            ..FlattenOptions::default()
        };
        let folder = self.0.clone();
        let open: Open = Box::new(move |name| {
            let file = File::create(folder.join(format!("ours.{name}")))?;
            Ok(Box::new(file))
        });
        let mut pass = Flatten::new(description, options, open)?;
        for kind in KINDS {
            pass.read(File::open(self.input(kind))?)?;
        }
        pass.finish()?;
        Ok(())
    }

    /// Both have to have written the same.
    fn compare(&self) -> Result<(), Box<dyn Error>> {
        for kind in KINDS {
            if fs::read(self.output("typed", kind))? != fs::read(self.output("ours", kind))? {
                return Err(format!("{kind}: the two outputs differ").into());
            }
        }
        Ok(())
    }
}
