//! CSV that a spreadsheet program shows and does not run.

use std::io::{self, Write};

/// Marks cells that a spreadsheet program would take for a formula: those that begin with `=`, `+`, `-`, `@`, a tab or a
/// carriage return, and are no number, get an apostrophe before their first character.
///
/// Takes comma-separated text with quoted cells, in pieces of any size.
#[derive(Debug)]
pub struct SpreadsheetSafe<W: Write> {
    out: W,
    place: Place,
    /// The beginning of a cell that may be a number.
    held: Vec<u8>,
    quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a cell.
    Cell,
    /// Behind its opening quote.
    Quote,
    /// In a cell that begins with a sign.
    Sign,
    /// In a cell that goes through as it is.
    Inside,
}

/// Bytes of a number, at most.
const NUMBER: usize = 400;

impl<W: Write> SpreadsheetSafe<W> {
    /// Marks cells on their way to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            place: Place::Cell,
            held: Vec::new(),
            quoted: false,
        }
    }

    /// The end: gives back where the cells went.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }

    fn byte(&mut self, byte: u8) -> io::Result<()> {
        let ends = |quoted: bool| byte == b'"' || !quoted && matches!(byte, b',' | b'\n' | b'\r');
        match self.place {
            Place::Cell | Place::Quote => match byte {
                b'"' if self.place == Place::Cell => {
                    self.quoted = true;
                    self.place = Place::Quote;
                    return self.out.write_all(b"\"");
                }
                b'+' | b'-' => {
                    self.place = Place::Sign;
                    self.held.push(byte);
                    return Ok(());
                }
                b'=' | b'@' | b'\t' => {
                    self.out.write_all(b"'")?;
                    self.place = Place::Inside;
                }
                b'\r' if self.quoted => {
                    self.out.write_all(b"'")?;
                    self.place = Place::Inside;
                }
                _ => self.place = Place::Inside,
            },
            Place::Sign if !ends(self.quoted) && self.held.len() < NUMBER => {
                self.held.push(byte);
                return Ok(());
            }
            Place::Sign => {
                self.release()?;
                self.place = Place::Inside;
            }
            Place::Inside => {}
        }
        match byte {
            b'"' => self.quoted = !self.quoted,
            b',' | b'\n' if !self.quoted => self.place = Place::Cell,
            _ => {}
        }
        self.out.write_all(&[byte])
    }

    fn release(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let is_number = std::str::from_utf8(&held).is_ok_and(|text| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
                && text.parse::<f64>().is_ok()
        });
        if !held.is_empty() && !is_number {
            self.out.write_all(b"'")?;
        }
        self.out.write_all(&held)
    }
}

impl<W: Write> Write for SpreadsheetSafe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.byte(byte)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.release()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_marked_and_numbers_are_not() {
        for (text, safe) in [
            ("\"=1+1\",\"a=b\",-5,+1.5e3\n", "\"'=1+1\",\"a=b\",-5,+1.5e3\n"),
            ("@x,-cmd|' /C calc'!A0,,\"\"\n", "'@x,'-cmd|' /C calc'!A0,,\"\"\n"),
            (
                "\"-1\",\"-1,=2\",\"a\"\"=b\"\n",
                "\"-1\",\"'-1,=2\",\"a\"\"=b\"\n",
            ),
            ("\"+\"\"x\"\n\"\tx\"\n=\n", "\"'+\"\"x\"\n\"'\tx\"\n'=\n"),
        ] {
            for piece in [1, 3, 100] {
                let mut out = SpreadsheetSafe::new(Vec::new());
                text.as_bytes()
                    .chunks(piece)
                    .for_each(|piece| out.write_all(piece).expect("memory"));
                out.flush().expect("memory");
                assert_eq!(String::from_utf8_lossy(&out.out), safe);
            }
        }
    }
}
