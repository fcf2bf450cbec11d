use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use table_description::Description;

use super::issue::Issue;
use super::page::Format;
use crate::{Options, Plan, crack_with};

mod json;
mod scan;
mod tags;
mod xml;

/// What paging needs to know of an answer: everything around the resources, and which resources they are.
#[derive(Default)]
pub(crate) struct Envelope {
    pub(crate) root: Root,
    /// `Bundle.total`.
    pub(crate) total: Option<u64>,
    /// URL of the link with the relation `next`.
    pub(crate) next: Option<String>,
    /// URL of the link with the relation `self`: what the server understood of the search.
    pub(crate) self_link: Option<String>,
    /// Entries of the bundle, whatever they hold.
    pub(crate) entries: u32,
    /// Type and id of every resource, in order; empty texts where the server left them out.
    pub(crate) resources: Vec<ResourceHead>,
    /// Issues of an OperationOutcome, as the root or as an entry.
    pub(crate) issues: Vec<Issue>,
}

/// The root element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Bundle,
    OperationOutcome,
    /// Any other resource type; empty where none is named.
    Resource(String),
}

impl Default for Root {
    fn default() -> Root {
        Root::Resource(String::new())
    }
}

impl Root {
    fn of(name: &str) -> Root {
        match name {
            "Bundle" => Root::Bundle,
            "OperationOutcome" => Root::OperationOutcome,
            other => Root::Resource(other.to_owned()),
        }
    }
}

/// Which resource an entry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceHead {
    pub(crate) resource: String,
    pub(crate) id: String,
    pub(crate) mode: Mode,
}

/// `Bundle.entry.search.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Absent,
    Match,
    Include,
    Outcome,
}

impl Mode {
    fn read(text: &str) -> Mode {
        match text {
            "match" => Mode::Match,
            "include" => Mode::Include,
            "outcome" => Mode::Outcome,
            _ => Mode::Absent,
        }
    }
}

impl ResourceHead {
    /// Whether the resource counts for `Bundle.total` in a search for `resource`.
    pub(crate) fn is_match(&self, resource: &str) -> bool {
        match self.mode {
            Mode::Match => true,
            Mode::Include | Mode::Outcome => false,
            // Of `Patient/_history` the type counts.
            Mode::Absent => {
                resource.is_empty()
                    || resource
                        .split('/')
                        .next()
                        .is_some_and(|kind| kind == self.resource)
            }
        }
    }

    /// A number that stands for type and id, so that a million resources are remembered in a few megabytes.
    pub(crate) fn key(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one((&self.resource, &self.id))
    }
}

impl Envelope {
    /// Takes a link; one without an address leads nowhere. Relations are compared without regard to case (RFC 8288).
    fn set_link(&mut self, relation: &str, url: String) {
        if url.trim().is_empty() {
            return;
        }
        if relation.eq_ignore_ascii_case("next") {
            self.next = Some(url);
        } else if relation.eq_ignore_ascii_case("self") {
            self.self_link = Some(url);
        }
    }

    /// What the cracker reads of a Bundle that is not well-formed: its resources are set aside or taken one by one.
    pub(crate) fn salvage(body: &[u8]) -> Option<(Format, Envelope)> {
        let format = Format::sniff(body)?;
        let plan = Plan::new(&Description::default()).ok()?;
        let cracked = crack_with(body, &Arc::new(plan), Options::default()).ok()?;
        if cracked.meta.resource.as_deref() != Some("Bundle")
            || cracked.summary.entries == cracked.summary.rejected
        {
            return None;
        }
        let envelope = Envelope {
            root: Root::Bundle,
            total: cracked.meta.total,
            next: cracked.meta.next,
            self_link: cracked.meta.self_link,
            entries: u32::try_from(cracked.summary.entries).unwrap_or(u32::MAX),
            ..Envelope::default()
        };
        Some((format, envelope))
    }

    /// Reads JSON or XML, whichever it is; `None` where the text is neither or breaks off.
    pub(crate) fn read(body: &[u8]) -> Option<(Format, Envelope)> {
        let format = Format::sniff(body)?;
        let envelope = match format {
            Format::Json => json::read(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)),
            Format::Xml => xml::read(&utf8(body)?),
        }?;
        Some((format, envelope))
    }
}

/// The body as UTF-8: by its byte order mark, else by its XML declaration, else as it is.
fn utf8(body: &[u8]) -> Option<Cow<'_, str>> {
    let encoding = match encoding_rs::Encoding::for_bom(body) {
        Some((encoding, _)) => encoding,
        None => declared(body)
            .and_then(encoding_rs::Encoding::for_label)
            .unwrap_or(encoding_rs::UTF_8),
    };
    let (text, _, bad) = encoding.decode(body);
    if bad { None } else { Some(text) }
}

fn declared(body: &[u8]) -> Option<&[u8]> {
    let head = &body[..body.len().min(200)];
    let head = &head[..memchr::memmem::find(head, b"?>")?];
    let label = &head[memchr::memmem::find(head, b"encoding")? + 8..];
    let from = memchr::memchr2(b'"', b'\'', label)?;
    let len = memchr::memchr(label[from], &label[from + 1..])?;
    Some(&label[from + 1..from + 1 + len])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(resource: &str, id: &str, mode: Mode) -> ResourceHead {
        ResourceHead {
            resource: resource.into(),
            id: id.into(),
            mode,
        }
    }

    const JSON: &str = r#"{"resourceType":"Bundle","id":"x","total":3,"extra":{"link":[{"relation":"next"}]},
      "link":[{"relation":"self","url":"http://h/a"},{"relation":"next","url":"http://h/b?x=1&y=2"}],
      "entry":[{"fullUrl":"u","resource":{"resourceType":"Patient","id":"1","contained":[{"resourceType":"X","id":"9"}]},
                "search":{"mode":"match"}},
               {"resource":{"id":"2","resourceType":"Patient"}},
               {"resource":{"resourceType":"Organization","id":"3"},"search":{"mode":"include"}},
               {"request":{"method":"GET"}},
               {"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"value"}]},
                "search":{"mode":"outcome"}}]}"#;
    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><!-- c --><f:Bundle xmlns:f="http://hl7.org/fhir">
      <f:id value="x"/><f:total value="3"></f:total>
      <f:link><f:relation value="self"/><f:url value="http://h/a"/></f:link>
      <f:link><f:relation value="next"/><f:url value="http://h/b?x=1&amp;y=2"/></f:link>
      <f:entry><f:fullUrl value="u"/><f:resource><f:Patient><f:id value="1"/><f:contained><f:X><f:id value="9"/></f:X></f:contained></f:Patient></f:resource>
        <f:search><f:mode value="match"/></f:search></f:entry>
      <f:entry><f:resource><f:Patient><f:id value="2"/></f:Patient></f:resource></f:entry>
      <f:entry><f:resource><f:Organization><f:id value="3"/></f:Organization></f:resource><f:search><f:mode value="include"/></f:search></f:entry>
      <f:entry><f:request><f:method value="GET"/></f:request></f:entry>
      <f:entry><f:resource><f:OperationOutcome><f:issue><f:severity value="warning"/><f:code value="value"/></f:issue></f:OperationOutcome></f:resource>
        <f:search><f:mode value="outcome"/></f:search></f:entry></f:Bundle>"#;

    #[test]
    fn json_and_xml_read_the_same() {
        for (text, format) in [(JSON, Format::Json), (XML, Format::Xml)] {
            let (found, envelope) = Envelope::read(text.as_bytes()).expect("envelope");
            assert_eq!(found, format);
            assert_eq!(envelope.root, Root::Bundle);
            assert_eq!(envelope.total, Some(3));
            assert_eq!(envelope.next.as_deref(), Some("http://h/b?x=1&y=2"));
            assert_eq!(envelope.entries, 5);
            assert_eq!(
                envelope.resources,
                [
                    head("Patient", "1", Mode::Match),
                    head("Patient", "2", Mode::Absent),
                    head("Organization", "3", Mode::Include),
                    head("OperationOutcome", "", Mode::Outcome),
                ]
            );
            assert_eq!(envelope.issues, [Issue::read("warning", "value")]);
        }
    }

    #[test]
    fn bodies_that_break_off_are_no_envelope() {
        for text in [JSON, XML] {
            let end = text.trim_end().len();
            for cut in (0..end).step_by(7).chain([end - 1]) {
                assert!(Envelope::read(&text.as_bytes()[..cut]).is_none(), "cut at {cut}");
            }
        }
        for text in ["", "   ", "OK", "<html><body>502</body>", "[1]x", "null"] {
            assert!(Envelope::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn outcomes() {
        for text in [
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"throttled","diagnostics":"d"}]}"#,
            r#"<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="error"/><code value="throttled"/></issue></OperationOutcome>"#,
        ] {
            let (_, envelope) = Envelope::read(text.as_bytes()).expect("envelope");
            assert_eq!(envelope.root, Root::OperationOutcome);
            assert_eq!(Issue::codes(&envelope.issues), ["throttled"]);
        }
    }

    #[test]
    fn other_encodings() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><Bundle><link><relation value='next'/><url value='?q=\xE4'/></link></Bundle>";
        let (_, envelope) = Envelope::read(latin).expect("latin");
        assert_eq!(envelope.next.as_deref(), Some("?q=\u{e4}"));
        let wide: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain("<Bundle/>".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(Envelope::read(&wide).expect("utf-16").1.root, Root::Bundle);
        assert!(Envelope::read("\u{feff}{\"resourceType\":\"Bundle\"}".as_bytes()).is_some());
    }
}
