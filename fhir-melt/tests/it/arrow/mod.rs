//! Record batches hold the rows that are written to files.

mod gathered;
mod rendered;
mod rows;
mod types;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use fhir_crack::{Error as CrackError, Summary};
use fhir_melt::Error;
use fhir_melt::arrow::{Event, Input, Pass, PassOptions, Source, Unread, Values};
use table_description::{Defect, Description};

/// What a pass gave.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) tables: BTreeMap<String, Vec<RecordBatch>>,
    pub(crate) defects: Vec<Defect>,
    pub(crate) unread: Vec<Unread>,
    pub(crate) broken: usize,
    pub(crate) summary: Summary,
}

impl Given {
    /// All rows of a table as cells of CSV.
    pub(crate) fn rows(&self, table: &str) -> Vec<Vec<Option<String>>> {
        let batches = self.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        batches.iter().flat_map(rendered::rows).collect()
    }
}

pub(crate) fn pass(description: &Description, options: PassOptions, inputs: Vec<Input>) -> Given {
    let mut pass = Pass::new(description, options).expect("a pass");
    let names: Vec<String> = pass.outputs().iter().map(|(name, _)| name.clone()).collect();
    let mut given = Given::default();
    pass.run(inputs.into_iter(), |event| {
        match event {
            Event::Rows(number, batch) => given.tables.entry(names[number].clone()).or_default().push(batch),
            Event::Defects(mut defects) => given.defects.append(&mut defects),
            Event::Unread(unread) => given.unread.push(unread),
            Event::Broken(..) => given.broken += 1,
            Event::Read(_) => {}
        }
        Ok::<(), Error>(())
    })
    .expect("rows");
    given.summary = pass.summary();
    given
}

pub(crate) fn input(name: &str, bytes: &[u8]) -> Input {
    Input {
        name: name.into(),
        source: Source::Reader(Box::new(std::io::Cursor::new(bytes.to_vec()))),
    }
}

pub(crate) fn values(array: arrow_array::ArrayRef, before: u64) -> Input {
    Input {
        name: "".into(),
        source: Source::Values(Values::new(array, before).expect("text or bytes")),
    }
}

/// Where things are unread, and why.
pub(crate) fn reasons(given: &Given) -> Vec<(Arc<str>, String)> {
    let told = |unread: &Unread| (Arc::clone(&unread.input), told(&unread.reason));
    given.unread.iter().map(told).collect()
}

fn told(error: &CrackError) -> String {
    error.to_string()
}

/// All files below a folder, in the order of names.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|e| e == "json" || e == "ndjson" || e == "xml" || e == "gz")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}
