//! The outermost structure of an XML page: a resource or several documents one behind the other, a Bundle, a Parameters; and
//! Bundles and Parameters in the entries of these, one level deep.

use std::borrow::Cow;

use super::heads::{note_head, value_of_child};
use super::scan::{Next, Scan, Tag};
use super::tree;
use super::walk::Walk;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::head::Mode;
use crate::index_path::IndexPath;
use crate::tree::Element;
use crate::types;
use crate::work::{Found, List, Work};

/// Where in a page's outermost structure the bytes go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Before the outermost element.
    #[default]
    Before,
    /// Among the children of a list of resources: a Bundle, a Parameters.
    Bundle { level: Level },
    /// Behind a list that is the resource of an entry of the list of this level.
    EntryRest { level: Level },
    /// Behind the outermost element.
    Behind,
}

/// Which lists of resources are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    outer: List,
    inner: Option<List>,
    /// Whether names have a prefix.
    prefixed: bool,
}

impl Level {
    fn list(self) -> List {
        self.inner.unwrap_or(self.outer)
    }

    /// Elements open inside an entry: list, entry, `resource`, the resource itself.
    fn depth(self) -> u32 {
        if self.inner.is_some() {
            2 * RESOURCE_DEPTH - 1
        } else {
            RESOURCE_DEPTH
        }
    }
}

/// Elements open inside an entry of a list that is the page.
const RESOURCE_DEPTH: u32 = 4;

/// Takes the next unit of a page: a resource, an entry, a child of the Bundle. `false` if there is none any more.
///
/// State and position are meaningless after an error; the caller keeps what it had before.
pub(crate) fn step(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<bool, Halt> {
    match *state {
        State::Before => before(state, scan, work)?,
        State::Bundle { level } => bundle(state, level, scan, work)?,
        State::EntryRest { level } => entry_rest(state, level, scan)?,
        State::Behind => {
            return match scan.next() {
                Err(Halt::More) if is_blank(scan.rest()) => Ok(false),
                Err(halt) => Err(halt),
                // files joined to one
                Ok(Next::Start) if scan.rest().get(1).is_some_and(u8::is_ascii_uppercase) => {
                    *state = State::Before;
                    Ok(true)
                }
                Ok(_) => Err(Halt::syntax(Expected::DocumentEnd, scan.pos)),
            };
        }
    }
    Ok(true)
}

fn is_blank(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).is_empty()
}

fn before(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    if scan.next()? == Next::End {
        return Err(Halt::syntax(Expected::Element, scan.pos));
    }
    let mut ahead = *scan;
    let tag = ahead.start_tag()?;
    let is_known = types::known(tag.name).is_some() || work.plan.type_of(tag.name).is_some();
    if !is_known || !is_fhir(scan.slice(scan.pos, ahead.pos), &tag) {
        return Err(Halt::syntax(Expected::Resource, scan.pos));
    }
    work.page_is(tag.name);
    work.meta.foreign_prefixes = tree::foreign_prefixes(scan.slice(scan.pos, ahead.pos));
    if let Some(outer) = work.list(tag.name) {
        *scan = ahead;
        let level = Level {
            outer,
            inner: None,
            prefixed: tag.prefixed,
        };
        *state = if tag.empty {
            State::Behind
        } else {
            State::Bundle { level }
        };
        return Ok(());
    }
    work.check_xml(scan, 0)?;
    let found = resource(scan, work, 1)?;
    work.commit(&found, scan.pos)?;
    *state = State::Behind;
    Ok(())
}

/// Whether a document's outermost element is in FHIR's namespace, or in none.
fn is_fhir(text: &str, tag: &Tag<'_>) -> bool {
    let attributes = text.get(1 + tag.name.len()..).unwrap_or_default();
    let alone = attributes
        .strip_prefix(" xmlns=\"")
        .and_then(|rest| rest.strip_suffix("\">"));
    if !tag.prefixed && (attributes == ">" || alone == Some(FHIR)) {
        return true;
    }
    let declared = match tag.prefixed {
        false => text.split("xmlns=").nth(1),
        true => {
            let prefix = text.trim_start_matches('<').split(':').next().unwrap_or_default();
            text.split(&format!("xmlns:{prefix}=")).nth(1)
        }
    };
    let uri = declared.and_then(|text| text.get(1..)?.split(['"', '\'']).next());
    uri.is_none_or(|uri| uri == FHIR)
}

const FHIR: &str = "http://hl7.org/fhir";

/// Takes one child of the list, or its end.
fn bundle(state: &mut State, level: Level, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    if scan.next()? == Next::End {
        scan.end_of(level.list().name())?;
        *state = match level.inner {
            Some(_) => State::EntryRest {
                level: Level { inner: None, ..level },
            },
            None => State::Behind,
        };
        return Ok(());
    }
    let limit = work.options.limits.depth;
    let start = scan.pos;
    let mut ahead = *scan;
    let tag = ahead.start_tag()?;
    match tag.name {
        name if name == level.list().entries() => {
            work.check_xml(scan, level.depth() - RESOURCE_DEPTH + 1)?;
            let begin = *scan;
            if let Some(heads) = &mut work.meta.heads {
                heads.begin();
            }
            let found = entry(scan, work, level.prefixed || tag.prefixed, level.depth())?;
            let inner = match &found {
                Found::Other(name) if level.inner.is_none() => work.nested(name),
                _ => None,
            };
            if let Some(inner) = inner
                && enter(scan, begin)?
            {
                work.unwrapped();
                let inner = Some(inner);
                *state = State::Bundle {
                    level: Level { inner, ..level },
                };
                return Ok(());
            }
            work.commit(&found, scan.pos)?;
            work.keep_head(&found);
        }
        "link" | "type" | "total" | "meta" if level.inner.is_none() => {
            let (element, end) = tree::read(scan.text, start, 1, limit, &[])?;
            scan.pos = end;
            member(&element, work);
        }
        _ => scan.skip(level.depth() - RESOURCE_DEPTH + 2, limit)?,
    }
    Ok(())
}

/// Goes back into the list in the entry that began at `start`, behind its start tag; not into one that is empty.
fn enter<'a>(scan: &mut Scan<'a>, start: Scan<'a>) -> Result<bool, Halt> {
    let mut inside = start;
    inside.start_tag()?;
    while inside.next()? == Next::Start {
        let tag = inside.start_tag()?;
        if tag.name == "resource" && !tag.empty {
            if inside.next()? == Next::Start && !inside.start_tag()?.empty {
                *scan = inside;
                return Ok(true);
            }
            return Ok(false);
        }
        if !tag.empty {
            inside.skip_content(tag.name, 0, u32::MAX)?;
        }
    }
    Ok(false)
}

/// Takes what follows in an entry behind a list that was its resource.
fn entry_rest(state: &mut State, level: Level, scan: &mut Scan<'_>) -> Result<(), Halt> {
    for name in ["resource", level.list().entries()] {
        while scan.next()? == Next::Start {
            scan.skip(0, u32::MAX)?;
        }
        scan.end_of(name)?;
    }
    *state = State::Bundle { level };
    Ok(())
}

fn member(element: &Element<'_>, work: &mut Work<'_>) {
    let value = element.attribute("value");
    match &*element.name {
        "type" => work.meta.kind = value.map(str::to_owned),
        "total" => work.meta.total = value.and_then(|v| v.trim().parse().ok()),
        "meta" => work.meta.updated = element.value_of("lastUpdated").map(str::to_owned),
        _ => work.meta.set_link(
            element.value_of("relation").unwrap_or_default(),
            element.value_of("url").unwrap_or_default(),
        ),
    }
}

/// Takes an entry, the fast way if its form allows it.
fn entry<'a>(
    scan: &mut Scan<'a>,
    work: &mut Work<'_>,
    prefixed: bool,
    depth: u32,
) -> Result<Found<'a>, Halt> {
    let start = scan.pos;
    if !prefixed {
        match entry_of_usual_form(scan, work, depth) {
            Err(Halt::Unusual) => work.rows.rollback(),
            usual => return usual,
        }
    }
    scan.pos = start;
    let limit = work.options.limits.depth;
    let (entry, end) = tree::read(scan.text, start, 1, limit, &work.meta.foreign_prefixes)?;
    scan.pos = end;
    if let (Some(heads), Some(search)) = (&mut work.meta.heads, entry.named("search").next()) {
        heads.mode(Mode::read(search.value_of("mode").unwrap_or_default()));
    }
    let resource = entry.children.into_iter().find(|c| c.name == "resource");
    match resource.and_then(|r| r.children.into_iter().next()) {
        Some(resource) => of_tree(resource, scan.pos, work),
        None => Ok(Found::Nothing),
    }
}

fn entry_of_usual_form<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>, depth: u32) -> Result<Found<'a>, Halt> {
    let limit = work.options.limits.depth;
    let mut found = None;
    let entry = scan.start_tag()?;
    if entry.empty {
        return Ok(Found::Nothing);
    }
    while scan.next()? == Next::Start {
        let tag = scan.start_tag()?;
        if tag.prefixed {
            return Err(Halt::Unusual);
        }
        if tag.empty {
            continue;
        }
        if tag.name == "search"
            && let Some(heads) = &mut work.meta.heads
        {
            let mode = value_of_child(scan, "mode", depth - 1, limit)?;
            heads.mode(Mode::read(&mode));
            scan.skip_content(tag.name, depth - 1, limit)?;
            continue;
        }
        if tag.name != "resource" {
            scan.skip_content(tag.name, depth - 1, limit)?;
            continue;
        }
        if found.is_some() {
            return Err(Halt::duplicate(scan.pos));
        }
        if scan.next()? == Next::Start {
            found = Some(resource_of_usual_form(scan, work, depth)?);
        }
        if scan.next()? == Next::Start {
            return Err(Halt::syntax(Expected::OneResource, scan.pos));
        }
        scan.end_of("resource")?;
    }
    scan.end_of(entry.name)?;
    Ok(found.unwrap_or(Found::Nothing))
}

/// Takes a resource that is the whole page.
fn resource<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>, depth: u32) -> Result<Found<'a>, Halt> {
    let start = scan.pos;
    match resource_of_usual_form(scan, work, depth) {
        Err(Halt::Unusual) => work.rows.rollback(),
        usual => return usual,
    }
    let limit = work.options.limits.depth;
    let (resource, end) = tree::read(scan.text, start, depth - 1, limit, &work.meta.foreign_prefixes)?;
    scan.pos = end;
    of_tree(resource, end, work)
}

/// Takes a resource, `depth` elements being open with it.
fn resource_of_usual_form<'a>(
    scan: &mut Scan<'a>,
    work: &mut Work<'_>,
    depth: u32,
) -> Result<Found<'a>, Halt> {
    let start = scan.pos;
    let tag = scan.start_tag()?;
    if tag.prefixed || !is_fhir(scan.slice(start, scan.pos), &tag) {
        return Err(Halt::Unusual);
    }
    let limit = work.options.limits.depth;
    if depth > limit {
        return Err(Halt::limit(Limit::Depth, start));
    }
    if let Some(number) = work.plan.type_of(tag.name) {
        let of_type = work.plan.types.get(number as usize);
        if work.rows.records() {
            let root = of_type.map_or(0, |t| t.root);
            if !tag.empty {
                recorded(scan, work, root, tag.name, depth)?;
            }
            return Ok(Found::Wanted(number));
        }
        if of_type.is_some_and(|t| work.needs_tree(t)) && !work.walks() {
            return Err(Halt::Unusual);
        }
        if !tag.empty {
            let root = work.plan.types.get(number as usize).map_or(0, |t| t.root);
            let mut walk = Walk {
                scan: *scan,
                plan: work.plan,
                rows: work.rows,
                learned: work.learned,
                limits: &work.options.limits,
                index: IndexPath::new(),
            };
            walk.content(root, tag.name.as_bytes(), depth)?;
            scan.pos = walk.scan.pos;
        }
        if of_type.is_some_and(|t| work.needs_tree(t)) {
            let (resource, _) = tree::read(scan.text, start, depth - 1, limit, &work.meta.foreign_prefixes)?;
            work.push_resource(number, &resource, true, start)?;
        }
        return Ok(Found::Wanted(number));
    }
    if tag.name == "OperationOutcome" {
        let (outcome, end) = tree::read(scan.text, start, depth - 1, limit, &[])?;
        scan.pos = end;
        note_head(&outcome, work);
        return Ok(Found::Outcome(outcome));
    }
    if let Some(heads) = &mut work.meta.heads {
        let id = if tag.empty {
            Cow::default()
        } else {
            value_of_child(scan, "id", depth, limit)?
        };
        heads.resource(tag.name, &id);
    }
    if !tag.empty {
        scan.skip_content(tag.name, depth, limit)?;
    }
    Ok(Found::Other(tag.name.into()))
}

/// Takes a resource the elements of which are recorded, its start tag taken.
fn recorded(scan: &mut Scan<'_>, work: &mut Work<'_>, root: u32, name: &str, depth: u32) -> Result<(), Halt> {
    let Some(mut recorder) = work.rows.recorder(true) else {
        return Ok(());
    };
    let mut walk = Walk {
        scan: *scan,
        plan: work.plan,
        rows: &mut recorder,
        learned: work.learned,
        limits: &work.options.limits,
        index: IndexPath::new(),
    };
    walk.content(root, name.as_bytes(), depth)?;
    scan.pos = walk.scan.pos;
    recorder.finish();
    Ok(())
}

/// Pushes the values of a resource read as a tree. `at` is where it ends in the page.
fn of_tree<'a>(resource: Element<'a>, at: usize, work: &mut Work<'_>) -> Result<Found<'a>, Halt> {
    note_head(&resource, work);
    if let Some(number) = work.plan.type_of(&resource.name) {
        work.push_resource(number, &resource, false, at)?;
        return Ok(Found::Wanted(number));
    }
    Ok(if resource.name == "OperationOutcome" {
        Found::Outcome(resource)
    } else {
        Found::Other(resource.name)
    })
}

impl Work<'_> {
    /// Checks the element at the scan's place to its last attribute, where the options ask for it.
    fn check_xml(&self, scan: &Scan<'_>, depth: u32) -> Result<(), Halt> {
        if self.options.strict {
            tree::read(scan.text, scan.pos, depth, self.options.limits.depth, &[])?;
        }
        Ok(())
    }
}
