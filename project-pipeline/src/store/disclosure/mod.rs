//! May a moderately sensitive file lie where approved researchers see it?

mod content;
mod image;
mod parquet;
mod table;
mod words;

use std::io;

pub use table::Table;

use crate::project;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The most bytes of a file.
    pub most_bytes: u64,
    /// The most rows of a table, without its header.
    pub most_rows: u64,
    /// Names of columns that identify persons or their cases; compared without case.
    pub identifiers: Vec<String>,
    /// Counts from 1 up to below this are small cells; 0 looks for none.
    pub small_below: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            most_bytes: 16 * 1024 * 1024,
            most_rows: 5000,
            identifiers: identifiers(),
            small_below: 5,
        }
    }
}

/// Columns of the hub and of the usual extractions that name a person, a case, or a resource about one.
fn identifiers() -> Vec<String> {
    let mut names: Vec<String> = [
        "patient_id",
        "pat_id",
        "patientid",
        "patient_identifier",
        "encounter_id",
        "encounterid",
        "fall_id",
        "case_id",
        "record_id",
        "nhs_number",
        "kvnr",
        "insurance_number",
    ]
    .map(str::to_owned)
    .to_vec();
    let resources = [
        "pat", "enc", "con", "obs", "proc", "cons", "med", "medreq", "medadm", "medstat", "servreq",
        "diagrep", "loc",
    ];
    for resource in resources {
        for column in ["id", "identifier_value", "patient_ref", "encounter_ref"] {
            names.push(format!("{resource}_{column}"));
        }
    }
    names.retain(|name| {
        !matches!(
            name.as_str(),
            "med_id" | "loc_id" | "med_identifier_value" | "loc_identifier_value"
        )
    });
    names.sort();
    names.dedup();
    names
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Why it must not be seen; `None` if it may.
    pub held: Option<String>,
    /// Rows of a table, without its header.
    pub rows: Option<u64>,
    /// Columns of a table.
    pub columns: Option<u64>,
    /// Cells with a small count.
    pub small_cells: u64,
}

/// Looks at a file: its size, its type, its content.
///
/// # Errors
/// If the content cannot be read.
pub fn examine(
    path: &str,
    size: u64,
    read: impl FnOnce() -> io::Result<Vec<u8>>,
    rules: &Rules,
) -> io::Result<Finding> {
    let held = |why: String| Finding {
        held: Some(why),
        ..Finding::default()
    };
    if size > rules.most_bytes {
        return Ok(held(format!(
            "it has {size} bytes, the most are {}",
            rules.most_bytes
        )));
    }
    if !project::is_moderate(path) {
        return Ok(held("its type must not be moderately sensitive".to_owned()));
    }
    let bytes = read()?;
    Ok(match project::suffix(path) {
        Some("csv") => table::examine(&bytes, rules),
        Some("parquet") => parquet::examine(&bytes, rules),
        Some("png" | "jpg" | "jpeg") => {
            image::examine(path, &bytes, rules).map_or_else(Finding::default, held)
        }
        Some("svgz") => content::unpacked(&bytes, rules.most_bytes)
            .and_then(|text| words::examine(&text, rules))
            .map_or_else(Finding::default, held),
        _ => words::examine(&bytes, rules).map_or_else(Finding::default, held),
    })
}
