use table_description::typing::{Precision, Value, write_sql};

use crate::{Melted, TypedBatch};

/// Rows to write: texts as they are, or typed values with the rows they were typed from.
#[derive(Clone, Copy)]
pub(super) enum Grid<'g> {
    Text(&'g Melted<'g>),
    Typed(&'g Melted<'g>, &'g TypedBatch),
    /// With a column behind each date that says how much of it was given.
    Precise(&'g Melted<'g>, &'g TypedBatch),
}

/// A cell to write.
pub(super) enum Cell<'g> {
    Text(&'g str),
    /// A number or boolean, which needs no quotes in any format.
    Bare(Value<'g>),
    /// A date or time.
    Moment(Value<'g>),
}

impl<'g> Grid<'g> {
    pub(super) fn melted(&self) -> &'g Melted<'g> {
        match self {
            Self::Text(melted) | Self::Typed(melted, _) | Self::Precise(melted, _) => melted,
        }
    }

    /// A cell of a row that shows this slot of the column's group.
    pub(super) fn cell(&self, row: usize, slot: u32, column: usize) -> Option<Cell<'g>> {
        match self {
            Self::Text(melted) => melted.slots.text(column, slot).map(Cell::Text),
            Self::Typed(_, typed) | Self::Precise(_, typed) => Some(match typed.value(row, column)? {
                Value::Text(text) => Cell::Text(text),
                value @ (Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_)) => Cell::Bare(value),
                value => Cell::Moment(value),
            }),
        }
    }

    /// What stands behind a cell: nothing, or how much of a date was given, in a word.
    pub(super) fn precision(&self, row: usize, column: usize) -> Option<Option<&'static str>> {
        let Self::Precise(melted, typed) = self else {
            return None;
        };
        let precision = || typed.precision(row, column).map(Precision::as_str);
        melted.table().columns[column].is_dated().then(precision)
    }
}

/// Appends a typed value as PostgreSQL and most readers of CSV understand it.
pub(super) fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    write_sql(value, out);
}
