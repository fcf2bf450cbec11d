//! What keeping the standing whole costs: some 1,000,000 resources stand, 1 % of them change.
//!
//! `cargo run --release -p work-dir --features polars --example keep_whole -- [RESOURCES [SHARE_OF_CHANGES]]`
//!
//! Prints seconds and the peak memory of making the whole, of a day with changes, of a day without, and of the final files.
#![expect(clippy::print_stdout, reason = "the measurement's own output")]

use std::collections::HashSet;
use std::error::Error;
use std::time::Instant;

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NamedFrom, PolarsResult, Series, TimeUnit};
use table_description::{Description, TableDescription, default_description};
use work_dir::whole::{Change, RUN_COLUMN, Standing, Whole};
use work_dir::{Id2Nr, Layout};

/// Resources a patient has.
const EACH: usize = 100;
/// Rows that are made at a time.
const PIECE: usize = 50_000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Code, unit, median.
const MEASURED: [(&str, &str, f64); 12] = [
    ("718-7", "g/dL", 12.3),
    ("4544-3", "%", 37.0),
    ("789-8", "10*6/uL", 4.2),
    ("6690-2", "10*3/uL", 8.5),
    ("777-3", "10*3/uL", 230.0),
    ("2951-2", "mmol/L", 139.0),
    ("2823-3", "mmol/L", 4.1),
    ("2160-0", "mg/dL", 1.1),
    ("1988-5", "mg/L", 20.0),
    ("8867-4", "/min", 82.0),
    ("8310-5", "Cel", 36.8),
    ("8480-6", "mm[Hg]", 124.0),
];

/// Where the hub stood after this import.
fn after(import: i32) -> Standing {
    Standing {
        hub: 1,
        import,
        ..Standing::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let resources: usize = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let share: f64 = arguments.next().map_or(Ok(0.01), |n| n.parse())?;
    let description = default_description();
    let table = description.table("observation").ok_or("no observation")?;
    let base = tempfile::tempdir()?;
    let whole = Whole::at(base.path());

    let all: Vec<usize> = (0..resources).collect();
    measure("the whole made anew", || {
        let mut next = whole.begin()?;
        let mut anew = next.anew(table, resources)?;
        for piece in all.chunks(PIECE) {
            anew.add(&rows(table, piece, 1)?)?;
        }
        next.put(anew)?;
        Ok(next.hold(after(1))?.rewritten)
    })?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    let step = ((1.0 / share) as usize).max(1);
    let changed: Vec<usize> = all.iter().copied().step_by(step).collect();
    measure("a day with changes", || {
        let mut next = whole.begin()?;
        let rows = rows(table, &changed, 2)?;
        let out = HashSet::new();
        next.change(table, Change { rows, out })?;
        Ok(next.hold(after(2))?.rewritten)
    })?;
    measure("a day without", || {
        let mut next = whole.begin()?;
        next.change(table, Change::default())?;
        Ok(next.hold(after(3))?.rewritten)
    })?;
    for what in ["the final files, first", "the final files again"] {
        measure(what, || final_files(&whole, base.path(), &description))?;
    }
    Ok(())
}

fn final_files(
    whole: &Whole,
    base: &std::path::Path,
    description: &Description,
) -> Result<usize, Box<dyn Error>> {
    let mut ids = Id2Nr::open(&Layout::new(base), None)?;
    Ok(whole.write_final(2, description, &mut ids)?.signals.len())
}

/// Does it, and prints what it cost.
fn measure(what: &str, work: impl FnOnce() -> Result<usize, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    // Begins the peak anew, where the system can.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak();
    let (begun, cpu) = (Instant::now(), processor());
    let files = work()?;
    println!(
        "{what}: {:.1} s, {:.1} s of processor, peak {} MiB (before {} MiB), {files} files",
        begun.elapsed().as_secs_f64(),
        processor() - cpu,
        peak() >> 20,
        before >> 20
    );
    Ok(())
}

/// Largest resident memory in bytes since it was begun anew.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

/// Seconds of processor time of this process.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or_default()
    };
    // User and system time, in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}

/// Observations by number, as wide as those of a hospital.
fn rows(table: &TableDescription, numbers: &[usize], run: i32) -> PolarsResult<DataFrame> {
    let measured = |n: usize| MEASURED[n % MEASURED.len()];
    let mut columns: Vec<Column> = Vec::new();
    let mut text = |path: &str, of: &dyn Fn(usize) -> String| {
        if let Some(position) = table.position_of_path(path) {
            let cells: Vec<String> = numbers.iter().map(|n| of(*n)).collect();
            columns.push(Series::new(table.columns[position].name.as_str().into(), cells).into_column());
        }
    };
    text("id", &|n| format!("observation-{n:09}"));
    text("meta/versionId", &|_| run.to_string());
    text("identifier/system", &|_| {
        "https://hospital.example/observations".to_owned()
    });
    text("identifier/value", &|n| format!("OBS{n:09}"));
    text("status", &|_| "final".to_owned());
    text("category/coding/system", &|_| {
        "http://terminology.hl7.org/CodeSystem/observation-category".to_owned()
    });
    text("category/coding/code", &|_| "laboratory".to_owned());
    text("code/coding/system", &|_| "http://loinc.org".to_owned());
    text("code/coding/code", &|n| measured(n).0.to_owned());
    text("code/text", &|n| format!("measurement {}", measured(n).0));
    text("subject/reference", &|n| {
        format!("Patient/patient-{:06}", n / EACH)
    });
    text("encounter/reference", &|n| {
        format!("Encounter/encounter-{:07}", n / 20)
    });
    text("valueQuantity/unit", &|n| measured(n).1.to_owned());
    text("valueQuantity/system", &|_| {
        "http://unitsofmeasure.org".to_owned()
    });
    text("valueQuantity/code", &|n| measured(n).1.to_owned());
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let values: Vec<f64> = numbers
        .iter()
        .map(|n| measured(*n).2 * (0.8 + (n * 7_919 % 401) as f64 / 1_000.0))
        .collect();
    let mut column = |path: &str, series: Series| {
        if let Some(position) = table.position_of_path(path) {
            columns.push(
                series
                    .with_name(table.columns[position].name.as_str().into())
                    .into_column(),
            );
        }
    };
    column("valueQuantity/value", Series::new("v".into(), values));
    let moment = |shift: i64| -> PolarsResult<Series> {
        #[expect(clippy::cast_possible_wrap, reason = "small numbers")]
        let moments: Vec<i64> = numbers
            .iter()
            .map(|n| (19_700 + (*n % 700) as i64) * DAY + shift * 1_000_000)
            .collect();
        Series::new("m".into(), moments).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    for (path, shift) in [
        ("effectiveDateTime", 0),
        ("issued", 3_600),
        ("meta/lastUpdated", 7_200),
    ] {
        column(path, moment(shift)?);
    }
    columns.push(Series::new(RUN_COLUMN.into(), vec![run; numbers.len()]).into_column());
    DataFrame::new(numbers.len(), columns)
}
