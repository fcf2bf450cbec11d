use table_description::PRECISION_SUFFIX;
use table_description::typing::Value;

use super::grid::{Cell, Grid, write_value};
use super::row_text::RowText;

/// JSON members of one object a row.
pub(super) struct NdJson {
    /// For each column its name as a JSON string with the colon behind it.
    names: Vec<Vec<u8>>,
    plain: Vec<String>,
}

impl NdJson {
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let quoted = |name: &str| {
            let mut quoted = Vec::new();
            write_text(name, &mut quoted);
            quoted.push(b':');
            quoted
        };
        let plain: Vec<String> = names.map(str::to_owned).collect();
        Self {
            names: plain.iter().map(|name| quoted(name)).collect(),
            plain,
        }
    }
}

impl RowText for NdJson {
    const SKIPS_NULL: bool = true;

    fn cells(&self, grid: Grid<'_>, row: usize, slot: u32, columns: &[usize], out: &mut Vec<u8>) {
        let mut separate = false;
        for &column in columns {
            let Some(cell) = grid.cell(row, slot, column) else {
                continue;
            };
            if std::mem::replace(&mut separate, true) {
                out.push(b',');
            }
            out.extend_from_slice(&self.names[column]);
            match cell {
                Cell::Text(text) => write_text(text, out),
                // JSON has no number for these.
                Cell::Bare(Value::Decimal(number)) if !number.is_finite() => out.extend_from_slice(b"null"),
                Cell::Bare(value) => write_value(&value, out),
                Cell::Moment(value) => {
                    out.push(b'"');
                    write_value(&value, out);
                    out.push(b'"');
                }
            }
            if let Some(Some(precision)) = grid.precision(row, column) {
                out.push(b',');
                write_text(&format!("{}{PRECISION_SUFFIX}", self.plain[column]), out);
                out.extend_from_slice(format!(":\"{precision}\"").as_bytes());
            }
        }
    }

    fn open(&self, out: &mut Vec<u8>) {
        out.push(b'{');
    }

    fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"}\n");
    }
}

/// Appends a text as a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::write_text;

    #[test]
    fn any_text_reads_back() {
        for text in ["", "a", "\"\\\n\r\t\u{1}\u{1f}ä😀", "\u{7f}"] {
            let mut out = Vec::new();
            write_text(text, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
        }
    }
}
