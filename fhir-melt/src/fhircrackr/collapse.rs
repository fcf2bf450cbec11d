use fhir_crack::Notation;

use super::index::indices_or_empty;
use super::text_table::TextTable;
use crate::error::{Error, ErrorKind};

/// Options of [`collapse`]; the defaults are fhircrackr's.
#[derive(Clone, Debug)]
pub struct Collapse {
    /// Brackets and separator of the cells.
    pub notation: Notation,
    /// What joins the values.
    pub glue: String,
    /// What two neighbours must share to be joined under one index.
    pub compare: Compare,
}

/// What makes two values of a cell belong together when they are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// The first digit of their index: repetitions 1, 10 and 11 run together, as in the reference.
    #[default]
    FirstDigit,
    /// The whole first number of their index.
    FirstNumber,
}

impl Default for Collapse {
    fn default() -> Self {
        Self {
            notation: Notation::new("<", ">", " "),
            glue: " ".to_owned(),
            compare: Compare::default(),
        }
    }
}

/// Joins the values of repeating cells (`fhir_collapse`): of neighbours with the same first number only the first
/// keeps its index, and all values of the cell are joined by the glue.
///
/// As in the reference only cells that start with `[` are touched, and the glue also stands between different
/// repetitions, so that a value ends in it after melting.
///
/// # Errors
/// A column the table does not have.
pub fn collapse(table: &TextTable, columns: &[&str], options: &Collapse) -> Result<TextTable, Error> {
    let mut collapsed = table.clone();
    for name in columns {
        let position = table
            .position(name)
            .ok_or_else(|| Error::new(ErrorKind::UnknownColumn, name))?;
        let column = &mut collapsed.columns[position];
        *column = column.map(|text, pool| {
            if !text.starts_with('[') {
                pool.write(text);
                return;
            }
            let mut last = None;
            for (at, value) in text.split(options.notation.separator.as_str()).enumerate() {
                if at > 0 {
                    pool.write(&options.glue);
                }
                let index = indices_or_empty(value, &options.notation).next();
                let key = index.map(|index| match options.compare {
                    Compare::FirstDigit => index.numbers.get(..1).unwrap_or_default(),
                    Compare::FirstNumber => index.numbers.split('.').next().unwrap_or_default(),
                });
                match index {
                    Some(index) if at > 0 && key == last => {
                        pool.write(&value[..index.start]);
                        pool.write(&value[index.end..]);
                    }
                    _ => pool.write(value),
                }
                last = key.or(last);
            }
        });
    }
    Ok(collapsed)
}
