//! What paging needs to know of an answer. The cracker reads it, with a plan that wants no value: who pages and who cracks
//! can not disagree about what a page holds.

pub(crate) mod guess;
pub(crate) mod issue;
pub(crate) mod page;

use std::sync::{Arc, LazyLock};

use table_description::Description;

use crate::head::{Head, Mode};
use crate::issue::Issue;
use crate::search::envelope::page::Format;
use crate::{Decoder, Options, Plan};

/// Everything around the resources of an answer, and which resources they are.
#[derive(Default)]
pub(crate) struct Envelope {
    pub(crate) root: Root,
    /// `Bundle.total`.
    pub(crate) total: Option<u64>,
    /// URL of the link with the relation `next`.
    pub(crate) next: Option<String>,
    /// URL of the link with the relation `self`: what the server understood of the search.
    pub(crate) self_link: Option<String>,
    /// `Bundle.meta.lastUpdated`.
    pub(crate) updated: Option<String>,
    /// Entries of the bundle, whatever they hold; those of Bundles among them as well.
    pub(crate) entries: u32,
    /// Entries that cannot be read.
    pub(crate) unread: u32,
    /// Whether what cannot be read reaches to the end, so that more may have followed.
    pub(crate) is_cut: bool,
    /// Type and id of every resource, in order.
    pub(crate) resources: Vec<Head>,
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
    fn of(name: Option<String>) -> Root {
        match name.as_deref() {
            Some("Bundle") => Root::Bundle,
            Some("OperationOutcome") => Root::OperationOutcome,
            _ => Root::Resource(name.unwrap_or_default()),
        }
    }
}

impl Head {
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
}

/// A plan that wants nothing.
static NOTHING: LazyLock<Option<Arc<Plan>>> =
    LazyLock::new(|| Plan::new(&Description::default()).ok().map(Arc::new));

impl Envelope {
    /// Reads JSON or XML, whichever it is; `None` where the text is neither.
    ///
    /// Entries that cannot be read are counted, and what stands behind them is read.
    pub(crate) fn read(body: &[u8]) -> Option<(Format, Envelope)> {
        let format = Format::sniff(body)?;
        let plan = Arc::clone(NOTHING.as_ref()?);
        let mut decoder = Decoder::for_whole_pages(plan, Options::default());
        decoder.keep_heads();
        decoder.push(body).ok()?;
        let meta = decoder.end_page().ok()?;
        let summary = decoder.summary();
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let envelope = Envelope {
            root: Root::of(meta.resource),
            total: meta.total,
            next: meta.next,
            self_link: meta.self_link,
            updated: meta.updated,
            entries: count(summary.entries),
            unread: count(summary.rejected),
            is_cut: meta.is_cut,
            resources: meta.heads.map(|heads| heads.kept).unwrap_or_default(),
            issues: meta.issues,
        };
        Some((format, envelope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(resource: &'static str, id: &str, mode: Mode) -> Head {
        Head {
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
            assert_eq!(envelope.issues, [Issue::new("warning", "value")]);
        }
    }

    #[test]
    fn bodies_that_break_off_are_known_as_such() {
        for text in [JSON, XML] {
            let end = text.trim_end().len();
            for cut in (0..end).step_by(7).chain([end - 1]) {
                let read = Envelope::read(&text.as_bytes()[..cut]);
                assert!(read.is_none_or(|(_, read)| read.is_cut), "cut at {cut}");
            }
        }
        for text in ["", "   ", "OK", "<html><body>502</body>", "[1]x", "null"] {
            let read = Envelope::read(text.as_bytes());
            assert!(
                read.is_none_or(|(_, read)| read.root == Root::default()),
                "{text}"
            );
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
