//! The same input through fhircrackr, where it is installed.

use std::fs::File;
use std::io::BufWriter;
use std::process::Command;

use fhir_crack::{Notation, csv};
use fhir_melt::{MeltOptions, Melter};

use crate::meter::Meter;
use crate::shape::Shape;

/// Resources that both melt; more take fhircrackr too long.
const RESOURCES: usize = 200;

const SCRIPT: &str = r#"
    file <- commandArgs(TRUE)[1]
    table <- read.csv(file, check.names = FALSE, na.strings = "", colClasses = "character")
    start <- proc.time()[["elapsed"]]
    rows <- fhircrackr::fhir_melt_all(table, brackets = c("[", "]"), sep = " ~ ", column_name_separator = "/")
    cat(nrow(rows), proc.time()[["elapsed"]] - start)
"#;

pub(crate) fn compare(shape: &Shape) {
    let known = Command::new("Rscript")
        .args(["-e", "library(fhircrackr)"])
        .output();
    if !known.is_ok_and(|output| output.status.success()) {
        println!("\nSKIPPED: R with fhircrackr is not installed here, so nothing is compared with it");
        return;
    }
    let mut table = (*shape.table()).clone();
    for column in &mut table.columns {
        column.name = column.path().as_str().to_owned();
    }
    let table = std::sync::Arc::new(table);
    let batches = shape.batches(&table, RESOURCES);
    let batch = &batches[0];
    let file = std::env::temp_dir().join(format!("fhir-melt-bench-{}.csv", std::process::id()));
    let mut out = BufWriter::new(File::create(&file).expect("a temporary file"));
    csv::write_header(batch, &mut out).expect("the disk has room");
    csv::write_rows(batch, &Notation::default(), &mut out).expect("the disk has room");
    drop(out);
    let output = Command::new("Rscript")
        .args(["-e", SCRIPT])
        .arg(&file)
        .output()
        .expect("Rscript runs");
    let _ = std::fs::remove_file(&file);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split(' ').filter_map(|word| word.trim().parse::<f64>().ok());
    let (Some(rows), Some(seconds)) = (words.next(), words.next()) else {
        println!("\nSKIPPED: fhircrackr did not melt the input");
        return;
    };
    let meter = Meter::start();
    let ours = Melter::new(&table, &MeltOptions::default()).melt(batch);
    let cells: usize = (0..ours.rows())
        .flat_map(|r| (0..shape.columns).map(move |c| (r, c)))
        .filter_map(|(r, c)| ours.cell(r, c))
        .count();
    let our_seconds = meter.seconds();
    println!(
        "\nfhircrackr: {rows} rows in {seconds:.1} s; here {} rows, {cells} cells read, in {our_seconds:.4} s: {:.0} times as fast",
        ours.rows(),
        seconds / our_seconds
    );
}
