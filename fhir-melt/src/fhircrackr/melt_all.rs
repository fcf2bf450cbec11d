use fhir_crack::Notation;

use super::columns::below;
use super::index::indices;
use super::melt::{Melt, melt};
use super::rm_indices::{RmIndices, rm_indices};
use super::text_table::TextTable;
use crate::error::Error;

/// Options of [`melt_all`]; the defaults are fhircrackr's.
#[derive(Clone, Debug)]
pub struct MeltAll {
    /// Brackets and separator of the cells.
    pub notation: Notation,
    /// What separates the segments of a column's name.
    pub column_name_separator: String,
    /// Most rows one row may produce in one step.
    pub row_limit: u64,
}

impl Default for MeltAll {
    fn default() -> Self {
        let melt = Melt::default();
        Self {
            notation: melt.notation,
            column_name_separator: ".".to_owned(),
            row_limit: melt.row_limit,
        }
    }
}

/// Every level of every repeating column to rows (`fhir_melt_all`), then all indices removed.
///
/// Step by step, the first 1, 2, … segments of the names of repeating columns are melted with everything below them.
///
/// # Errors
/// A row that exceeds the row limit.
pub fn melt_all(table: &TextTable, options: &MeltAll) -> Result<TextTable, Error> {
    let separator = options.column_name_separator.as_str();
    let repeats = |column: &usize| {
        let column = &table.columns[*column];
        column.cells.iter().any(|&cell| {
            column
                .pool
                .get(cell)
                .is_some_and(|text| indices(text, &options.notation).any(|i| i.repeats()))
        })
    };
    let repeating: Vec<usize> = (0..table.columns.len()).filter(repeats).collect();
    let step = Melt {
        notation: options.notation.clone(),
        id_name: String::new(),
        all_columns: true,
        row_limit: options.row_limit,
    };
    let mut molten = table.clone();
    for segments in 1.. {
        let prefixes = prefixes(table, &repeating, segments, separator);
        if prefixes.is_empty() {
            break;
        }
        for prefix in prefixes {
            let names: Vec<String> = below(&molten, prefix, separator).map(str::to_owned).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if names.is_empty() {
                continue;
            }
            molten = melt(&molten, &names, &step)?;
            molten.columns.pop();
        }
    }
    Ok(rm_indices(
        &molten,
        &RmIndices {
            notation: options.notation.clone(),
            ..RmIndices::default()
        },
    ))
}

/// The different heads of this many segments, in column order.
fn prefixes<'t>(table: &'t TextTable, repeating: &[usize], segments: usize, separator: &str) -> Vec<&'t str> {
    let mut prefixes: Vec<&str> = Vec::new();
    for &column in repeating {
        let name = table.columns[column].name.as_str();
        let mut ends = name
            .match_indices(separator)
            .map(|(at, _)| at)
            .chain([name.len()]);
        if let Some(end) = ends.nth(segments - 1) {
            let prefix = &name[..end];
            if !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
    }
    prefixes
}
