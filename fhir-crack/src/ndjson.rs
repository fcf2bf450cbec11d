//! One JSON object a row, members named as the columns; NULL cells are left out.

use std::io::{self, Write};

use crate::batch::Batch;
use crate::notation::Notation;

/// Bytes gathered before they are written.
const BLOCK: usize = 1 << 16;

/// Writes the rows of a batch, an object a line, cells in this notation.
///
/// # Errors
/// Those of the writer.
pub fn write_rows(batch: &Batch, notation: &Notation, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<Vec<u8>> = batch
        .table()
        .columns
        .iter()
        .map(|column| quoted(column.name.as_bytes()))
        .collect();
    let mut block = Vec::with_capacity(2 * BLOCK);
    let mut cell = Vec::new();
    let mut cursor = batch.cursor();
    while cursor.advance() {
        block.push(b'{');
        let mut first = true;
        for (column, name) in names.iter().enumerate() {
            cell.clear();
            if notation.write(cursor.cell(column), &mut cell) {
                if !first {
                    block.push(b',');
                }
                first = false;
                block.extend_from_slice(name);
                block.push(b':');
                write_quoted(&cell, &mut block);
            }
        }
        block.extend_from_slice(b"}\n");
        if block.len() > BLOCK {
            out.write_all(&block)?;
            block.clear();
        }
    }
    out.write_all(&block)
}

/// Appends an object of texts, and a line end.
pub(crate) fn write_object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (number, (name, text)) in members.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_quoted(name.as_bytes(), out);
        out.push(b':');
        write_quoted(text.as_bytes(), out);
    }
    out.extend_from_slice(b"}\n");
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_quoted(text, &mut out);
    out
}

/// Appends a text as a JSON string. The bytes are UTF-8, so only quotes, backslashes and control characters need care.
pub fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    if text.iter().all(|&b| b >= b' ' && b != b'"' && b != b'\\') {
        out.extend_from_slice(text);
    } else {
        for &byte in text {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..0x20 => {
                    out.extend_from_slice(b"\\u00");
                    out.push(HEX[usize::from(byte >> 4)]);
                    out.push(HEX[usize::from(byte & 15)]);
                }
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}
