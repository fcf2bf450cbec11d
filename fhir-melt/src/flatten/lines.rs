use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Splits bulk data, one resource a line, into pieces of whole resources.
pub(crate) struct Lines<R> {
    input: R,
    spares: Spares,
    /// Bytes read and not handed out.
    buffer: Buffer,
    /// Bytes of a piece, about.
    piece: usize,
    ended: bool,
}

/// Whole resources.
pub(crate) struct Piece {
    buffer: Buffer,
    spares: Spares,
}

/// The bytes in use are the first `filled`; those behind them are left of earlier uses, so that they need not be made anew.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

/// Buffers of pieces that are done. They are filled again: fresh memory of the system costs as much as what is done with it.
#[derive(Clone, Default)]
struct Spares {
    buffers: Arc<Mutex<Vec<Buffer>>>,
    /// Bytes of a buffer up to which it is kept.
    most: usize,
}

/// Bytes of a piece, about: with what becomes of it, it stays in a core's cache.
const PIECE: usize = 1 << 17;
/// Bytes asked of the input at a time, at least.
const READ: usize = 1 << 16;

impl Buffer {
    fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Reads once; `false` at the end of the input.
    fn read(&mut self, input: &mut impl Read) -> io::Result<bool> {
        if self.bytes.len() - self.filled < READ {
            let wanted = (self.bytes.len() * 2).max(PIECE + READ);
            self.bytes.resize(wanted, 0);
        }
        loop {
            match input.read(&mut self.bytes[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.bytes.len() < bytes.len() {
            self.bytes.resize(bytes.len(), 0);
        }
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }
}

impl Spares {
    fn take(&self) -> Buffer {
        let spare = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_default()
    }

    fn give(&self, buffer: Buffer) {
        // One made for a huge resource is not kept.
        if buffer.bytes.len() <= self.most {
            let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
            buffers.push(buffer);
        }
    }
}

impl Piece {
    pub(crate) fn text(&self) -> &[u8] {
        self.buffer.filled()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.spares.give(std::mem::take(&mut self.buffer));
    }
}

impl<R: Read> Lines<R> {
    /// Reads the first piece.
    pub(crate) fn new(input: R) -> io::Result<Self> {
        Self::with_piece(input, PIECE)
    }

    /// Reads the first piece of this size.
    pub(crate) fn with_piece(input: R, piece: usize) -> io::Result<Self> {
        let mut lines = Self {
            input,
            buffer: Buffer::default(),
            spares: Spares {
                most: 4 * piece,
                ..Spares::default()
            },
            piece,
            ended: false,
        };
        lines.fill(piece)?;
        Ok(lines)
    }

    /// Whether the page is one of resources, one a line: JSON with a place to split it in its first piece.
    pub(crate) fn is_bulk_data(&self) -> bool {
        let begun = self.buffer.filled();
        let first = begun.iter().find(|byte| !byte.is_ascii_whitespace());
        first == Some(&b'{') && boundary(begun).is_some()
    }

    /// What was read so far, and the input to read the rest from.
    pub(crate) fn into_parts(self) -> (Vec<u8>, R) {
        let Buffer { mut bytes, filled } = self.buffer;
        bytes.truncate(filled);
        (bytes, self.input)
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.ended && self.buffer.filled < wanted {
            self.ended = !self.buffer.read(&mut self.input)?;
        }
        Ok(())
    }

    fn piece(&mut self) -> io::Result<Option<Piece>> {
        let mut wanted = self.piece;
        let end = loop {
            self.fill(wanted)?;
            if self.ended {
                break self.buffer.filled;
            }
            match boundary(self.buffer.filled()) {
                Some(end) => break end,
                None => wanted = self.buffer.filled * 2,
            }
        };
        if end == 0 {
            return Ok(None);
        }
        let mut rest = self.spares.take();
        rest.take(&self.buffer.filled()[end..]);
        self.buffer.filled = end;
        Ok(Some(Piece {
            buffer: std::mem::replace(&mut self.buffer, rest),
            spares: self.spares.clone(),
        }))
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        self.piece().transpose()
    }
}

/// The last place between two resources: behind a line end that stands between braces. Inside of a resource there would
/// be a comma, and no string goes over a line end.
fn boundary(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'\n', bytes)
        .find(|&at| bytes[..at].trim_ascii_end().ends_with(b"}") && bytes[at + 1..].starts_with(b"{"))
        .map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_split_between_resources_only() {
        for (text, end) in [
            ("{\"a\":1}\n{\"b\":2}\n", Some(8)),
            ("{\"a\":1} \r\n{\"b\":", Some(10)),
            ("{\"entry\":[{}\n,{}]}\n", None),
            ("{\n\"a\":{\n}}\n", None),
            ("{\"a\":1}\n{\n\"b\":{\n}}", Some(8)),
            ("\n{", None),
        ] {
            assert_eq!(boundary(text.as_bytes()), end, "{text:?}");
        }
    }

    #[test]
    fn pieces_are_the_whole_in_whole_lines() {
        let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1_000));
        let text = line.repeat(3_000);
        let lines = Lines::new(text.as_bytes()).expect("memory");
        assert!(lines.is_bulk_data());
        let mut whole = Vec::new();
        for piece in lines {
            let piece = piece.expect("memory");
            assert_eq!(piece.text().len() % line.len(), 0);
            assert!(piece.text().len() <= 2 * (PIECE + READ));
            whole.extend_from_slice(piece.text());
        }
        assert_eq!(whole, text.as_bytes());
    }
}
