use std::{collections::HashMap, sync::Arc};

use super::{Definition, PathRow, TableRows, TypeSheet};
use crate::{
    Column, Description, ElementPath, Error, Origin, TableDescription,
    cells::{is_calculated, joined_by_rule},
    sheet::Faults,
};

/// PostgreSQL's limit of columns a table; more would be a definition that explodes.
const MAX_COLUMNS: usize = 1600;

/// How deep sheets may refer to sheets, and how many of their rows a table may visit: sheets without columns of their
/// own could otherwise double the work at every level.
const MAX_DEPTH: usize = 500;
const MAX_VISITS: usize = 100_000;

impl Definition {
    /// Replaces every path that ends in the name of a sheet by the sheet's rows, to any depth, and names the columns.
    ///
    /// A column's name is the table's prefix and the path with `_` for `/`, in lower case, changed by the patterns in
    /// their order.
    ///
    /// # Errors
    /// With all faults at once: sheets that contain each other, names over 63 bytes, names that occur twice in a table,
    /// tables with more than 1,600 columns.
    pub fn expand(&self) -> Result<Description, Error> {
        let mut faults = Faults::new(&self.path);
        let sheets: HashMap<&str, &TypeSheet> = self
            .types
            .iter()
            .map(|sheet| (sheet.name.as_str(), sheet))
            .collect();
        let mut tables: Vec<TableDescription> = Vec::new();
        for block in &self.tables {
            let mut expansion = Expansion {
                definition: self,
                sheets: &sheets,
                block,
                columns: Vec::new(),
                rows: Vec::new(),
                trail: Vec::new(),
                visits: 0,
            };
            expansion.run(&mut faults);
            let (columns, rows) = (expansion.columns, expansion.rows);
            let name = block.resource.to_lowercase();
            if tables.iter().any(|table| table.name == name) {
                let row = block.rows.first().map(|row| row.number);
                faults.add(
                    &self.main,
                    row,
                    Some("RESOURCE"),
                    format!("each resource once; {name} stands above already"),
                );
                continue;
            }
            let table = TableDescription {
                resource: TableDescription::is_resource(&block.resource).then(|| block.resource.clone()),
                name,
                prefix: block.prefix.clone(),
                columns,
                melt: block.melt.clone(),
            };
            for (position, expected) in table.name_faults() {
                faults.add(
                    &self.main,
                    rows.get(position).copied(),
                    Some("FHIR_EXPRESSION"),
                    expected,
                );
            }
            tables.push(table);
        }
        faults.or(Description {
            tables: tables.into_iter().map(Arc::new).collect(),
        })
    }
}

/// One table on its way from rows to columns.
struct Expansion<'a> {
    definition: &'a Definition,
    sheets: &'a HashMap<&'a str, &'a TypeSheet>,
    block: &'a TableRows,
    columns: Vec<Column>,
    /// For each column the row of the main sheet it comes from.
    rows: Vec<usize>,
    /// Names of the sheets that are being replaced, outermost first.
    trail: Vec<&'a str>,
    /// How many rows were visited.
    visits: usize,
}

impl<'a> Expansion<'a> {
    fn run(&mut self, faults: &mut Faults<'_>) {
        for row in &self.block.rows {
            if let Err(expected) = self.row("", row, &row.reference_targets, row.number) {
                faults.add(
                    &self.definition.main,
                    Some(row.number),
                    Some("FHIR_EXPRESSION"),
                    expected,
                );
                self.trail.clear();
            }
        }
    }

    /// Adds the columns of one row; `targets` are the reference types that go to its first column.
    fn row(&mut self, head: &str, row: &'a PathRow, targets: &[String], number: usize) -> Result<(), String> {
        let path = if head.is_empty() {
            row.path.clone()
        } else {
            format!("{head}/{}", row.path)
        };
        self.visits += 1;
        if self.visits > MAX_VISITS || self.trail.len() > MAX_DEPTH {
            return Err(format!(
                "at most {MAX_DEPTH} sheets inside each other and {MAX_VISITS} rows of them in a table"
            ));
        }
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", &path));
        let Some((name, sheet)) = self.sheets.get_key_value(last) else {
            return self.leaf(path, row, targets, number);
        };
        self.trail.push(name);
        let outer = self.trail.len() - 1;
        if self.trail.iter().take(outer).any(|open| open == name) {
            return Err(format!(
                "sheets that do not contain themselves; this row leads to {}",
                self.trail.join(" → ")
            ));
        }
        for (position, inner) in sheet.rows.iter().enumerate() {
            let inherited = if position == 0 { targets } else { &[] };
            let targets = if inner.reference_targets.is_empty() {
                inherited
            } else {
                &inner.reference_targets
            };
            self.row(parent, inner, targets, number)?;
        }
        self.trail.pop();
        Ok(())
    }

    fn leaf(&mut self, path: String, row: &PathRow, targets: &[String], number: usize) -> Result<(), String> {
        if self.columns.len() >= MAX_COLUMNS {
            return Err(format!("at most {MAX_COLUMNS} columns in a table"));
        }
        let name = self.name(&path);
        let joined = row.joined.unwrap_or_else(|| joined_by_rule(&path));
        let path = ElementPath::new(path);
        let origin = if is_calculated(&name) {
            Origin::Calculated(path)
        } else {
            Origin::Element(path)
        };
        let reference_targets = targets.to_vec();
        self.columns.push(Column {
            reference_targets,
            joined,
            ..Column::new(name, origin, row.fhir_type)
        });
        self.rows.push(number);
        Ok(())
    }

    fn name(&self, path: &str) -> String {
        let prefix = self.block.prefix.as_str();
        let separator = if prefix.is_empty() { "" } else { "_" };
        let name = format!("{prefix}{separator}{}", path.replace('/', "_")).to_lowercase();
        let patterns = &self.definition.replacements;
        patterns
            .iter()
            .fold(name, |name, pattern| pattern.apply(name))
            .to_lowercase()
    }
}
