//! Tables as servers and spreadsheets write them: CSV of any delimiter and encoding, or JSON.

use std::fmt;

use encoding_rs::{Encoding, WINDOWS_1252};

/// Rows of text under heads. Lines are counted from 1, rows and columns from 0.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<csv::StringRecord>,
    lines: Vec<usize>,
}

/// Why bytes are no table; never quotes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFault {
    /// Line, counted from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("heads", &self.heads.len())
            .field("rows", &self.rows.len())
            .finish()
    }
}

impl Table {
    /// Reads CSV. The delimiter is the one that divides the header most often; text is UTF-8, UTF-16 with a mark, or
    /// else Windows-1252. Nothing but blanks is a table without heads.
    ///
    /// # Errors
    /// Where a line cannot be read.
    pub fn from_csv(bytes: &[u8], delimiter: Option<u8>) -> Result<Self, TableFault> {
        let text = decoded(bytes);
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let delimiter = delimiter.unwrap_or_else(|| delimiter_of(&text));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut this = Self::default();
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => return Ok(this),
                Ok(true) => {}
                Err(e) => {
                    return Err(TableFault {
                        line: e.position().map_or(0, |p| line(p.line())),
                        text: "cannot be read as CSV".to_owned(),
                    });
                }
            }
            if this.heads.is_empty() {
                this.heads = record.iter().map(|head| head.trim().to_owned()).collect();
                continue;
            }
            this.lines
                .push(record.position().map_or(0, |position| line(position.line())));
            this.rows.push(record.clone());
        }
    }

    /// Reads a JSON list of objects; numbers and truth values become text, `null` an empty one.
    ///
    /// # Errors
    /// When it is no list of objects.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TableFault> {
        let wrong = |text: &str| TableFault {
            line: 0,
            text: text.to_owned(),
        };
        let text = decoded(bytes);
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let objects: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&text).map_err(|_| wrong("is no JSON list of objects"))?;
        let mut this = Self::default();
        for object in &objects {
            for head in object.keys() {
                if !this.heads.contains(head) {
                    this.heads.push(head.clone());
                }
            }
        }
        for object in &objects {
            let cells = this.heads.iter().map(|head| match object.get(head) {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            });
            let row: csv::StringRecord = cells.collect::<Vec<_>>().into();
            this.rows.push(row);
            this.lines.push(0);
        }
        Ok(this)
    }

    /// A table of these parts, for callers that read cells themselves.
    #[must_use]
    pub fn new(heads: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        let lines = (2..).take(rows.len()).collect();
        Self {
            heads,
            rows: rows.into_iter().map(csv::StringRecord::from).collect(),
            lines,
        }
    }

    /// The heads.
    #[must_use]
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// Where the column of this head stands.
    #[must_use]
    pub fn column(&self, head: &str) -> Option<usize> {
        self.heads.iter().position(|h| h == head)
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// A cell; `None` where the row is shorter.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        self.rows.get(row)?.get(column)
    }

    /// A cell by its head; `None` where there is no such column or the row is shorter.
    #[must_use]
    pub fn get(&self, row: usize, head: &str) -> Option<&str> {
        self.cell(row, self.column(head)?)
    }

    /// How many cells a row has.
    #[must_use]
    pub fn width(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, csv::StringRecord::len)
    }

    /// In which line a row begins; 0 where there are no lines.
    #[must_use]
    pub fn line(&self, row: usize) -> usize {
        self.lines.get(row).copied().unwrap_or_default()
    }
}

fn line(line: u64) -> usize {
    usize::try_from(line).unwrap_or_default()
}

/// The text of bytes whose encoding nobody says.
fn decoded(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding
            .decode_without_bom_handling(bytes.get(mark..).unwrap_or_default())
            .0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The delimiter of a header: what stands in it most often outside quotes. A blank only where there is nothing else.
fn delimiter_of(text: &str) -> u8 {
    const CANDIDATES: [u8; 5] = *b",;\t|^";
    let mut counts = [0_usize; CANDIDATES.len()];
    let (mut quoted, mut blanks) = (false, false);
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            b' ' if !quoted => blanks = true,
            byte if !quoted => {
                for (candidate, count) in CANDIDATES.iter().zip(&mut counts) {
                    *count += usize::from(byte == *candidate);
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return if blanks { b' ' } else { b',' };
    }
    let found = CANDIDATES.iter().zip(counts).find(|(_, count)| *count == most);
    found.map_or(b',', |(candidate, _)| *candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_encodings_are_found_out() {
        let wanted = [["1", "Müller; \"x\""], ["2", "a\nb"]];
        for delimiter in [",", ";", "\t", "|", "^", " "] {
            let text = format!(
                "record_id{delimiter}\"pat_name\"\n1{delimiter}\"Müller; \"\"x\"\"\"\n2{delimiter}\"a\nb\"\n"
            );
            for bytes in [
                text.clone().into_bytes(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                WINDOWS_1252.encode(&text).0.into_owned(),
            ] {
                let table = Table::from_csv(&bytes, None).unwrap();
                assert_eq!(table.heads(), ["record_id", "pat_name"]);
                for (row, wanted) in wanted.iter().enumerate() {
                    assert_eq!([table.cell(row, 0), table.cell(row, 1)], wanted.map(Some));
                }
                assert_eq!((table.line(0), table.line(1)), (2, 3));
            }
        }
        assert_eq!(Table::from_csv(b" \n\n ", None).unwrap(), Table::default());
        assert_eq!(Table::from_csv(b"record_id\n7\n", None).unwrap().rows(), 1);
    }

    #[test]
    fn json_is_a_table_too() {
        let table = Table::from_json(br#"[{"a":"x","b":1},{"c":null,"a":"y"}]"#).unwrap();
        assert_eq!(table.get(0, "b"), Some("1"));
        assert_eq!((table.get(1, "a"), table.get(1, "c")), (Some("y"), Some("")));
        assert!(Table::from_json(br#"{"error":"x"}"#).is_err());
        assert_eq!(Table::from_json(b"  ").unwrap().rows(), 0);
    }
}
