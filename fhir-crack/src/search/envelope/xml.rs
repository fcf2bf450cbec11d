use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Envelope, Mode, ResourceHead, Root};
use crate::search::issue::Issue;

/// Walks the document once and reads the few elements paging needs, told apart by their path.
pub(super) fn read(text: &str) -> Option<Envelope> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = false;
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                walk.enter(&start)?;
                walk.depth += 1;
            }
            Event::Empty(start) => {
                walk.enter(&start)?;
                walk.depth += 1;
                walk.leave();
            }
            Event::End(_) => walk.leave(),
            Event::Eof => break,
            _ => {}
        }
    }
    if walk.depth == 0 && walk.seen_root {
        Some(walk.envelope)
    } else {
        None
    }
}

/// Deepest level the walk looks at: `Bundle/entry/resource/OperationOutcome/issue/code`.
const LEVELS: usize = 6;

#[derive(Default)]
struct Walk {
    envelope: Envelope,
    depth: usize,
    seen_root: bool,
    path: [Name; LEVELS],
    relation_is_next: bool,
    url: Option<String>,
    head: Option<ResourceHead>,
    mode: Mode,
    severity: String,
    code: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Name {
    Bundle,
    OperationOutcome,
    Link,
    Entry,
    Resource,
    Search,
    Issue,
    AnyResource,
    #[default]
    Other,
}

impl Walk {
    /// Handles a start tag at `self.depth`; `None` where the document is broken.
    fn enter(&mut self, start: &BytesStart<'_>) -> Option<()> {
        let depth = self.depth;
        if depth >= LEVELS {
            return Some(());
        }
        let local = start.local_name();
        let local: &str = local.as_ref();
        if depth == 0 {
            self.seen_root = true;
            self.envelope.root = Root::of(local);
        }
        let name = self.name(depth, local);
        self.path[depth] = name;
        match (&self.path[..depth], local) {
            ([], _) => {}
            ([Name::Bundle], "total") => self.envelope.total = value(start)?.trim().parse().ok(),
            ([Name::Bundle], "link") => {
                self.relation_is_next = false;
                self.url = None;
            }
            ([Name::Bundle, Name::Link], "relation") => self.relation_is_next = value(start)? == "next",
            ([Name::Bundle, Name::Link], "url") => self.url = Some(value(start)?),
            ([Name::Bundle], "entry") => {
                self.envelope.entries += 1;
                self.head = None;
                self.mode = Mode::Absent;
            }
            ([Name::Bundle, Name::Entry, Name::Resource], _) => {
                self.head = Some(ResourceHead {
                    resource: local.to_owned(),
                    ..ResourceHead::default()
                });
            }
            ([Name::Bundle, Name::Entry, Name::Resource, _], "id") => {
                let id = value(start)?;
                if let Some(head) = &mut self.head {
                    head.id = id;
                }
            }
            ([Name::Bundle, Name::Entry, Name::Search], "mode") => self.mode = Mode::read(&value(start)?),
            ([.., Name::OperationOutcome], "issue") => {
                self.severity.clear();
                self.code.clear();
            }
            ([.., Name::OperationOutcome, Name::Issue], "severity") => self.severity = value(start)?,
            ([.., Name::OperationOutcome, Name::Issue], "code") => self.code = value(start)?,
            _ => {}
        }
        Some(())
    }

    /// The level's name, as far as it matters below `self.path[..depth]`.
    fn name(&self, depth: usize, local: &str) -> Name {
        match (&self.path[..depth], local) {
            ([], "Bundle") => Name::Bundle,
            ([] | [Name::Bundle, Name::Entry, Name::Resource], "OperationOutcome") => Name::OperationOutcome,
            ([Name::Bundle, Name::Entry, Name::Resource], _) => Name::AnyResource,
            ([Name::Bundle], "link") => Name::Link,
            ([Name::Bundle], "entry") => Name::Entry,
            ([Name::Bundle, Name::Entry], "resource") => Name::Resource,
            ([Name::Bundle, Name::Entry], "search") => Name::Search,
            ([.., Name::OperationOutcome], "issue") => Name::Issue,
            _ => Name::Other,
        }
    }

    /// Handles the end of the element at `self.depth - 1`.
    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        match self.path.get(self.depth) {
            Some(Name::Link) if self.relation_is_next => self.envelope.next = self.url.take(),
            Some(Name::Entry) => {
                if let Some(mut head) = self.head.take() {
                    head.mode = self.mode;
                    self.envelope.resources.push(head);
                }
            }
            Some(Name::Issue) => self.envelope.issues.push(Issue::read(&self.severity, &self.code)),
            _ => {}
        }
    }
}

/// The attribute `value`; empty where there is none, `None` where the tag is broken.
fn value(start: &BytesStart<'_>) -> Option<String> {
    match start.try_get_attribute("value").ok()? {
        Some(attribute) => Some(
            attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .ok()?
                .into_owned(),
        ),
        None => Some(String::new()),
    }
}
