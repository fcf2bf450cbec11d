use std::borrow::Cow;

use fhir_crack::ndjson::write_quoted;
use fhir_crack::outline::Token;

use super::ColumnType;
use crate::compile::{Class, OutColumn, Program, number};
use crate::eval::{Cell, Rows, Sink, Value};

/// Rows as CSV or NDJSON.
pub(crate) struct Text {
    pub(crate) out: Vec<u8>,
    pub(crate) rows: u64,
    /// Most rows that are written.
    pub(crate) limit: u64,
    /// Values that are not of the type of their column, by column; their cells are empty.
    pub(crate) misfits: Vec<u64>,
    json: bool,
    columns: Vec<Column>,
}

struct Column {
    /// The name as it is written before each value of NDJSON.
    name: Vec<u8>,
    column_type: ColumnType,
    /// Whether every text fits.
    free: bool,
}

impl Text {
    pub(crate) fn new(program: &Program, json: bool) -> Self {
        let column = |column: &OutColumn| Column {
            name: format!("\"{}\":", column.name).into_bytes(),
            column_type: column.column_type,
            free: column.column_type.is_free(),
        };
        Self {
            out: Vec::new(),
            rows: 0,
            limit: u64::MAX,
            misfits: vec![0; program.columns.len()],
            json,
            columns: program.columns.iter().map(column).collect(),
        }
    }

    /// Takes what was written, and counts begin again.
    pub(crate) fn take(&mut self) -> (Vec<u8>, u64, Vec<u64>) {
        let misfits = vec![0; self.misfits.len()];
        (
            std::mem::take(&mut self.out),
            std::mem::take(&mut self.rows),
            std::mem::replace(&mut self.misfits, misfits),
        )
    }

    /// Counts what was written elsewhere.
    pub(crate) fn add(&mut self, rows: u64, misfits: &[u64]) {
        self.rows += rows;
        for (all, more) in self.misfits.iter_mut().zip(misfits) {
            *all += more;
        }
    }

    /// The line of names before the rows of CSV.
    pub(crate) fn header(program: &Program) -> Vec<u8> {
        let names: Vec<&str> = program
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let mut line = names.join(",").into_bytes();
        line.push(b'\n');
        line
    }

    fn csv(&mut self, rows: &Rows<'_>) {
        let Self {
            out,
            misfits,
            columns,
            ..
        } = self;
        for (number, ((cell, column), misfits)) in rows.cells.iter().zip(columns).zip(misfits).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            match *cell {
                Cell::Null => {}
                Cell::One(value) => {
                    if let Some(text) = rows.evaluator.plain_text(value).filter(|_| column.free) {
                        csv_text(text, out);
                    } else if let Some(text) = rows.evaluator.text(value) {
                        if column.column_type.fits(&text) {
                            csv_text(&text, out);
                        } else {
                            *misfits += 1;
                        }
                    } else {
                        *misfits += 1;
                    }
                }
                Cell::Many(start, end) => {
                    let mut array = Vec::new();
                    list(rows, (start, end), column.column_type, misfits, &mut array);
                    csv_text(&String::from_utf8_lossy(&array), out);
                }
            }
        }
        out.push(b'\n');
    }

    fn json(&mut self, rows: &Rows<'_>) {
        let Self {
            out,
            misfits,
            columns,
            ..
        } = self;
        out.push(b'{');
        for (number, ((cell, column), misfits)) in rows.cells.iter().zip(columns).zip(misfits).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&column.name);
            match *cell {
                Cell::Null => out.extend_from_slice(b"null"),
                Cell::One(value) => {
                    if !json_value(rows, value, column.column_type, out) {
                        *misfits += 1;
                        out.extend_from_slice(b"null");
                    }
                }
                Cell::Many(start, end) => list(rows, (start, end), column.column_type, misfits, out),
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

impl Sink for Text {
    fn row(&mut self, rows: &Rows<'_>) {
        if self.rows >= self.limit {
            return;
        }
        self.rows += 1;
        if self.json {
            self.json(rows);
        } else {
            self.csv(rows);
        }
    }
}

/// Appends a collection as a JSON array.
fn list(
    rows: &Rows<'_>,
    (start, end): (u32, u32),
    column_type: ColumnType,
    misfits: &mut u64,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    let mut first = true;
    for &value in rows.list(start, end) {
        let length = out.len();
        if !first {
            out.push(b',');
        }
        if json_value(rows, value, column_type, out) {
            first = false;
        } else {
            out.truncate(length);
            *misfits += 1;
        }
    }
    out.push(b']');
}

/// Appends a value; `false` if it is not of the type of its column or has no text.
fn json_value(rows: &Rows<'_>, value: Value<'_>, column_type: ColumnType, out: &mut Vec<u8>) -> bool {
    let Some(text) = rows.evaluator.text(value) else {
        return false;
    };
    if !column_type.fits(&text) {
        return false;
    }
    let plain = match column_type.class {
        Some(Class::Boolean | Class::Integer) => true,
        Some(Class::Decimal) => return json_number(&text, out),
        Some(_) => false,
        None => matches!(rows.evaluator.token(value), Token::Boolean | Token::Number),
    };
    if plain {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_quoted(text.as_bytes(), out);
    }
    true
}

/// Appends a number in JSON's grammar, which XML's values need not have.
fn json_number(text: &str, out: &mut Vec<u8>) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let leading = plain.len() > 1 && plain.starts_with('0') && !plain.starts_with("0.");
    let text: Cow<'_, str> = if leading || plain.ends_with('.') || plain.starts_with('.') {
        match number(text) {
            Some(number) => number.to_string().into(),
            None => return false,
        }
    } else {
        text.into()
    };
    out.extend_from_slice(text.as_bytes());
    true
}

/// Appends a text as a field of CSV, in quotes where it needs them.
fn csv_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // An empty text is no NULL.
    // All bytes are looked at, so that the compiler can take many at a time.
    let special = bytes.iter().fold(false, |found, &b| {
        found | (b == b',') | (b == b'"') | (b == b'\n') | (b == b'\r')
    });
    let quotes = bytes.is_empty() || special;
    if !quotes {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for &byte in bytes {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
