//! Reads a description in either dialect.

use std::{path::Path, sync::Arc};

use crate::{
    Column, Definition, Description, ElementPath, Error, FhirType, MeltMode, Origin, TableDescription, cells,
    identifier::fault_of,
    sheet::{Faults, Row, Sheet, Workbook},
};

impl Description {
    /// Reads a description: a workbook (with the feature `xlsx`), a folder of CSV files or one such file.
    ///
    /// Both dialects are understood, tables of resources (`RESOURCE`, `COLUMN_NAME`) and tables of a database
    /// (`TABLE_NAME`, `COLUMN_NAME`), whatever stands above the header; a definition is expanded. Of several sheets
    /// with a header the first is read. Rows without a column name or path, and comments (`#`), are left out.
    ///
    /// # Errors
    /// If the file cannot be read, or with all its faults at once.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_workbook(&Workbook::read(path.as_ref())?)
    }

    pub(crate) fn from_workbook(book: &Workbook) -> Result<Self, Error> {
        if Definition::is_one(book) {
            return Definition::from_workbook(book)?.expand();
        }
        let mut faults = Faults::new(&book.path);
        for sheet in &book.sheets {
            for dialect in [Dialect::Resources, Dialect::Database] {
                if let Some(header) = sheet.header(dialect.table_word(), "COLUMN_NAME") {
                    let tables = dialect.read(sheet, header, &mut faults);
                    return faults.or(Self {
                        tables: tables.into_iter().map(Arc::new).collect(),
                    });
                }
            }
        }
        for sheet in &book.sheets {
            faults.add(
                &sheet.name,
                None,
                None,
                "a row with RESOURCE and COLUMN_NAME, or with TABLE_NAME and COLUMN_NAME",
            );
        }
        if book.sheets.is_empty() {
            faults.add("", None, None, "at least one sheet");
        }
        faults.or(Self::default())
    }
}

/// The two kinds of tables a sheet can list.
#[derive(Clone, Copy)]
enum Dialect {
    Resources,
    Database,
}

/// Where the columns of a sheet stand.
struct Columns {
    table: usize,
    name: usize,
    path: Option<usize>,
    references: Option<usize>,
    value_type: Option<usize>,
    joined: Option<usize>,
    melt: Option<usize>,
    prefix: Option<usize>,
    description: Option<usize>,
}

impl Columns {
    /// The places with the names of their heads.
    fn named(&self, dialect: Dialect) -> [(Option<usize>, &'static str); 9] {
        [
            (Some(self.table), dialect.table_word()),
            (Some(self.name), "COLUMN_NAME"),
            (self.path, "FHIR_EXPRESSION"),
            (self.references, "REFERENCE_TYPES"),
            (self.value_type, dialect.type_word()),
            (self.joined, "JOINED"),
            (self.melt, "MELT"),
            (self.prefix, "RESOURCE_PREFIX"),
            (self.description, "COLUMN_DESCRIPTION"),
        ]
    }
}

/// A column on its way into its table.
struct ReadColumn {
    row: usize,
    column: Column,
}

impl Dialect {
    fn table_word(self) -> &'static str {
        match self {
            Self::Resources => "RESOURCE",
            Self::Database => "TABLE_NAME",
        }
    }

    fn type_word(self) -> &'static str {
        match self {
            Self::Resources => "FHIR_TYPE",
            Self::Database => "COLUMN_TYPE",
        }
    }

    fn value_type(self, text: &str) -> Result<FhirType, String> {
        match self {
            Self::Resources => cells::fhir_type(text),
            Self::Database => cells::sql_type(text),
        }
    }

    fn columns(self, sheet: &Sheet, head: &Row, faults: &mut Faults<'_>) -> Option<Columns> {
        let columns = Columns {
            table: head.find(self.table_word())?,
            name: head.find("COLUMN_NAME")?,
            path: head.find("FHIR_EXPRESSION"),
            references: head.find("REFERENCE_TYPES"),
            value_type: head.find(self.type_word()),
            joined: head.find("JOINED"),
            melt: head.find("MELT"),
            prefix: head.find("RESOURCE_PREFIX"),
            description: head.find("COLUMN_DESCRIPTION"),
        };
        let needs_path = matches!(self, Self::Resources) && columns.path.is_none();
        if needs_path {
            faults.add(
                &sheet.name,
                Some(head.number),
                None,
                "a column FHIR_EXPRESSION in the header",
            );
        }
        if columns.value_type.is_none() {
            faults.add(
                &sheet.name,
                Some(head.number),
                None,
                format!("a column {} in the header", self.type_word()),
            );
        }
        (!needs_path).then_some(columns)
    }

    fn read(self, sheet: &Sheet, header: usize, faults: &mut Faults<'_>) -> Vec<TableDescription> {
        let mut tables: Vec<TableDescription> = Vec::new();
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let Some((head, body)) = sheet.rows.get(header..).and_then(<[Row]>::split_first) else {
            return tables;
        };
        let Some(columns) = self.columns(sheet, head, faults) else {
            return tables;
        };
        let mut current = None;
        for row in body {
            if !cells::is_comment(row) {
                faults.add_broken(&sheet.name, row, &columns.named(self));
            }
            if cells::is_comment(row) || columns.path.is_some_and(|path| row.get(path).is_empty()) {
                continue;
            }
            let table = row.get(columns.table);
            if !table.is_empty() {
                let name = table.to_lowercase();
                let position = tables.iter().position(|t| t.name == name).unwrap_or_else(|| {
                    tables.push(self.table(sheet, &columns, row, faults));
                    rows.push(Vec::new());
                    tables.len() - 1
                });
                current = Some(position);
            }
            let Some(read) = self.column(sheet, &columns, row, faults) else {
                continue;
            };
            match current.and_then(|at| tables.get_mut(at).zip(rows.get_mut(at))) {
                Some((table, rows)) => {
                    table.columns.push(read.column);
                    rows.push(read.row);
                }
                None => faults.add(
                    &sheet.name,
                    Some(row.number),
                    Some(self.table_word()),
                    "a table before the first column",
                ),
            }
        }
        for (table, rows) in tables.iter_mut().zip(&rows) {
            if table.prefix.is_empty() {
                table.prefix = table.common_prefix();
            }
            for (position, expected) in table.name_faults() {
                faults.add(
                    &sheet.name,
                    rows.get(position).copied(),
                    Some("COLUMN_NAME"),
                    expected,
                );
            }
        }
        tables
    }

    fn table(self, sheet: &Sheet, columns: &Columns, row: &Row, faults: &mut Faults<'_>) -> TableDescription {
        let word = row.get(columns.table);
        if let Some(expected) = fault_of("a name", word) {
            faults.add(&sheet.name, Some(row.number), Some(self.table_word()), expected);
        }
        let resource = matches!(self, Self::Resources) && TableDescription::is_resource(word);
        let melt = cells::melt_mode(columns.melt.map_or("", |at| row.get(at))).unwrap_or_else(|expected| {
            faults.add(&sheet.name, Some(row.number), Some("MELT"), expected);
            MeltMode::Product
        });
        TableDescription {
            name: word.to_lowercase(),
            resource: resource.then(|| word.to_owned()),
            prefix: columns.prefix.map_or("", |at| row.get(at)).to_owned(),
            columns: Vec::new(),
            melt,
        }
    }

    /// The row's column; `None` where the row has no name, which is a fault if it has a path.
    fn column(
        self,
        sheet: &Sheet,
        columns: &Columns,
        row: &Row,
        faults: &mut Faults<'_>,
    ) -> Option<ReadColumn> {
        let mut add =
            |column, expected: String| faults.add(&sheet.name, Some(row.number), Some(column), expected);
        let name = row.get(columns.name);
        if name.is_empty() {
            if columns.path.is_some() || !row.get(columns.value_type.unwrap_or(usize::MAX)).is_empty() {
                add("COLUMN_NAME", "a name".to_owned());
            }
            return None;
        }
        let path = columns.path.map_or(name, |at| row.get(at));
        if let Err(expected) = cells::path(path) {
            add("FHIR_EXPRESSION", expected);
        }
        let fhir_type = self
            .value_type(columns.value_type.map_or("", |at| row.get(at)))
            .unwrap_or_else(|expected| {
                add(self.type_word(), expected);
                FhirType::String
            });
        let joined = cells::joined(columns.joined.map_or("", |at| row.get(at))).unwrap_or_else(|expected| {
            add("JOINED", expected);
            None
        });
        let path = ElementPath::new(path);
        let joined = joined.unwrap_or_else(|| cells::joined_by_rule(path.as_str()));
        let origin = if cells::is_calculated(name) {
            Origin::Calculated(path)
        } else {
            Origin::Element(path)
        };
        let column = Column {
            reference_targets: cells::words(columns.references.map_or("", |at| row.get(at))),
            joined,
            description: columns.description.map_or("", |at| row.get(at)).to_owned(),
            ..Column::new(name, origin, fhir_type)
        };
        Some(ReadColumn {
            row: row.number,
            column,
        })
    }
}
