use fhir_crack::Notation;

use super::index::indices_or_empty;
use super::text_table::TextTable;

/// Options of [`rm_indices`]; the defaults are fhircrackr's.
#[derive(Clone, Debug)]
pub struct RmIndices {
    /// Brackets of the cells.
    pub notation: Notation,
    /// Columns to clean; `None` for all.
    pub columns: Option<Vec<String>>,
    /// Whether whole numbers are padded with blanks to equal width, as R does when it makes text of them.
    pub pad_whole_numbers: bool,
}

impl Default for RmIndices {
    fn default() -> Self {
        Self {
            notation: Notation::new("<", ">", " "),
            columns: None,
            pad_whole_numbers: true,
        }
    }
}

/// Deletes every index from the cells (`fhir_rm_indices`), wherever it stands, empty brackets too.
#[must_use]
pub fn rm_indices(table: &TextTable, options: &RmIndices) -> TextTable {
    let mut cleaned = table.clone();
    for column in &mut cleaned.columns {
        if options
            .columns
            .as_ref()
            .is_some_and(|columns| !columns.contains(&column.name))
        {
            continue;
        }
        let width = if column.whole_numbers && options.pad_whole_numbers {
            let used = column.cells.iter().filter_map(|&cell| column.pool.get(cell));
            used.map(str::len).max().unwrap_or(0)
        } else {
            0
        };
        *column = column.map(|text, pool| {
            for _ in text.len()..width {
                pool.write(" ");
            }
            let mut from = 0;
            for index in indices_or_empty(text, &options.notation) {
                pool.write(&text[from..index.start]);
                from = index.end;
            }
            pool.write(&text[from..]);
        });
    }
    cleaned
}
