//! What changed between two descriptions.

use std::{collections::HashMap, fmt};

use crate::{Column, Description, ElementPath, FhirType, TableDescription};

/// One change. `Display` gives one line; what the new description has alone begins with `+`, the old one's with `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A table only the new description has, with how many columns.
    TableAdded(String, usize),
    /// A table only the old description has, with how many columns.
    TableRemoved(String, usize),
    /// The table's repetitions become rows in another way.
    MeltChanged(String),
    /// Columns both have stand in another order.
    Reordered(String),
    /// Something about one column.
    Column {
        /// The table's name.
        table: String,
        /// The column's name, the new one if it changed.
        column: String,
        /// What it is.
        change: ColumnChange,
    },
}

/// What changed about a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnChange {
    /// Only the new description has it.
    Added(ElementPath, FhirType),
    /// Only the old description has it.
    Removed(ElementPath, FhirType),
    /// The same path had this name.
    Renamed(String),
    /// The type changed.
    Retyped(FhirType, FhirType),
    /// The name stands for another path.
    Repathed(ElementPath, ElementPath),
    /// The resource types to follow changed.
    References(Vec<String>, Vec<String>),
    /// Whether repetitions are joined changed to this.
    Joined(bool),
}

impl Change {
    /// Whether the content hash of the table's rows changes for a content that stays the same, so that an existing
    /// database takes every row for a new version.
    ///
    /// A new type changes it where the value's text changes; a column of `meta` or a calculated one does not take part.
    #[must_use]
    pub fn changes_hash(&self) -> bool {
        match self {
            Self::TableAdded(..) | Self::TableRemoved(..) => false,
            Self::MeltChanged(_) | Self::Reordered(_) => true,
            Self::Column { column, change, .. } => match change {
                ColumnChange::Added(path, _) | ColumnChange::Removed(path, _) => is_hashed(column, path),
                ColumnChange::Repathed(from, to) => is_hashed(column, from) || is_hashed(column, to),
                ColumnChange::Retyped(..) | ColumnChange::Joined(_) => true,
                ColumnChange::Renamed(_) | ColumnChange::References(..) => false,
            },
        }
    }
}

fn is_hashed(name: &str, path: &ElementPath) -> bool {
    !crate::cells::is_calculated(name) && !path.starts_with("meta")
}

/// Compares two descriptions, table by table in the order of the new one, then the tables that are gone.
#[must_use]
pub fn diff(old: &Description, new: &Description) -> Vec<Change> {
    let mut changes = Vec::new();
    for table in &new.tables {
        match old.table(&table.name) {
            Some(before) => tables(before, table, &mut changes),
            None => changes.push(Change::TableAdded(table.name.clone(), table.columns.len())),
        }
    }
    for table in old.tables.iter().filter(|table| new.table(&table.name).is_none()) {
        changes.push(Change::TableRemoved(table.name.clone(), table.columns.len()));
    }
    changes
}

fn tables(old: &TableDescription, new: &TableDescription, changes: &mut Vec<Change>) {
    let by_name = |table: &'_ TableDescription| -> HashMap<String, usize> {
        table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name.clone(), at))
            .collect()
    };
    let (old_names, new_names) = (by_name(old), by_name(new));
    let mut add = |column: &str, change| {
        changes.push(Change::Column {
            table: new.name.clone(),
            column: column.to_owned(),
            change,
        });
    };
    let mut renamed = Vec::new();
    let mut order = Vec::new();
    for column in &new.columns {
        let same_name = old_names.get(&column.name).copied();
        let same_path = || {
            let at = old.position_of_path(column.path().as_str())?;
            let name = &old.columns.get(at)?.name;
            (!new_names.contains_key(name) && !renamed.contains(name)).then_some(at)
        };
        let Some((at, before)) = same_name
            .or_else(same_path)
            .and_then(|at| Some((at, old.columns.get(at)?)))
        else {
            add(
                &column.name,
                ColumnChange::Added(column.path().clone(), column.fhir_type),
            );
            continue;
        };
        order.push(at);
        if before.name != column.name {
            renamed.push(before.name.clone());
            add(&column.name, ColumnChange::Renamed(before.name.clone()));
        }
        columns(before, column, &mut add);
    }
    for column in &old.columns {
        if !new_names.contains_key(&column.name) && !renamed.contains(&column.name) {
            add(
                &column.name,
                ColumnChange::Removed(column.path().clone(), column.fhir_type),
            );
        }
    }
    if !order.is_sorted() {
        changes.push(Change::Reordered(new.name.clone()));
    }
    if old.melt != new.melt {
        changes.push(Change::MeltChanged(new.name.clone()));
    }
}

fn columns(old: &Column, new: &Column, add: &mut impl FnMut(&str, ColumnChange)) {
    if old.fhir_type != new.fhir_type {
        add(&new.name, ColumnChange::Retyped(old.fhir_type, new.fhir_type));
    }
    if old.path() != new.path() {
        add(
            &new.name,
            ColumnChange::Repathed(old.path().clone(), new.path().clone()),
        );
    }
    if old.reference_targets != new.reference_targets {
        add(
            &new.name,
            ColumnChange::References(old.reference_targets.clone(), new.reference_targets.clone()),
        );
    }
    if old.joined != new.joined {
        add(&new.name, ColumnChange::Joined(new.joined));
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableAdded(table, columns) => write!(f, "+ {table} ({columns} columns)"),
            Self::TableRemoved(table, columns) => write!(f, "- {table} ({columns} columns)"),
            Self::MeltChanged(table) => write!(f, "  {table}: repetitions become rows in another way"),
            Self::Reordered(table) => write!(f, "  {table}: columns in another order"),
            Self::Column {
                table,
                column,
                change,
            } => match change {
                ColumnChange::Added(path, fhir_type) => write!(f, "+ {table}.{column} ← {path}: {fhir_type}"),
                ColumnChange::Removed(path, fhir_type) => {
                    write!(f, "- {table}.{column} ← {path}: {fhir_type}")
                }
                ColumnChange::Renamed(from) => write!(f, "  {table}.{column}: renamed from {from}"),
                ColumnChange::Retyped(from, to) => write!(f, "  {table}.{column}: type {from} → {to}"),
                ColumnChange::Repathed(from, to) => write!(f, "  {table}.{column}: path {from} → {to}"),
                ColumnChange::References(from, to) => {
                    write!(
                        f,
                        "  {table}.{column}: references to [{}] → [{}]",
                        from.join(", "),
                        to.join(", ")
                    )
                }
                ColumnChange::Joined(true) => write!(f, "  {table}.{column}: repetitions are joined now"),
                ColumnChange::Joined(false) => write!(f, "  {table}.{column}: repetitions are melted now"),
            },
        }
    }
}
