//! The signals of a run, or of any directory of typed rows.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use table_description::Description;

use super::{Catalogue, Facts, Written, draw, write, write_loader};
use crate::profile::{Files, Source, texts};
use crate::{Error, Id2Nr, Layout};

/// Folder of the signals that a run brought.
const SIGNALS: &str = "signals";
/// Systems of ATC codes.
const ATC: [&str; 4] = [
    "http://fhir.de/CodeSystem/bfarm/atc",
    "http://fhir.de/CodeSystem/dimdi/atc",
    "http://www.whocc.no/atc",
    "http://www.whocc.no/atc/",
];

/// The signals that were written, and what became none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// The files.
    pub written: Vec<Written>,
    /// Rows without a fact, by signal and reason.
    pub left_out: BTreeMap<(String, &'static str), u64>,
}

/// A site's own catalogue: beside the directories of all runs.
#[must_use]
pub fn site_catalogue(layout: &Layout) -> PathBuf {
    layout.base().join("signals.toml")
}

/// Draws the signals from the typed rows of a run, writes them to its folder `signals`, and what loads them to `rep_configs`.
///
/// # Errors
/// When the catalogue has a fault, or rows cannot be read or written.
pub fn write_signals(layout: &Layout, description: &Description, ids: &mut Id2Nr) -> Result<Signals, Error> {
    let catalogue = Catalogue::with(&site_catalogue(layout))?;
    let files = Files::list(layout)?;
    let open = |table: &str| -> Result<Option<Source>, Error> {
        if files.of(table).is_empty() {
            return Ok(None);
        }
        Source::of(layout, &files, table, None).map(Some)
    };
    let facts = facts(description, &catalogue, &open)?;
    let written = write(&layout.root().join(SIGNALS), Some(0), &facts, &catalogue, ids)?;
    write_loader(layout.root(), SIGNALS, &written)?;
    Ok(Signals {
        written,
        left_out: facts.left_out,
    })
}

/// The facts of all tables; `open` gives the rows of a table, if there are any.
pub(crate) fn facts(
    description: &Description,
    catalogue: &Catalogue,
    open: &dyn Fn(&str) -> Result<Option<Source>, Error>,
) -> Result<Facts, Error> {
    let medications = match open("medication")? {
        Some(source) => medications(description, &source)?,
        None => HashMap::new(),
    };
    let mut facts = Facts::default();
    for table in catalogue.tables() {
        if let (Some(described), Some(source)) = (description.table(table), open(table)?) {
            facts.extend(draw(&source, described, catalogue, &medications)?);
        }
    }
    Ok(facts)
}

/// The ATC codes of each medication, by id.
fn medications(description: &Description, source: &Source) -> Result<HashMap<String, Vec<String>>, Error> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    let Some(table) = description.table("medication") else {
        return Ok(found);
    };
    let column = |path: &str| {
        table
            .position_of_path(path)
            .map(|p| table.columns[p].name.as_str())
    };
    let (Some(id), Some(code), Some(system)) = (
        column("id"),
        column("code/coding/code"),
        column("code/coding/system"),
    ) else {
        return Ok(found);
    };
    for &piece in source.pieces() {
        let cells = source.read(piece, &[id, code, system])?;
        let (Some(ids), Some(codes), Some(systems)) = (cells.get(id), cells.get(code), cells.get(system))
        else {
            continue;
        };
        let (ids, codes, systems) = (texts(ids), texts(codes), texts(systems));
        let (Ok(ids), Ok(codes), Ok(systems)) = (ids.str(), codes.str(), systems.str()) else {
            continue;
        };
        for ((id, code), system) in ids.iter().zip(codes.iter()).zip(systems.iter()) {
            if let (Some(id), Some(code), Some(system)) = (id, code, system)
                && ATC.contains(&system)
            {
                let codes = found.entry(id.to_owned()).or_default();
                if !codes.iter().any(|known| known == code) {
                    codes.push(code.to_owned());
                }
            }
        }
    }
    Ok(found)
}
