//! Digests of files: MD5, as the journal's layout has it. It finds changed and damaged files; it is no protection against
//! someone who wants two files to look alike.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::{Digest, Md5};

/// Bytes read at a time.
const PIECE: usize = 256 * 1024;

/// A digest that grows with what it is fed.
#[derive(Default)]
pub(crate) struct Hasher {
    md5: Md5,
    bytes: u64,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Bytes and hexadecimal digits.
    pub(crate) fn finish(self) -> (u64, String) {
        use std::fmt::Write as _;
        let mut digits = String::with_capacity(32);
        for byte in self.md5.finalize() {
            let _ = write!(digits, "{byte:02x}");
        }
        (self.bytes, digits)
    }
}

/// Bytes and digest of what a reader gives.
pub(crate) fn of_reader(reader: &mut dyn Read) -> std::io::Result<(u64, String)> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(&piece[..read]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Bytes and digest of a file.
pub(crate) fn of_file(path: &Path) -> std::io::Result<(u64, String)> {
    of_reader(&mut File::open(path)?)
}

/// The digest of bytes.
#[cfg(test)]
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish().1
}
