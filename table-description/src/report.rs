//! What a description says, in figures, and what looks wrong without being a fault.

use std::{collections::HashSet, fmt};

use crate::{Description, FhirType, TableDescription};

/// The result of a check. `Display` gives a line a table, a line a remark and the totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The tables in their order.
    pub tables: Vec<TableReport>,
    /// What looks wrong, in the order of the tables.
    pub remarks: Vec<Remark>,
}

/// One table in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReport {
    /// The table's name.
    pub name: String,
    /// How many columns of each type, in the order of [`FhirType::ALL`].
    pub types: [usize; 7],
    /// How many columns refer to resources that are downloaded.
    pub references: usize,
    /// How many columns are calculated.
    pub calculated: usize,
}

/// Something that can be meant so, but probably is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The table's name.
    pub table: String,
    /// The column's name; empty where it is about the table.
    pub column: String,
    /// What it is.
    pub kind: RemarkKind,
}

/// What looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// Another column of the table has the same path.
    PathTwice,
    /// The path's last segment begins with a capital: no element does, so a sheet of that name may be missing.
    LooksLikeSheet,
    /// References to a type that has no table.
    UnknownTarget,
    /// The name is not lower case and has to be quoted in every query.
    NotLowerCase,
    /// The table of a resource has no column for its id.
    WithoutId,
}

impl TableReport {
    /// How many columns the table has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.types.iter().sum()
    }

    fn of(table: &TableDescription) -> Self {
        let count = |t: FhirType| {
            table
                .columns
                .iter()
                .filter(|column| column.fhir_type == t)
                .count()
        };
        Self {
            name: table.name.clone(),
            types: FhirType::ALL.map(count),
            references: table
                .columns
                .iter()
                .filter(|column| !column.reference_targets.is_empty())
                .count(),
            calculated: table
                .columns
                .iter()
                .filter(|column| column.is_calculated())
                .count(),
        }
    }
}

impl Description {
    /// Figures of all tables, and what looks wrong. Faults are found earlier, by [`Description::read`].
    #[must_use]
    pub fn report(&self) -> Report {
        let mut remarks = Vec::new();
        for table in &self.tables {
            self.remarks(table, |column, kind| {
                remarks.push(Remark {
                    table: table.name.clone(),
                    column: column.to_owned(),
                    kind,
                });
            });
        }
        Report {
            tables: self.tables.iter().map(|table| TableReport::of(table)).collect(),
            remarks,
        }
    }

    fn remarks(&self, table: &TableDescription, mut add: impl FnMut(&str, RemarkKind)) {
        let mut paths = HashSet::new();
        for column in &table.columns {
            let path = column.path();
            let last = path.segments().last().unwrap_or_default();
            let unknown = |target: &String| self.resource(target).is_none();
            for (found, kind) in [
                (!paths.insert(path.as_str()), RemarkKind::PathTwice),
                (last.starts_with(char::is_uppercase), RemarkKind::LooksLikeSheet),
                (
                    column.reference_targets.iter().any(unknown),
                    RemarkKind::UnknownTarget,
                ),
                (column.name.contains(char::is_uppercase), RemarkKind::NotLowerCase),
            ] {
                if found {
                    add(&column.name, kind);
                }
            }
        }
        if table.resource.is_some() && !paths.contains("id") {
            add("", RemarkKind::WithoutId);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            write!(f, "{}: {} columns", table.name, table.columns())?;
            for (fhir_type, count) in FhirType::ALL
                .iter()
                .zip(table.types)
                .filter(|(_, count)| *count > 0)
            {
                write!(f, ", {count} {fhir_type}")?;
            }
            for (count, word) in [(table.references, "followed"), (table.calculated, "calculated")] {
                if count > 0 {
                    write!(f, ", {count} {word}")?;
                }
            }
            writeln!(f)?;
        }
        self.remarks
            .iter()
            .try_for_each(|remark| writeln!(f, "{remark}"))?;
        let columns: usize = self.tables.iter().map(TableReport::columns).sum();
        write!(
            f,
            "{} tables, {columns} columns, {} remarks",
            self.tables.len(),
            self.remarks.len()
        )
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = if self.column.is_empty() {
            String::new()
        } else {
            format!(".{}", self.column)
        };
        write!(f, "{}{column}: {}", self.table, self.kind)
    }
}

impl fmt::Display for RemarkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PathTwice => "another column has the same path",
            Self::LooksLikeSheet => "the path ends like the name of a sheet, but there is none",
            Self::UnknownTarget => "refers to a resource type that has no table",
            Self::NotLowerCase => "the name is not lower case",
            Self::WithoutId => "no column has the path id",
        })
    }
}
