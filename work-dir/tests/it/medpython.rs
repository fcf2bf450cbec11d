//! The original system's own loader reads what lies for it: every value of two batches, and many rows.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use work_dir::profile::Source;
use work_dir::signals::{Catalogue, draw, write as write_batch, write_loader};
use work_dir::{Id2Nr, Layout};

use crate::rows::{Observation, description, frame, haemoglobin, run, write};

/// Rows of a batch: 1,500, or so many in all with `WORK_DIR_MEDPYTHON_ROWS`.
fn rows() -> usize {
    let asked = std::env::var("WORK_DIR_MEDPYTHON_ROWS").ok();
    asked
        .and_then(|n| n.parse::<usize>().ok())
        .map_or(1_500, |n| n / 2)
}

/// Haemoglobin and temperatures, some of them in a unit that has to be converted.
fn batch(first: usize, rows: usize) -> Vec<Observation> {
    let mut batch = haemoglobin(rows.div_ceil(15), 15);
    batch.truncate(rows);
    for (n, row) in (first..).zip(&mut batch) {
        row.id = format!("o{n:07}");
        // The second batch has further values of half of the patients, and new patients.
        row.patient = format!("p{:06}", (first / 2 + n - first) / 15);
        row.day += i64::try_from(first % 7).unwrap();
        match n % 5 {
            0 => (row.code, row.unit) = ("8310-5".to_owned(), "Cel".to_owned()),
            1 => {
                row.unit = "g/L".to_owned();
                row.value = row.value.map(|value| value * 10.0);
            }
            _ => {}
        }
    }
    batch
}

/// Draws one batch and appends it to what the loader has.
fn append(layout: &Layout, batch: u32) {
    let (description, catalogue) = (description(), Catalogue::built_in().unwrap());
    let source = Source::open(layout, "observation", Some(batch)).unwrap();
    let table = description.table("observation").unwrap();
    let facts = draw(&source, table, &catalogue, &HashMap::new()).unwrap();
    let mut ids = Id2Nr::open(layout, None).unwrap();
    let folder = layout.root().join("signals");
    let written = write_batch(&folder, Some(batch), &facts, &catalogue, &mut ids).unwrap();
    write_loader(layout.root(), "signals", &written).unwrap();
}

/// The last line of the comparison: signals, values, numbers in another unit.
fn compared(layout: &Layout) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/compare_medpython.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(layout.root())
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = said.lines().find(|line| line.contains("read back"));
    line.unwrap_or_default().to_owned()
}

#[test]
fn every_value_of_two_batches_is_read_back_equal() {
    let has = Command::new("python3")
        .args(["-c", "import med, pandas, duckdb"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has {
        x_skipped::skip!("medpython, pandas and duckdb are not installed, signals were not loaded");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let rows = rows();
    let layout = run(directory.path(), &[batch(0, rows)]);
    append(&layout, 0);
    let first = compared(&layout);
    write(&layout, "observation", 1, frame(&batch(rows, rows)));
    append(&layout, 1);
    let both = compared(&layout);
    let converted = |rows: usize| {
        format!(
            "{} converted, 0 in units not known here, 0 signals differ",
            rows.div_ceil(5)
        )
    };
    assert!(
        first.starts_with("2 signals, ") && first.ends_with(&converted(rows)),
        "{first}"
    );
    assert!(both.ends_with(&converted(2 * rows)), "{both}");
    let values = |line: &str| -> usize { line.split(' ').nth(2).unwrap().parse().unwrap() };
    assert!(
        values(&both) > values(&first) && values(&first) > rows * 9 / 10,
        "{first}; {both}"
    );
    // A value that was changed behind the loader's back is found.
    let file = layout.root().join("signals/Hemoglobin.1");
    let text = std::fs::read_to_string(&file).unwrap();
    let (line, rest) = text.split_once('\n').unwrap();
    let mut fields: Vec<&str> = line.split('\t').collect();
    fields[3] = "99.9";
    std::fs::write(&file, format!("{}\n{rest}", fields.join("\t"))).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/compare_medpython.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(layout.root())
        .output()
        .unwrap();
    assert!(
        !output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
