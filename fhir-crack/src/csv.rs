//! Comma-separated text: NULL is an empty field without quotes, every other field stands in quotes, so an empty text and
//! NULL stay apart.

use std::io::{self, Write};

use crate::batch::Batch;
use crate::notation::Notation;

/// Appends one line. `None` is NULL.
pub fn write_line<'a>(fields: impl IntoIterator<Item = Option<&'a [u8]>>, out: &mut Vec<u8>) {
    for (number, field) in fields.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if let Some(field) = field {
            write_quoted(field, out);
        }
    }
    out.push(b'\n');
}

fn write_quoted(field: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = field;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        let (before, behind) = rest.split_at(quote + 1);
        out.extend_from_slice(before);
        out.push(b'"');
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Writes the names of a batch's columns as a line.
///
/// # Errors
/// Those of the writer.
pub fn write_header(batch: &Batch, out: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    write_line(
        batch
            .table()
            .columns
            .iter()
            .map(|column| Some(column.name.as_bytes())),
        &mut line,
    );
    out.write_all(&line)
}

/// Bytes gathered before they are written.
const BLOCK: usize = 1 << 16;

/// Writes the rows of a batch, a line each, cells in this notation.
///
/// # Errors
/// Those of the writer.
pub fn write_rows(batch: &Batch, notation: &Notation, out: &mut impl Write) -> io::Result<()> {
    let mut block = Vec::with_capacity(2 * BLOCK);
    let mut cell = Vec::new();
    let mut cursor = batch.cursor();
    while cursor.advance() {
        for column in 0..batch.table().columns.len() {
            if column > 0 {
                block.push(b',');
            }
            cell.clear();
            if notation.write(cursor.cell(column), &mut cell) {
                write_quoted(&cell, &mut block);
            }
        }
        block.push(b'\n');
        if block.len() > BLOCK {
            out.write_all(&block)?;
            block.clear();
        }
    }
    out.write_all(&block)
}
