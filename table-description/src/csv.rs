//! Sheets as CSV (RFC 4180): commas, double quotes, UTF-8 with or without a byte-order mark, any line end.

use crate::sheet::{Row, Sheet};

/// Reads the records of a text; the record's number is the row's, so that it is the one a spreadsheet shows.
///
/// A quote that is never closed runs to the end of the text: a file with a wrong quote still shows where it went wrong.
pub(crate) fn parse(name: &str, text: &str) -> Sheet {
    let mut records = Records {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
    };
    let mut number = 0;
    let rows = std::iter::from_fn(|| {
        number += 1;
        records.next().map(|cells| Row {
            number,
            cells,
            ..Row::default()
        })
    });
    Sheet::new(name, rows)
}

/// Appends one record.
pub(crate) fn write<'a>(cells: impl IntoIterator<Item = &'a str>, out: &mut String) {
    for (position, cell) in cells.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push('\n');
}

struct Records<'a> {
    rest: &'a str,
}

impl Records<'_> {
    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            cells.push(self.cell());
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            let rest = self.rest;
            self.rest = rest
                .strip_prefix("\r\n")
                .or_else(|| rest.strip_prefix(['\n', '\r']))
                .unwrap_or(rest);
            return Some(cells);
        }
    }

    fn cell(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut rest) = self.rest.strip_prefix('"') {
            while let Some(at) = rest.find('"') {
                text.push_str(&rest[..at]);
                rest = &rest[at + 1..];
                match rest.strip_prefix('"') {
                    Some(after) => {
                        text.push('"');
                        rest = after;
                    }
                    None => {
                        self.rest = rest;
                        // Text between a closing quote and the next comma is kept, as spreadsheets do.
                        text.push_str(self.plain());
                        return text;
                    }
                }
            }
            text.push_str(rest);
            self.rest = "";
            return text;
        }
        text.push_str(self.plain());
        text
    }

    fn plain(&mut self) -> &str {
        let end = self.rest.find([',', '\n', '\r']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records() {
        for (text, expected) in [
            ("a,b\nc,d\n", vec![(1, vec!["a", "b"]), (2, vec!["c", "d"])]),
            ("a,b\r\n\r\nc", vec![(1, vec!["a", "b"]), (3, vec!["c"])]),
            ("\u{feff}a", vec![(1, vec!["a"])]),
            ("\"a,\"\"b\"\"\nc\",d", vec![(1, vec!["a,\"b\"\nc", "d"])]),
            ("\"open,\nnever closed", vec![(1, vec!["open,\nnever closed"])]),
            ("\"a\"b,c", vec![(1, vec!["ab", "c"])]),
            ("", vec![]),
            (",,\n,x", vec![(2, vec!["", "x"])]),
        ] {
            let rows: Vec<(usize, Vec<String>)> = parse("s", text)
                .rows
                .into_iter()
                .map(|row| (row.number, row.cells))
                .collect();
            let expected: Vec<(usize, Vec<String>)> = expected
                .into_iter()
                .map(|(n, cells)| (n, cells.into_iter().map(str::to_owned).collect()))
                .collect();
            assert_eq!(rows, expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in prop::collection::vec(prop::collection::vec("[a\", \n\r;]{0,6}", 1..4), 0..5)) {
            let mut text = String::new();
            for record in &cells {
                write(record.iter().map(String::as_str), &mut text);
            }
            let expected = Sheet::new("s", cells.into_iter().enumerate().map(|(n, cells)| Row { number: n + 1, cells, ..Row::default() }));
            prop_assert_eq!(parse("s", &text), expected);
        }
    }
}
