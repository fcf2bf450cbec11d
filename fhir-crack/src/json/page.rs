//! The outermost structure of a JSON page: a resource, resources one behind the other or in an array, a Bundle, a
//! Parameters; and Bundles and Parameters in the entries of these, one level deep.

use std::borrow::Cow;

use super::check;
use super::resource::{resource, text_member};
use super::scan::Scan;
use super::tree::Reader;
use crate::halt::{Expected, Halt};
use crate::head::Mode;
use crate::tree::Element;
use crate::work::{Found, List, Work};

/// Where in a page's outermost structure the bytes go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Between two resources: before the page, between two lines, behind the page.
    #[default]
    Outside,
    /// Among the items of an array that is the page; `first` before the first one.
    Array { first: bool },
    /// Among the members of a list of resources: a Bundle, a Parameters.
    Bundle { first: bool, level: Level },
    /// Among its entries.
    Entries { first: bool, level: Level },
    /// Behind a list that is the resource of an entry of the list of this level.
    EntryRest { level: Level },
}

/// Which lists of resources are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    outer: List,
    inner: Option<List>,
    /// Whether the outer one is an item of an array.
    in_array: bool,
}

impl Level {
    fn list(self) -> List {
        self.inner.unwrap_or(self.outer)
    }

    /// Elements open inside an entry: list, array, entry, resource.
    fn depth(self) -> u32 {
        RESOURCE_DEPTH
            + u32::from(self.in_array)
            + if self.inner.is_some() {
                RESOURCE_DEPTH - 1
            } else {
                0
            }
    }

    /// What follows behind the end of the innermost list.
    fn behind(self) -> State {
        match (self.inner, self.in_array) {
            (Some(_), _) => State::EntryRest {
                level: Self { inner: None, ..self },
            },
            (None, true) => State::Array { first: false },
            (None, false) => State::Outside,
        }
    }
}

/// Elements open inside an entry of a list that is the page: list, array, entry, resource.
const RESOURCE_DEPTH: u32 = 4;

/// The byte-order mark in UTF-8, which files joined to one have in the middle.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Takes the next unit of a page: a resource, an entry, a member of the Bundle. `false` if there is none any more.
///
/// State and position are meaningless after an error; the caller keeps what it had before.
pub(crate) fn step(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<bool, Halt> {
    match *state {
        State::Outside => {
            while scan.peek().is_ok() && scan.rest().starts_with(MARK) {
                scan.pos += MARK.len();
            }
            if matches!(scan.peek(), Err(Halt::More)) {
                return Ok(false);
            }
            outside(state, scan, work)?;
        }
        State::Array { first } => array(state, first, scan, work)?,
        State::Bundle { first, level } => bundle(state, first, level, scan, work)?,
        State::Entries { first, level } => entries(state, first, level, scan, work)?,
        State::EntryRest { level } => entry_rest(state, level, scan, work)?,
    }
    Ok(true)
}

fn outside(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    if scan.peek()? == b'[' {
        scan.pos += 1;
        *state = State::Array { first: true };
        return Ok(());
    }
    alone(state, scan, work, false)
}

/// Takes one item of an array that is the page, or its end.
fn array(state: &mut State, first: bool, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    let more = if first {
        !scan.closes(b']')?
    } else {
        scan.more(b']', Expected::Item)?
    };
    if !more {
        *state = State::Outside;
        return Ok(());
    }
    scan.peek()?;
    *state = State::Array { first: false };
    alone(state, scan, work, true)
}

/// Takes a resource that stands alone, or the beginning of a list of resources.
fn alone(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>, in_array: bool) -> Result<(), Halt> {
    work.check_json(scan)?;
    scan.expect(b'{', Expected::Object)?;
    let limit = work.options.limits.depth;
    let name = scan.resource_type(1, limit)?;
    let named = name.map(|name| scan.name_of(name)).transpose()?;
    let list = named.as_deref().and_then(|name| work.list(name));
    if let Some(outer) = list {
        work.page_is(outer.name());
        let level = Level {
            outer,
            inner: None,
            in_array,
        };
        *state = State::Bundle { first: true, level };
        return Ok(());
    }
    let found = resource(scan, work, name, 1 + u32::from(in_array))?;
    match &found {
        Found::Wanted(of_type) => {
            if let Some(of_type) = work.plan.types.get(*of_type as usize) {
                work.page_is(&of_type.name);
            }
        }
        Found::Outcome(_) => work.page_is("OperationOutcome"),
        Found::Other(name) => work.page_is(name),
        Found::Untyped | Found::Nothing => {}
    }
    work.commit(&found, scan.pos)
}

/// Takes one member of the list, or its end.
fn bundle(
    state: &mut State,
    first: bool,
    level: Level,
    scan: &mut Scan<'_>,
    work: &mut Work<'_>,
) -> Result<(), Halt> {
    let more = if first {
        !scan.closes(b'}')?
    } else {
        scan.more(b'}', Expected::BundleMember)?
    };
    if !more {
        *state = level.behind();
        return Ok(());
    }
    let limit = work.options.limits.depth;
    let name = scan.string()?;
    let name = scan.name_of(name)?;
    scan.expect(b':', Expected::Colon)?;
    let value = scan.peek()?;
    *state = State::Bundle { first: false, level };
    let is_page = level.inner.is_none();
    match (&*name, value) {
        (name, b'[') if name == level.list().entries() => {
            scan.pos += 1;
            *state = State::Entries { first: true, level };
        }
        // one entry that stands alone
        (name, b'{') if name == level.list().entries() => return one_entry(state, level, scan, work),
        ("link", b'[' | b'{') if is_page => {
            let mut links = Element::default();
            Reader { scan, limit }.member(&mut links, "link".into(), 1)?;
            for link in links.named("link") {
                work.meta.set_link(
                    link.value_of("relation").unwrap_or_default(),
                    link.value_of("url").unwrap_or_default(),
                );
            }
        }
        ("meta", b'{') if is_page => {
            scan.pos += 1;
            let updated = text_member(scan, "lastUpdated", level.depth() - RESOURCE_DEPTH + 2, limit)?;
            work.meta.updated = updated.map(Cow::into_owned);
        }
        ("type", b'"') if is_page => {
            let kind = scan.string()?;
            work.meta.kind = Some(scan.slice(kind.start(), kind.end()).to_owned());
        }
        ("total", b'0'..=b'9') if is_page => {
            let (start, end) = scan.number()?;
            work.meta.total = scan.slice(start, end).parse().ok();
        }
        ("total", b'"') if is_page => {
            let total = scan.string()?;
            work.meta.total = scan.slice(total.start(), total.end()).parse().ok();
        }
        _ => scan.skip(level.depth() - RESOURCE_DEPTH + 1, limit)?,
    }
    Ok(())
}

/// Takes one entry of the list, or the end of the entries.
fn entries(
    state: &mut State,
    first: bool,
    level: Level,
    scan: &mut Scan<'_>,
    work: &mut Work<'_>,
) -> Result<(), Halt> {
    let more = if first {
        !scan.closes(b']')?
    } else {
        scan.more(b']', Expected::NextEntry)?
    };
    if !more {
        *state = State::Bundle { first: false, level };
        return Ok(());
    }
    *state = State::Entries { first: false, level };
    one_entry(state, level, scan, work)
}

fn one_entry(state: &mut State, level: Level, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    scan.peek()?;
    work.check_json(scan)?;
    if let Some(heads) = &mut work.meta.heads {
        heads.begin();
    }
    let start = *scan;
    let found = entry(scan, work, level.depth())?;
    let inner = match &found {
        Found::Other(name) if level.inner.is_none() => work.nested(name),
        _ => None,
    };
    if let Some(inner) = inner {
        // `entry` where it stands alone is a member, behind which the list goes on as behind an array of it
        let alone = matches!(*state, State::Bundle { .. });
        if !alone && enter(scan, start)? {
            work.unwrapped();
            let inner = Some(inner);
            let level = Level { inner, ..level };
            *state = State::Bundle { first: true, level };
            return Ok(());
        }
    }
    work.commit(&found, scan.pos)?;
    work.keep_head(&found);
    Ok(())
}

/// Goes back into the resource of the entry that began at `start`, behind its opening bracket.
fn enter<'a>(scan: &mut Scan<'a>, start: Scan<'a>) -> Result<bool, Halt> {
    let mut inside = start;
    inside.expect(b'{', Expected::Entry)?;
    loop {
        let name = inside.string()?;
        let name = inside.name_of(name)?;
        inside.expect(b':', Expected::Colon)?;
        if name == "resource" && inside.peek()? == b'{' {
            inside.pos += 1;
            *scan = inside;
            return Ok(true);
        }
        inside.skip(0, u32::MAX)?;
        if !inside.more(b'}', Expected::Member)? {
            return Ok(false);
        }
    }
}

/// Takes the members of an entry behind its resource.
fn entry_rest(state: &mut State, level: Level, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    while scan.more(b'}', Expected::Member)? {
        scan.string()?;
        scan.expect(b':', Expected::Colon)?;
        scan.skip(level.depth() - 1, work.options.limits.depth)?;
    }
    *state = State::Entries { first: false, level };
    Ok(())
}

fn entry<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>, depth: u32) -> Result<Found<'a>, Halt> {
    let limit = work.options.limits.depth;
    let mut found = None;
    scan.expect(b'{', Expected::Entry)?;
    if scan.closes(b'}')? {
        return Ok(Found::Nothing);
    }
    loop {
        let at = scan.pos;
        let name = scan.string()?;
        let name = scan.name_of(name)?;
        scan.expect(b':', Expected::Colon)?;
        match (&*name, scan.peek()?) {
            ("resource", b'{') => {
                if found.is_some() {
                    return Err(Halt::duplicate(at));
                }
                scan.pos += 1;
                let of_type = scan.resource_type(depth, limit)?;
                found = Some(resource(scan, work, of_type, depth)?);
            }
            ("search", b'{') if work.meta.heads.is_some() => {
                scan.pos += 1;
                let mode = text_member(scan, "mode", depth, limit)?;
                if let Some(heads) = &mut work.meta.heads {
                    heads.mode(mode.map(|mode| Mode::read(&mode)).unwrap_or_default());
                }
            }
            _ => scan.skip(depth - 1, limit)?,
        }
        if !scan.more(b'}', Expected::Member)? {
            return Ok(found.unwrap_or(Found::Nothing));
        }
    }
}

impl Work<'_> {
    /// Checks the value at the scan's place to its last comma and escape, where the options ask for it.
    fn check_json(&self, scan: &Scan<'_>) -> Result<(), Halt> {
        if self.options.strict {
            return check::value(*scan, self.options.limits.depth);
        }
        Ok(())
    }
}
