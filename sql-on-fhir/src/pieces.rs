use std::io::{self, Read};

/// Bytes of a piece, about: with what becomes of it, it stays in a core's cache.
const PIECE: usize = 1 << 18;

/// Splits bulk data, one resource a line, into pieces of whole resources.
pub(crate) struct Pieces<R> {
    input: R,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    /// Reads the first piece.
    pub(crate) fn new(input: R) -> io::Result<Self> {
        let mut pieces = Self {
            input,
            buffer: Vec::new(),
            ended: false,
        };
        pieces.fill(PIECE)?;
        Ok(pieces)
    }

    /// Whether the page is one of resources, one a line: JSON with a place to split it in its first piece.
    pub(crate) fn is_bulk_data(&self) -> bool {
        let first = self.buffer.iter().find(|byte| !byte.is_ascii_whitespace());
        first == Some(&b'{') && boundary(&self.buffer).is_some()
    }

    /// What was read so far, and the input to read the rest from.
    pub(crate) fn into_parts(self) -> (Vec<u8>, R) {
        (self.buffer, self.input)
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.ended && self.buffer.len() < wanted {
            let more = (wanted - self.buffer.len()) as u64;
            self.ended = self.input.by_ref().take(more).read_to_end(&mut self.buffer)? == 0;
        }
        Ok(())
    }

    fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut wanted = PIECE;
        let end = loop {
            self.fill(wanted)?;
            if self.ended {
                break self.buffer.len();
            }
            match boundary(&self.buffer) {
                Some(end) => break end,
                None => wanted = self.buffer.len() * 2,
            }
        };
        if end == 0 {
            return Ok(None);
        }
        let rest = self.buffer.split_off(end);
        Ok(Some(std::mem::replace(&mut self.buffer, rest)))
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.piece().transpose()
    }
}

/// The last place between two resources: behind a line end that stands between braces. Inside of a resource there would
/// be a comma, and no string goes over a line end.
fn boundary(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'\n', bytes)
        .find(|&at| {
            let before = bytes.get(..at).unwrap_or_default();
            let behind = bytes.get(at + 1..).unwrap_or_default();
            before.trim_ascii_end().ends_with(b"}") && behind.starts_with(b"{")
        })
        .map(|at| at + 1)
}
