//! The project's own descriptions, kept as text in `default/` and read at first use.

use std::{path::PathBuf, sync::OnceLock};

use crate::{Description, Error, csv, sheet::Workbook};

/// The word by which programs name [`default_description`], where no file has this name.
pub const DEFAULT: &str = "default";

/// Sheet names and texts of one description.
type Book = &'static [(&'static str, &'static str)];

macro_rules! sheets {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../default/", $folder, "/", $name, ".csv")))),+]
    };
}

const DEFINITION: Book = sheets!("definition":
    "tables", "Age", "Annotation", "CalculatedReference", "CodeableConcept", "Coding", "Dosage", "Duration", "HumanName", "Id", "Identifier",
    "Period", "Provision", "Quantity", "Range", "Ratio", "Reference", "SimpleQuantity", "Timing",
);
const FRONTEND: Book = sheets!("database": "frontend");
const CORE: Book = sheets!("database": "core");
const SUBMODULES: Book = sheets!("database": "submodules");

/// The tables of resources, expanded from our definition: FHIR R4 and the German core data set.
///
/// Every table begins with the columns the databases of the original toolchain have, same names, paths, types and
/// order; our additions follow. Cheap after the first call.
#[must_use]
pub fn default_description() -> Description {
    static READ: OnceLock<Description> = OnceLock::new();
    read_once(&READ, DEFINITION)
}

/// The sheets of our definition, each with its name and its text as CSV, for whoever wants to begin an own one with it.
pub fn default_definition_sheets() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEFINITION.iter().copied()
}

/// The seven tables that are exchanged with the frontend, named with their suffix `_fe`.
#[must_use]
pub fn default_frontend() -> Description {
    static READ: OnceLock<Description> = OnceLock::new();
    read_once(&READ, FRONTEND).with_suffix("_fe")
}

/// The tables the dataprocessor shares with its submodules: input files and what became of them.
#[must_use]
pub fn default_core() -> Description {
    static READ: OnceLock<Description> = OnceLock::new();
    read_once(&READ, CORE)
}

/// The tables of single submodules of the dataprocessor.
#[must_use]
pub fn default_submodules() -> Description {
    static READ: OnceLock<Description> = OnceLock::new();
    read_once(&READ, SUBMODULES)
}

fn read_once(cell: &OnceLock<Description>, book: Book) -> Description {
    #[expect(
        clippy::expect_used,
        reason = "the texts are compiled in; a test reads each of them"
    )]
    cell.get_or_init(|| read(book).expect("the compiled-in description has no fault"))
        .clone()
}

fn read(book: Book) -> Result<Description, Error> {
    let sheets = book.iter().map(|(name, text)| csv::parse(name, text)).collect();
    Description::from_workbook(&Workbook {
        path: PathBuf::from("default"),
        sheets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_reads() {
        for (book, tables) in [(DEFINITION, 14), (FRONTEND, 7), (CORE, 2), (SUBMODULES, 1)] {
            match read(book) {
                Ok(description) => assert_eq!(description.tables.len(), tables),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
