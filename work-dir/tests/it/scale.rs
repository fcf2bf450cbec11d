//! Report and tests of many rows. `CDS2DB_SCALE_ROWS=5000000 cargo test --release` is the full size.

use std::time::Instant;

use work_dir::checks::{CheckOptions, Checks};
use work_dir::report::{ReportOptions, write};

use crate::rows::{Observation, description, frame, run};

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field).map(str::to_owned));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

#[test]
fn report_and_tests_of_many_rows_are_made_in_time() {
    let rows: usize = std::env::var("CDS2DB_SCALE_ROWS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(50_000);
    let directory = tempfile::tempdir().unwrap();
    let each = 250_000_usize.min(rows);
    let layout = run(directory.path(), &[]);
    for batch in 0..rows.div_ceil(each) {
        let number = |i: usize| batch * each + i;
        let made: Vec<Observation> = (0..each.min(rows - batch * each))
            .map(|i| {
                let n = number(i);
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let value = 60.0 + (n * 7919 % 4_001) as f64 / 100.0;
                Observation {
                    id: format!("o{n:08}"),
                    patient: format!("p{:07}", n / 40),
                    encounter: format!("e{:07}", n / 13),
                    code: format!("{}-{}", 1_000 + n * 31 % 700, n % 10),
                    value: (n % 9 != 0).then_some(value),
                    unit: ["mmol/L", "/min", "mg/dL"][n % 3].to_owned(),
                    day: 18_000 + (n % 2_500) as i64,
                }
            })
            .collect();
        crate::rows::write(
            &layout,
            "observation",
            u32::try_from(batch).unwrap(),
            frame(&made),
        );
    }
    let before = status("VmHWM:");
    let description = description();
    let begun = Instant::now();
    let checks = Checks::open(&layout, Some(&description), CheckOptions::default()).unwrap();
    let findings = checks.whole(&[]).unwrap();
    let tested = begun.elapsed();
    write(&layout, Some(&description), &ReportOptions::default()).unwrap();
    println!(
        "{rows} rows: tests {:.1} s, report {:.1} s; peak {} MiB before, {} MiB after",
        tested.as_secs_f64(),
        (begun.elapsed() - tested).as_secs_f64(),
        before,
        status("VmHWM:")
    );
    assert_eq!(findings.tables.len(), 1);
    let limit = if cfg!(debug_assertions) { 100.0 } else { 20.0 };
    assert!(begun.elapsed().as_secs_f64() < limit);
}
