use super::grid::{Cell, Grid, write_value};
use super::row_text::RowText;

/// RFC 4180 cells.
pub(super) struct Csv;

impl RowText for Csv {
    const SKIPS_NULL: bool = false;

    fn cells(&self, grid: Grid<'_>, row: usize, slot: u32, columns: &[usize], out: &mut Vec<u8>) {
        for (at, &column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match grid.cell(row, slot, column) {
                None => {}
                Some(Cell::Text(text)) => write_text(text, out),
                Some(Cell::Bare(value) | Cell::Moment(value)) => write_value(&value, out),
            }
            if let Some(precision) = grid.precision(row, column) {
                out.push(b',');
                out.extend_from_slice(precision.unwrap_or_default().as_bytes());
            }
        }
    }

    fn open(&self, _: &mut Vec<u8>) {}

    fn close(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }
}

/// Appends a line; `None` is NULL.
pub(crate) fn write_line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = Option<T>>, out: &mut Vec<u8>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if let Some(cell) = cell {
            write_text(cell, out);
        }
    }
    out.push(b'\n');
}

/// Appends a text, in quotes if it needs them. The empty text needs them, to be told from NULL.
pub(super) fn write_text(text: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    let bytes = text.as_ref();
    if !bytes.is_empty() && !is_special(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    let mut from = 0;
    for quote in memchr::memchr_iter(b'"', bytes) {
        out.extend_from_slice(&bytes[from..=quote]);
        from = quote;
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Whether a text has a byte that means something in CSV. Most texts are short, and this is half the cost of writing
/// them, so it looks at 16 bytes at a time, the last of them twice.
fn is_special(bytes: &[u8]) -> bool {
    let means = |b: u8| (b == b'"') | (b == b',') | (b == b'\n') | (b == b'\r');
    let any = |chunk: &[u8; 16]| chunk.iter().fold(0u8, |any, &b| any | u8::from(means(b))) != 0;
    match bytes.last_chunk::<16>() {
        None => bytes.iter().any(|&b| means(b)),
        Some(last) => bytes.as_chunks::<16>().0.iter().any(any) || any(last),
    }
}

#[cfg(test)]
mod tests {
    use super::write_text;

    #[test]
    fn cells_are_quoted_where_needed() {
        let cases = [
            ("a b", "a b"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""),
            ("\"a\" \"\"", "\"\"\"a\"\" \"\"\"\"\""),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            write_text(text, &mut out);
            assert_eq!(String::from_utf8(out).expect("text"), expected);
        }
    }
}
