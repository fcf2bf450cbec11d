use super::scan::{Scan, StringSpan};
use super::tree::Reader;
use super::walk::Walk;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::index_path::IndexPath;
use crate::tree::Element;
use crate::work::{Found, Work};

/// Where in a page's outermost structure the bytes go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Between two resources: before the page, between two lines, behind the page.
    #[default]
    Outside,
    /// Among the members of a Bundle; `first` before the first one.
    Bundle { first: bool },
    /// Among the entries of a Bundle.
    Entries { first: bool },
}

/// Elements open inside an entry: Bundle, array, entry, resource.
const RESOURCE_DEPTH: u32 = 4;

/// Takes the next unit of a page: a resource, an entry, a member of the Bundle. `false` if there is none any more.
///
/// State and position are meaningless after an error; the caller keeps what it had before.
pub(crate) fn step(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<bool, Halt> {
    match *state {
        State::Outside => {
            if matches!(scan.peek(), Err(Halt::More)) {
                return Ok(false);
            }
            outside(state, scan, work)?;
        }
        State::Bundle { first } => bundle(state, first, scan, work)?,
        State::Entries { first } => entries(state, first, scan, work)?,
    }
    Ok(true)
}

fn outside(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    scan.expect(b'{', Expected::Object)?;
    let limit = work.options.limits.depth;
    let name = scan.resource_type(1, limit)?;
    if name.is_some_and(|name| scan.slice(name.start(), name.end()) == "Bundle") {
        work.page_is("Bundle");
        *state = State::Bundle { first: true };
        return Ok(());
    }
    let found = resource(scan, work, name, 1)?;
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
    commit(scan, work, &found)
}

fn commit(scan: &Scan<'_>, work: &mut Work<'_>, found: &Found<'_>) -> Result<(), Halt> {
    work.commit(found).map_err(|limit| Halt::limit(limit, scan.pos))
}

/// Takes one member of the Bundle, or its end.
fn bundle(state: &mut State, first: bool, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    let more = if first {
        !scan.closes(b'}')?
    } else {
        scan.more(b'}', Expected::BundleMember)?
    };
    if !more {
        *state = State::Outside;
        return Ok(());
    }
    let limit = work.options.limits.depth;
    let name = scan.string()?;
    let name = scan.slice(name.start(), name.end());
    scan.expect(b':', Expected::Colon)?;
    let value = scan.peek()?;
    match (name, value) {
        ("entry", b'[') => {
            scan.pos += 1;
            *state = State::Entries { first: true };
            return Ok(());
        }
        ("link", b'[') => {
            let mut links = Element::default();
            Reader { scan, limit }.member(&mut links, "link".into(), 1)?;
            for link in links.named("link") {
                work.meta.set_link(
                    link.value_of("relation").unwrap_or_default(),
                    link.value_of("url").unwrap_or_default(),
                );
            }
        }
        ("type", b'"') => {
            let kind = scan.string()?;
            work.meta.kind = Some(scan.slice(kind.start(), kind.end()).to_owned());
        }
        ("total", b'0'..=b'9') => {
            let (start, end) = scan.number()?;
            work.meta.total = scan.slice(start, end).parse().ok();
        }
        _ => scan.skip(1, limit)?,
    }
    *state = State::Bundle { first: false };
    Ok(())
}

/// Takes one entry of the Bundle, or the end of the entries.
fn entries(state: &mut State, first: bool, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    let more = if first {
        !scan.closes(b']')?
    } else {
        scan.more(b']', Expected::NextEntry)?
    };
    if !more {
        *state = State::Bundle { first: false };
        return Ok(());
    }
    let found = entry(scan, work)?;
    commit(scan, work, &found)?;
    *state = State::Entries { first: false };
    Ok(())
}

fn entry<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>) -> Result<Found<'a>, Halt> {
    let limit = work.options.limits.depth;
    let mut found = None;
    scan.expect(b'{', Expected::Entry)?;
    if scan.closes(b'}')? {
        return Ok(Found::Nothing);
    }
    loop {
        let at = scan.pos;
        let name = scan.string()?;
        let name = scan.slice(name.start(), name.end());
        scan.expect(b':', Expected::Colon)?;
        match (name, scan.peek()?) {
            ("resource", b'{') => {
                if found.is_some() {
                    return Err(Halt::duplicate(at));
                }
                scan.pos += 1;
                let of_type = scan.resource_type(RESOURCE_DEPTH, limit)?;
                found = Some(resource(scan, work, of_type, RESOURCE_DEPTH)?);
            }
            _ => scan.skip(RESOURCE_DEPTH - 1, limit)?,
        }
        if !scan.more(b'}', Expected::Member)? {
            return Ok(found.unwrap_or(Found::Nothing));
        }
    }
}

/// Takes a resource of the type of this name, its opening bracket taken, `depth` elements being open with it.
fn resource<'a>(
    scan: &mut Scan<'a>,
    work: &mut Work<'_>,
    name: Option<StringSpan>,
    depth: u32,
) -> Result<Found<'a>, Halt> {
    let limit = work.options.limits.depth;
    if depth > limit {
        return Err(Halt::limit(Limit::Depth, scan.pos));
    }
    let Some(name) = name else {
        scan.skip_members(depth, limit)?;
        return Ok(Found::Untyped);
    };
    let name = scan.slice(name.start(), name.end());
    if let Some(number) = work.plan.type_of(name) {
        wanted(scan, work, number, depth)?;
        return Ok(Found::Wanted(number));
    }
    if name == "OperationOutcome" {
        let mut outcome = Element::default();
        Reader { scan, limit }.members(&mut outcome, depth, true)?;
        return Ok(Found::Outcome(outcome));
    }
    scan.skip_members(depth, limit)?;
    Ok(Found::Other(name.into()))
}

/// Takes a resource some table wants: walks along the plan, reads a tree where that is not enough.
fn wanted(scan: &mut Scan<'_>, work: &mut Work<'_>, number: u32, depth: u32) -> Result<(), Halt> {
    let Some(of_type) = work.plan.types.get(number as usize) else {
        return Ok(());
    };
    if work.rows.records() {
        return recorded(scan, work, of_type.root, depth);
    }
    let mut ahead = *scan;
    if work.walks() {
        let mut walk = Walk {
            scan: *scan,
            plan: work.plan,
            rows: work.rows,
            learned: work.learned,
            limits: &work.options.limits,
            index: IndexPath::new(),
        };
        walk.object(of_type.root, depth)?;
        scan.pos = walk.scan.pos;
    }
    if work.needs_tree(of_type) {
        let at = ahead.pos;
        let mut resource = Element::default();
        Reader {
            scan: &mut ahead,
            limit: work.options.limits.depth,
        }
        .members(&mut resource, depth, true)?;
        scan.pos = ahead.pos;
        work.push_resource(number, &resource, work.walks(), at)?;
    }
    Ok(())
}

/// Takes a resource the elements of which are recorded.
fn recorded(scan: &mut Scan<'_>, work: &mut Work<'_>, root: u32, depth: u32) -> Result<(), Halt> {
    let Some(mut recorder) = work.rows.recorder(false) else {
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
    walk.object(root, depth)?;
    scan.pos = walk.scan.pos;
    recorder.finish();
    Ok(())
}
