use crate::error::Place;

/// The part of a page that is done with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Before {
    /// How many bytes they are.
    pub(crate) bytes: u64,
    /// Line ends among them.
    lines: u64,
    /// Bytes of the line that goes on in the pending bytes.
    column: u64,
}

impl Before {
    /// Adds bytes that are done with.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.column = match memchr::memrchr(b'\n', bytes) {
            Some(at) => (bytes.len() - at - 1) as u64,
            None => self.column + bytes.len() as u64,
        };
    }

    /// The place behind these bytes.
    pub(crate) fn place(mut self, bytes: &[u8]) -> Place {
        self.add(bytes);
        Place {
            offset: self.bytes,
            line: self.lines + 1,
            column: self.column + 1,
        }
    }
}
