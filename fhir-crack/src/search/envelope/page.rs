use std::fmt;

use bytes::Bytes;

/// The body of one page as it arrived, and what is known about it.
///
/// `Debug` shows sizes and counts, nothing of the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Page {
    /// Place in the search, counted from 1; it goes on counting when the search has to start anew.
    pub number: u32,
    /// Body without its transport compression.
    pub bytes: Bytes,
    /// What the body is, told from its content and not from its header.
    pub format: Format,
    /// Entries in the bundle, those of included resources and outcomes counted.
    pub entries: u32,
    /// `Bundle.total` on this page.
    pub total: Option<u64>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("number", &self.number)
            .field("bytes", &self.bytes.len())
            .field("format", &self.format)
            .field("entries", &self.entries)
            .field("total", &self.total)
            .finish()
    }
}

/// How a resource is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `application/fhir+json`.
    #[default]
    Json,
    /// `application/fhir+xml`.
    Xml,
}

impl Format {
    /// Tells JSON from XML by the first byte that counts; `None` where it is neither.
    pub fn sniff(body: &[u8]) -> Option<Format> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        match body.iter().find(|byte| !byte.is_ascii_whitespace())? {
            b'{' => Some(Format::Json),
            b'<' => Some(Format::Xml),
            // byte order marks of UTF-16, which FHIR JSON never has
            0xFE | 0xFF => Some(Format::Xml),
            _ => None,
        }
    }

    /// The media type of FHIR R4.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/fhir+json",
            Format::Xml => "application/fhir+xml",
        }
    }

    /// File name extension, without dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Xml => "xml",
        }
    }
}
