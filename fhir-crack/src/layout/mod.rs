//! Rows as fhircrackr lays them out: names and order of columns, compact or wide.

mod compact;
mod wide;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use table_description::TableDescription;

use crate::batch::Batch;
use crate::csv;
use crate::error::{Error, ErrorKind};
use crate::ndjson;
use crate::notation::Notation;

/// How rows become a table of text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Layout {
    /// Brackets and separators.
    pub notation: Notation,
    /// One column an index instead of one a path. Needs brackets.
    pub wide: bool,
    /// Leaves out the columns nothing was found for.
    pub remove_empty_columns: bool,
    /// Reproduces also what fhircrackr gets wrong, to compare with tables made by it: digits of element names in the
    /// index, counts instead of values where two values of a wide table fall into one cell, rows left out that differ in
    /// nothing but what the cells do not show, and columns lost that are named like its hidden one.
    pub exact: bool,
}

impl Layout {
    /// The compact layout in this notation, all columns kept.
    #[must_use]
    pub fn new(notation: Notation) -> Self {
        Self {
            notation,
            wide: false,
            remove_empty_columns: false,
            exact: false,
        }
    }

    /// Lays out the rows of a table. `pages` are its batches, page by page; a column's place can depend on the page in
    /// which it is met first. `table` is the description they were cracked by.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] if the layout is wide and there are no brackets, or no column at all, or if two columns
    /// have the same name.
    pub fn lay_out(&self, table: &Arc<TableDescription>, pages: &[Batch]) -> Result<TextTable, Error> {
        if self.wide && !self.notation.indexed {
            return Err(Error::new(ErrorKind::Settings("the wide layout needs brackets")));
        }
        let rows: usize = pages.iter().map(Batch::rows).sum();
        if rows == 0 {
            return self.nothing_found(table);
        }
        let mut names = HashSet::new();
        if !table.columns.iter().all(|column| names.insert(&column.name)) {
            return Err(Error::new(ErrorKind::Settings(
                "two columns of the description have the same name",
            )));
        }
        let mut laid_out = if self.wide {
            self.wide(table, pages)
        } else {
            self.compact(table, pages)
        };
        if self.exact && hidden_name(table).is_none() {
            let mut seen = HashSet::new();
            laid_out.rows.retain(|row| seen.insert(row.clone()));
        }
        Ok(laid_out)
    }

    /// Whether a column is lost because it is named like the hidden one.
    fn is_lost(&self, table: &TableDescription, name: &str) -> bool {
        let hidden = hidden_name(table).filter(|_| self.exact);
        hidden.is_some_and(|hidden| match self.wide {
            true => name.contains(hidden),
            false => name.starts_with(hidden),
        })
    }

    fn nothing_found(&self, table: &TableDescription) -> Result<TextTable, Error> {
        if self.wide && table.columns.is_empty() {
            return Err(Error::new(ErrorKind::Settings(
                "no column was found to make a wide table of",
            )));
        }
        let mut names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        if self.remove_empty_columns {
            names.clear();
        }
        Ok(TextTable {
            names,
            rows: Vec::new(),
        })
    }

    /// The names of the description of which no column was found, in its order, without their predicates.
    fn missing(&self, table: &TableDescription, found: &[&str]) -> Vec<String> {
        let mut missing = Vec::new();
        if self.remove_empty_columns {
            return missing;
        }
        let found: Vec<String> = found.iter().map(|name| plain(stem(name))).collect();
        for column in &table.columns {
            let name = plain(&column.name);
            if !found.contains(&name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
        missing
    }

    /// An index as it is written: that of the entry, or with the digits of the names of its elements.
    fn index(&self, path: &str, index: &[u32]) -> Vec<u32> {
        if !self.exact || !path.bytes().any(|b| b.is_ascii_digit()) {
            return index.to_vec();
        }
        let path = without_predicates(path);
        if path.split('/').count() != index.len() {
            return index.to_vec();
        }
        let mut written = Vec::new();
        for (name, &number) in path.split('/').zip(index) {
            written.extend(
                name.split(|c: char| !c.is_ascii_digit())
                    .filter_map(|digits| digits.parse::<u32>().ok()),
            );
            written.push(number);
        }
        written
    }
}

/// A table of text, cell by cell. Prints its size only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextTable {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Rows of as many cells, `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl fmt::Debug for TextTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextTable")
            .field("names", &self.names)
            .field("rows", &self.rows.len())
            .finish()
    }
}

impl TextTable {
    /// The table as comma-separated text; nothing at all if it has no column.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.names.is_empty() {
            return out;
        }
        csv::write_line(self.names.iter().map(|name| Some(name.as_bytes())), &mut out);
        for row in &self.rows {
            csv::write_line(
                row.iter().map(|cell| cell.as_deref().map(str::as_bytes)),
                &mut out,
            );
        }
        out
    }

    /// The table as one JSON object a row; NULL cells are left out.
    #[must_use]
    pub fn to_ndjson(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for row in &self.rows {
            let cells = self.names.iter().zip(row);
            ndjson::write_object(
                cells.filter_map(|(name, cell)| Some((name.as_str(), cell.as_deref()?))),
                &mut out,
            );
        }
        out
    }

    /// Puts the columns into this order of their present places.
    fn reorder(&mut self, order: &[usize]) {
        let pick = |place: &usize| self.names.get(*place).cloned().unwrap_or_default();
        self.names = order.iter().map(pick).collect();
        for row in &mut self.rows {
            *row = order
                .iter()
                .map(|place| row.get_mut(*place).and_then(Option::take))
                .collect();
        }
    }
}

/// The name of the column by which fhircrackr keeps the rows of a table apart, and which it takes out again with every
/// other of such a name. Tables with the letters `id` in a path, and those that list no column, have none.
fn hidden_name(table: &TableDescription) -> Option<&'static str> {
    let any = table
        .columns
        .iter()
        .any(|column| column.path().as_str().contains("id"));
    (!table.columns.is_empty() && !any).then_some("dummy")
}

/// A path of element names only.
fn without_predicates(path: &str) -> String {
    let mut open = 0_usize;
    let mut quote = None;
    let mut names = String::with_capacity(path.len());
    for c in path.chars() {
        match (quote, c) {
            (Some(q), _) => quote = Some(q).filter(|&q| q != c),
            (None, '\'' | '"') if open > 0 => quote = Some(c),
            (None, '[') => open += 1,
            (None, ']') => open = open.saturating_sub(1),
            (None, _) if open == 0 => names.push(c),
            (None, _) => {}
        }
    }
    names
}

/// A name without the attribute behind its `@`; an `@` inside a predicate is part of the name.
fn stem(name: &str) -> &str {
    match name.rsplit_once('@') {
        Some((stem, attribute)) if !attribute.contains(']') => stem,
        _ => name,
    }
}

/// A name without everything from its first opening to its last closing bracket.
fn plain(name: &str) -> String {
    match (name.find('['), name.rfind(']')) {
        (Some(open), Some(close)) if open < close => {
            let (before, behind) = (name.get(..open), name.get(close + 1..));
            format!("{}{}", before.unwrap_or_default(), behind.unwrap_or_default())
        }
        _ => name.to_owned(),
    }
}
