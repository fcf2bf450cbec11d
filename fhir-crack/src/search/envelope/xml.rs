use super::tags::{Passage, Start, Tag, Tags};
use super::{Envelope, Mode, ResourceHead, Root};
use crate::search::issue::Issue;

/// Walks the document once and reads the few elements paging needs, told apart by their path.
pub(super) fn read(text: &str) -> Option<Envelope> {
    let mut tags = Tags::new(text);
    let mut walk = Walk::default();
    let mut passage = None;
    loop {
        match tags.next()? {
            Tag::Open(start) => {
                walk.enter(start)?;
                walk.depth += 1;
            }
            Tag::Empty(start) => {
                walk.enter(start)?;
                walk.depth += 1;
                walk.leave()?;
                // nothing more is asked of a resource that is known by type and id
                if walk.knows_resource()
                    && tags.pass(passage.get_or_insert_with(|| Passage::of(walk.resource)))
                {
                    walk.depth = RESOURCE;
                }
            }
            Tag::Close => walk.leave()?,
            Tag::End => break,
        }
    }
    if walk.depth == 0 && walk.seen_root {
        Some(walk.envelope)
    } else {
        None
    }
}

/// How many elements are open inside of `Bundle/entry/resource`.
const RESOURCE: usize = 3;

/// Deepest level the walk looks at: `Bundle/entry/resource/OperationOutcome/issue/code`.
const LEVELS: usize = 6;

#[derive(Default)]
struct Walk<'a> {
    envelope: Envelope,
    /// Name of the element round a resource, as written in the first entry.
    resource: &'a str,
    depth: usize,
    seen_root: bool,
    path: [Name; LEVELS],
    relation: String,
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
    Id,
    #[default]
    Other,
}

impl<'a> Walk<'a> {
    /// Whether the element just left was the id of a resource that is no OperationOutcome.
    fn knows_resource(&self) -> bool {
        const PATH: [Name; 5] = [
            Name::Bundle,
            Name::Entry,
            Name::Resource,
            Name::AnyResource,
            Name::Id,
        ];
        self.depth == RESOURCE + 1 && self.path[..=self.depth] == PATH
    }

    /// Handles a start tag at `self.depth`; `None` where the document is broken.
    fn enter(&mut self, start: Start<'a>) -> Option<()> {
        let depth = self.depth;
        if depth >= LEVELS {
            return Some(());
        }
        let local = start.local_name();
        if depth == 0 {
            self.seen_root = true;
            self.envelope.root = Root::of(local);
        }
        let name = self.name(depth, local);
        self.path[depth] = name;
        match (&self.path[..depth], local) {
            ([], _) => {}
            ([Name::Bundle], "total") => self.envelope.total = start.value()?.trim().parse().ok(),
            ([Name::Bundle], "link") => {
                self.relation.clear();
                self.url = None;
            }
            ([Name::Bundle, Name::Link], "relation") => self.relation = start.value()?,
            ([Name::Bundle, Name::Link], "url") => self.url = Some(start.value()?),
            ([Name::Bundle], "entry") => {
                self.envelope.entries += 1;
                self.head = None;
                self.mode = Mode::Absent;
            }
            ([Name::Bundle, Name::Entry], "resource") if self.resource.is_empty() => {
                self.resource = start.name();
            }
            ([Name::Bundle, Name::Entry, Name::Resource], _) => {
                self.head = Some(ResourceHead {
                    resource: local.to_owned(),
                    ..ResourceHead::default()
                });
            }
            ([Name::Bundle, Name::Entry, Name::Resource, _], "id") => {
                let id = start.value()?;
                if let Some(head) = &mut self.head {
                    head.id = id;
                }
            }
            ([Name::Bundle, Name::Entry, Name::Search], "mode") => self.mode = Mode::read(&start.value()?),
            ([.., Name::OperationOutcome], "issue") => {
                self.severity.clear();
                self.code.clear();
            }
            ([.., Name::OperationOutcome, Name::Issue], "severity") => self.severity = start.value()?,
            ([.., Name::OperationOutcome, Name::Issue], "code") => self.code = start.value()?,
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
            ([Name::Bundle, Name::Entry, Name::Resource, Name::AnyResource], "id") => Name::Id,
            ([Name::Bundle, Name::Entry], "search") => Name::Search,
            ([.., Name::OperationOutcome], "issue") => Name::Issue,
            _ => Name::Other,
        }
    }

    /// Handles the end of the element at `self.depth - 1`; `None` where there is none.
    fn leave(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        match self.path.get(self.depth) {
            Some(Name::Link) => {
                let url = self.url.take().unwrap_or_default();
                self.envelope.set_link(&self.relation, url);
            }
            Some(Name::Entry) => {
                if let Some(mut head) = self.head.take() {
                    head.mode = self.mode;
                    self.envelope.resources.push(head);
                }
            }
            Some(Name::Issue) => self.envelope.issues.push(Issue::read(&self.severity, &self.code)),
            _ => {}
        }
        Some(())
    }
}
