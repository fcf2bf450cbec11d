//! One view over one file into one CSV file, on one thread: `view DATA VIEW OUT`.

use std::fs::File;
use std::io::BufWriter;

use sql_on_fhir::{Run, RunOptions, ViewDefinition, Views};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, view, out] = arguments.as_slice() else {
        return Err("view DATA VIEW OUT".into());
    };
    let view = ViewDefinition::from_json(&std::fs::read(view)?)?;
    let views = Views::new(&[view])?;
    let mut run = Run::new(&views, RunOptions::default(), &mut |_| {
        Ok(Box::new(BufWriter::with_capacity(1 << 18, File::create(out)?)))
    })?;
    run.read(File::open(data)?)?;
    run.finish()?;
    Ok(())
}
