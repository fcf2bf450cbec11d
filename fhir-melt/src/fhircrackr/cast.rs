use fhir_crack::Notation;

use super::collation::compare;
use super::index::{Index, indices_or_empty};
use super::text_table::{TextColumn, TextTable};
use crate::error::{Error, ErrorKind};

/// Options of [`cast`]; the defaults are fhircrackr's.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Brackets and separator of the cells.
    pub notation: Notation,
    /// Whether a column without any value is an error, as in the reference, or is left out.
    pub refuse_empty_columns: bool,
}

impl Default for Cast {
    fn default() -> Self {
        Self {
            notation: Notation::new("<", ">", " "),
            refuse_empty_columns: true,
        }
    }
}

/// One column for each index (`fhir_cast`): cells are split at the separator, the value with index `1.2` of column
/// `name.given` goes to `<1.2>name.given`. Columns of one source column are in collation order of their names, so
/// index 10 stands before 2.
///
/// As in the reference a separator within a value breaks it, and an index read from a name of one segment is a decimal
/// number (`1.10` is `1.1`), one of three numbers is dropped.
///
/// # Errors
/// No index in the first row, or a column without any value (see [`Cast::refuse_empty_columns`]).
pub fn cast(table: &TextTable, options: &Cast) -> Result<TextTable, Error> {
    let notation = &options.notation;
    let first_row = |column: &TextColumn| column.get(0).is_some_and(|cell| indexed(cell, notation));
    if !table.columns.iter().any(first_row) {
        return Err(Error::from(ErrorKind::NoIndex));
    }
    let mut wide = TextTable {
        columns: Vec::new(),
        rows: table.rows,
    };
    for (position, column) in table.columns.iter().enumerate() {
        if table.is_empty_column(position) {
            if options.refuse_empty_columns {
                return Err(Error::new(ErrorKind::EmptyColumn, &column.name));
            }
            continue;
        }
        wide.columns.append(&mut spread(column, notation));
    }
    Ok(wide)
}

fn indexed(cell: &str, notation: &Notation) -> bool {
    indices_or_empty(cell, notation).any(|index| !index.numbers.is_empty())
}

/// The columns one column becomes, in collation order.
fn spread(column: &TextColumn, notation: &Notation) -> Vec<TextColumn> {
    let single = !column.name.contains('.');
    let mut found: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for row in 0..column.cells.len() {
        let Some(cell) = column.get(row) else { continue };
        let mut values: Vec<(String, Vec<&str>)> = Vec::new();
        for part in cell.split(notation.separator.as_str()) {
            let index = indices_or_empty(part, notation).next();
            let Some(id) = id(index, single) else { continue };
            let value = index.map_or(part, |index| &part[index.end..]);
            match values.iter_mut().find(|(known, _)| *known == id) {
                Some((_, several)) => several.push(value),
                None => values.push((id, vec![value])),
            }
        }
        for (id, several) in values {
            let name = format!("{}{id}{}{}", notation.open, notation.close, column.name);
            let place = found
                .iter()
                .position(|(known, _)| *known == name)
                .unwrap_or_else(|| {
                    found.push((name, vec![None; column.cells.len()]));
                    found.len() - 1
                });
            found[place].1[row] = Some(one(&several));
        }
    }
    found.sort_by(|(a, _), (b, _)| compare(a, b));
    found
        .into_iter()
        .map(|(name, cells)| {
            let mut column = TextColumn::new(&name);
            for cell in cells {
                column.push(cell.as_deref());
            }
            column
        })
        .collect()
}

/// The index as it stands in the new name; `None` if the reference drops the value.
fn id(index: Option<Index<'_>>, single: bool) -> Option<String> {
    let Some(index) = index else {
        return Some("NA".to_owned());
    };
    let numbers = index.numbers;
    if !single || !numbers.contains('.') {
        return Some(numbers.to_owned());
    }
    let (whole, fraction) = numbers.split_once('.')?;
    if fraction.contains('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    })
}

/// Several values of one index become the text of an R vector, as in the reference.
fn one(several: &[&str]) -> String {
    if let [only] = several {
        return (*only).to_owned();
    }
    let quoted = several
        .iter()
        .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("c({})", quoted.collect::<Vec<_>>().join(", "))
}
