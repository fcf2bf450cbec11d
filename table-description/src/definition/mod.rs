//! The definition a person edits: paths that name sheets of data types, and how column names are shortened.

mod expand;
mod replacement;

use std::path::{Path, PathBuf};

use self::replacement::Replacement;
use crate::{
    Error, FhirType, MeltMode,
    cells::{joined, melt_mode},
    identifier::fault_of,
    sheet::{Faults, Row, Sheet, Workbook},
};

/// A definition as read: tables with paths that may end in the name of a sheet, the sheets, and the name patterns.
///
/// [`Definition::expand`] makes the description of it.
#[derive(Clone, Debug)]
pub struct Definition {
    path: PathBuf,
    /// Name of the sheet the tables stand in.
    main: String,
    tables: Vec<TableRows>,
    types: Vec<TypeSheet>,
    replacements: Vec<Replacement>,
}

/// The rows of one table.
#[derive(Clone, Debug)]
struct TableRows {
    resource: String,
    prefix: String,
    melt: MeltMode,
    rows: Vec<PathRow>,
}

/// One row that has a path.
#[derive(Clone, Debug)]
struct PathRow {
    number: usize,
    path: String,
    reference_targets: Vec<String>,
    fhir_type: FhirType,
    /// `None` leaves it to the rule.
    joined: Option<bool>,
}

/// A sheet whose rows replace a path that ends in its name.
#[derive(Clone, Debug)]
struct TypeSheet {
    name: String,
    rows: Vec<PathRow>,
}

impl Definition {
    /// Reads a definition: a workbook (with the feature `xlsx`), a folder with one CSV file a sheet, or one such file
    /// named `book__sheet.csv`, which stands for all files of that book.
    ///
    /// # Errors
    /// If the file cannot be read, or with all its faults at once.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_workbook(&Workbook::read(path.as_ref())?)
    }

    /// Whether a workbook is a definition at all: one of its sheets has the header of the tables, and that header does not
    /// name the columns already.
    pub(crate) fn is_one(book: &Workbook) -> bool {
        book.sheets.iter().any(|sheet| {
            let header = sheet.header("RESOURCE", "RESOURCE_PREFIX");
            let row = header.and_then(|header| sheet.rows.get(header));
            row.is_some_and(|row| row.find("COLUMN_NAME").is_none())
        })
    }

    pub(crate) fn from_workbook(book: &Workbook) -> Result<Self, Error> {
        let mut faults = Faults::new(&book.path);
        let mut definition = Self {
            path: book.path.clone(),
            main: String::new(),
            tables: Vec::new(),
            types: Vec::new(),
            replacements: Vec::new(),
        };
        for sheet in &book.sheets {
            if let Some(header) = sheet.header("RESOURCE", "RESOURCE_PREFIX") {
                if definition.main.is_empty() {
                    definition.main.clone_from(&sheet.name);
                    definition.take_tables(sheet, header, &mut faults);
                } else {
                    faults.add(
                        &sheet.name,
                        None,
                        None,
                        "one sheet with the header RESOURCE, RESOURCE_PREFIX; this is the second",
                    );
                }
            } else if let Some(columns) = sheet.rows.first().and_then(Columns::of) {
                let rows = sheet.rows.iter().skip(1);
                let rows = rows
                    .filter_map(|row| {
                        if !row.first_text().starts_with('#') {
                            faults.add_broken(&sheet.name, row, &columns.named());
                        }
                        columns.path_row(sheet, row, &mut faults)
                    })
                    .collect();
                definition.types.push(TypeSheet {
                    name: sheet.name.clone(),
                    rows,
                });
            }
        }
        if definition.main.is_empty() {
            let names: Vec<&str> = book.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
            let sheets = names.join(", ");
            faults.add(
                "",
                None,
                None,
                format!("a sheet with the header RESOURCE, RESOURCE_PREFIX; the sheets are: {sheets}"),
            );
        }
        faults.or(definition)
    }

    fn take_tables(&mut self, sheet: &Sheet, header: usize, faults: &mut Faults<'_>) {
        let Some((head, rows)) = sheet.rows.get(header..).and_then(<[Row]>::split_first) else {
            return;
        };
        let Some(columns) = Columns::of(head) else {
            faults.add(
                &sheet.name,
                Some(head.number),
                None,
                "a column FHIR_EXPRESSION in the header",
            );
            return;
        };
        let tail = rows.iter().position(|row| row.get(columns.resource) == "PATTERN");
        let (rows, tail) = rows.split_at(tail.unwrap_or(rows.len()));
        for row in rows {
            self.take_row(sheet, &columns, row, faults);
        }
        for row in tail.iter().skip(1) {
            let pattern = row.get(columns.resource);
            if !pattern.is_empty() && !pattern.starts_with('#') {
                match Replacement::new(pattern, row.get(columns.prefix)) {
                    Ok(replacement) => self.replacements.push(replacement),
                    Err(reason) => {
                        let expected = format!("a regular expression; {reason}");
                        faults.add(&sheet.name, Some(row.number), Some("PATTERN"), expected);
                    }
                }
            }
            if !row.get(columns.path).is_empty() {
                let expected = "no path below the row with PATTERN";
                faults.add(&sheet.name, Some(row.number), Some("FHIR_EXPRESSION"), expected);
            }
        }
    }

    fn take_row(&mut self, sheet: &Sheet, columns: &Columns, row: &Row, faults: &mut Faults<'_>) {
        let resource = row.get(columns.resource);
        if resource.starts_with('#') {
            return;
        }
        faults.add_broken(&sheet.name, row, &columns.named());
        if row.get(columns.path).is_empty() {
            return;
        }
        if !resource.is_empty() {
            let melt = melt_mode(columns.melt.map_or("", |at| row.get(at))).unwrap_or_else(|expected| {
                faults.add(&sheet.name, Some(row.number), Some("MELT"), expected);
                MeltMode::Product
            });
            let prefix = row.get(columns.prefix).to_owned();
            for (column, text) in [("RESOURCE", resource), ("RESOURCE_PREFIX", prefix.as_str())] {
                if let Some(expected) = fault_of("a name", text).filter(|_| !text.is_empty()) {
                    faults.add(&sheet.name, Some(row.number), Some(column), expected);
                }
            }
            self.tables.push(TableRows {
                resource: resource.to_owned(),
                prefix,
                melt,
                rows: Vec::new(),
            });
        }
        let Some(path) = columns.path_row(sheet, row, faults) else {
            return;
        };
        match self.tables.last_mut() {
            Some(table) => table.rows.push(path),
            None => faults.add(
                &sheet.name,
                Some(row.number),
                Some("RESOURCE"),
                "a resource before the first path",
            ),
        }
    }
}

/// Where the columns of a sheet stand.
struct Columns {
    resource: usize,
    prefix: usize,
    path: usize,
    references: Option<usize>,
    fhir_type: Option<usize>,
    joined: Option<usize>,
    melt: Option<usize>,
}

impl Columns {
    /// The places with the names of their heads.
    fn named(&self) -> [(Option<usize>, &'static str); 7] {
        [
            (Some(self.resource), "RESOURCE"),
            (Some(self.prefix), "RESOURCE_PREFIX"),
            (Some(self.path), "FHIR_EXPRESSION"),
            (self.references, "REFERENCE_TYPES"),
            (self.fhir_type, "FHIR_TYPE"),
            (self.joined, "JOINED"),
            (self.melt, "MELT"),
        ]
    }

    /// `None` if the row has no column of paths.
    fn of(head: &Row) -> Option<Self> {
        Some(Self {
            resource: head.find("RESOURCE").unwrap_or(usize::MAX),
            prefix: head.find("RESOURCE_PREFIX").unwrap_or(usize::MAX),
            path: head.find("FHIR_EXPRESSION")?,
            references: head.find("REFERENCE_TYPES"),
            fhir_type: head.find("FHIR_TYPE"),
            joined: head.find("JOINED"),
            melt: head.find("MELT"),
        })
    }

    /// The row's path and what goes with it; `None` for a row without a path.
    fn path_row(&self, sheet: &Sheet, row: &Row, faults: &mut Faults<'_>) -> Option<PathRow> {
        let path = row.get(self.path);
        if path.is_empty() || path.starts_with('#') {
            return None;
        }
        let mut add =
            |column, expected: String| faults.add(&sheet.name, Some(row.number), Some(column), expected);
        if let Err(expected) = crate::cells::path(path) {
            add("FHIR_EXPRESSION", expected);
        }
        let fhir_type =
            crate::cells::fhir_type(self.fhir_type.map_or("", |at| row.get(at))).unwrap_or_else(|expected| {
                add("FHIR_TYPE", expected);
                FhirType::String
            });
        let joined = joined(self.joined.map_or("", |at| row.get(at))).unwrap_or_else(|expected| {
            add("JOINED", expected);
            None
        });
        let reference_targets = crate::cells::words(self.references.map_or("", |at| row.get(at)));
        Some(PathRow {
            number: row.number,
            path: path.to_owned(),
            reference_targets,
            fhir_type,
            joined,
        })
    }
}
