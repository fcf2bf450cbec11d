use super::grid::{Cell, Grid, write_value};
use super::row_text::RowText;

/// RFC 4180 cells.
pub(super) struct Csv;

impl RowText for Csv {
    const SKIPS_NULL: bool = false;

    fn cells(&self, grid: Grid<'_>, row: usize, columns: &[usize], out: &mut Vec<u8>) {
        for (at, &column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match grid.cell(row, column) {
                None => {}
                Some(Cell::Text(text)) => write_text(text, out),
                Some(Cell::Bare(value) | Cell::Moment(value)) => write_value(&value, out),
            }
        }
    }

    fn open(&self, _: &mut Vec<u8>) {}

    fn close(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }
}

/// Appends a text, in quotes if it needs them. The empty text needs them, to be told from NULL.
pub(crate) fn write_text(text: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    let special = |found, &b: &u8| found | (b == b'"') | (b == b',') | (b == b'\n') | (b == b'\r');
    let bytes = text.as_ref();
    if !bytes.is_empty() && !bytes.iter().fold(false, special) {
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
