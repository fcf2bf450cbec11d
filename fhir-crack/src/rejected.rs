//! What of a page cannot be read, kept as it came.

use std::fmt;

use memchr::memmem;

use crate::error::{Error, Place};
use crate::types;

/// A resource or other part of a page that cannot be read: where it stands, why, and its bytes, so that nothing the page
/// held is lost and it can be looked at or cracked again.
///
/// `Debug` shows no byte of it.
pub struct Rejected {
    place: Place,
    reason: Error,
    bytes: Vec<u8>,
}

impl Rejected {
    pub(crate) fn new(place: Place, reason: Error, bytes: Vec<u8>) -> Self {
        Self { place, reason, bytes }
    }

    /// Where it begins in the page, after decompression and transcoding.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Why it cannot be read, with the place of the fault in the page.
    #[must_use]
    pub fn reason(&self) -> &Error {
        &self.reason
    }

    /// Why it cannot be read.
    #[must_use]
    pub fn into_reason(self) -> Error {
        self.reason
    }

    /// Its bytes: an entry of a Bundle, a line, or the rest of the page where no end of it can be told. In the page's
    /// own encoding where that is UTF-8, else transcoded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be kept.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Type of the resource, as far as a FHIR type name can be found in it.
    #[must_use]
    pub fn resource(&self) -> Option<&'static str> {
        let bytes = &self.bytes;
        let json = memmem::find_iter(bytes, b"\"resourceType\"").find_map(|at| {
            let rest = bytes.get(at + b"\"resourceType\"".len()..)?.trim_ascii_start();
            let name = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
            let end = name.iter().position(|b| !b.is_ascii_alphabetic())?;
            types::known(std::str::from_utf8(name.get(..end)?).ok()?)
        });
        let xml = || {
            memchr::memchr_iter(b'<', bytes).find_map(|at| {
                let tag = bytes.get(at + 1..)?;
                let end = tag.iter().position(|b| !b.is_ascii_alphabetic() && *b != b':')?;
                let name = std::str::from_utf8(tag.get(..end)?).ok()?;
                types::known(name.rsplit(':').next()?)
            })
        };
        json.or_else(xml)
    }

    /// The same of a piece of a page before which stand so many bytes and lines; the piece begins a line.
    #[must_use]
    pub fn behind(mut self, bytes: u64, lines: u64) -> Self {
        self.place.offset += bytes;
        self.place.line += lines;
        self.reason = self.reason.behind(bytes, lines);
        self
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("place", &self.place)
            .field("reason", &self.reason)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// Where a page goes on behind a part that cannot be read.
pub(crate) enum Resume<S> {
    /// More bytes are needed to tell.
    Wait,
    /// The part stands from `begin` to `end`; the page goes on at `pos` in this state.
    At {
        begin: usize,
        end: usize,
        pos: usize,
        state: S,
    },
}
