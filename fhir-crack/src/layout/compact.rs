use table_description::TableDescription;

use super::{Layout, TextTable, stem};
use crate::batch::Batch;

impl Layout {
    /// One column a path. Columns as they are met page by page; those of a description then in its order, if their names
    /// are still its names.
    pub(super) fn compact(&self, table: &TableDescription, pages: &[Batch]) -> TextTable {
        let mut names: Vec<String> = Vec::new();
        for page in pages {
            for (number, column) in page.table().columns.iter().enumerate() {
                let found = page.entries(number).len() > 0 && !self.is_lost(table, &column.name);
                if found && !names.contains(&column.name) {
                    names.push(column.name.clone());
                }
            }
        }
        let found: Vec<&str> = names.iter().map(String::as_str).collect();
        let (missing, of_attributes) = (self.missing(table, &found), of_attributes(&found));
        names.extend(missing);
        let mut rows = Vec::new();
        for page in pages {
            let place = |name: &String| {
                let place = page.table().columns.iter().position(|c| c.name == *name);
                place.filter(|_| !self.is_lost(table, name))
            };
            let places: Vec<Option<usize>> = names.iter().map(place).collect();
            for row in 0..page.rows() {
                rows.push(
                    places
                        .iter()
                        .map(|place| place.and_then(|column| self.cell(page, row, column)))
                        .collect(),
                );
            }
        }
        let mut laid_out = TextTable { names, rows };
        if !of_attributes {
            laid_out.reorder(&described_first(table, &laid_out.names));
        }
        if let Some(unnamed) = laid_out.names.iter_mut().find(|name| name.is_empty()) {
            *unnamed = UNNAMED.to_owned();
        }
        laid_out
    }

    fn cell(&self, page: &Batch, row: usize, column: usize) -> Option<String> {
        let path = page.table().columns.get(column)?.path();
        let mut out = Vec::new();
        for (number, entry) in page.cell(row, column).enumerate() {
            if number > 0 {
                out.extend_from_slice(self.notation.separator.as_bytes());
            }
            if self.notation.indexed {
                self.notation
                    .write_index(&self.index(path.as_str(), entry.index), &mut out);
            }
            out.extend_from_slice(entry.text.as_bytes());
        }
        let any = page.cell(row, column).len() > 0;
        any.then(|| String::from_utf8(out).unwrap_or_default())
    }
}

/// What data.table calls a column without a name: that of attributes of the resource itself.
const UNNAMED: &str = "V1";

/// Whether the columns are those of single attributes, which are in no description.
fn of_attributes(names: &[&str]) -> bool {
    names.iter().any(|name| stem(name) != *name)
}

/// The places of columns, those the description names first, in its order.
fn described_first(table: &TableDescription, names: &[String]) -> Vec<usize> {
    let described = table
        .columns
        .iter()
        .filter_map(|column| names.iter().position(|name| *name == column.name));
    let mut order: Vec<usize> = described.collect();
    order.extend(
        (0..names.len())
            .filter(|place| !order.contains(place))
            .collect::<Vec<_>>(),
    );
    order
}
