use super::scan::{Next, Scan};
use super::tree;
use super::walk::Walk;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::index_path::IndexPath;
use crate::tree::Element;
use crate::work::{Found, Work};

/// Where in a page's outermost structure the bytes go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Before the outermost element.
    #[default]
    Before,
    /// Among the children of a Bundle.
    Bundle {
        /// Whether its names have a prefix.
        prefixed: bool,
    },
    /// Behind the outermost element.
    Behind,
}

/// Elements open inside an entry: Bundle, entry, `resource`, the resource itself.
const RESOURCE_DEPTH: u32 = 4;

/// Takes the next unit of a page: a resource, an entry, a child of the Bundle. `false` if there is none any more.
///
/// State and position are meaningless after an error; the caller keeps what it had before.
pub(crate) fn step(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<bool, Halt> {
    match *state {
        State::Before => before(state, scan, work)?,
        State::Bundle { prefixed } => bundle(state, prefixed, scan, work)?,
        State::Behind => {
            return match scan.next() {
                Err(Halt::More) if scan.rest().trim_ascii().is_empty() => Ok(false),
                Err(halt) => Err(halt),
                Ok(_) => Err(Halt::syntax(Expected::DocumentEnd, scan.pos)),
            };
        }
    }
    Ok(true)
}

fn before(state: &mut State, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    if scan.next()? == Next::End {
        return Err(Halt::syntax(Expected::Element, scan.pos));
    }
    let mut ahead = *scan;
    let tag = ahead.start_tag()?;
    work.page_is(tag.name);
    if tag.name == "Bundle" {
        *scan = ahead;
        *state = if tag.empty {
            State::Behind
        } else {
            State::Bundle {
                prefixed: tag.prefixed,
            }
        };
        return Ok(());
    }
    let found = resource(scan, work, 1)?;
    work.commit(&found)
        .map_err(|limit| Halt::limit(limit, scan.pos))?;
    *state = State::Behind;
    Ok(())
}

/// Takes one child of the Bundle, or its end.
fn bundle(state: &mut State, prefixed: bool, scan: &mut Scan<'_>, work: &mut Work<'_>) -> Result<(), Halt> {
    if scan.next()? == Next::End {
        scan.end_of("Bundle")?;
        *state = State::Behind;
        return Ok(());
    }
    let limit = work.options.limits.depth;
    let start = scan.pos;
    let mut ahead = *scan;
    let tag = ahead.start_tag()?;
    match tag.name {
        "entry" => {
            let found = entry(scan, work, prefixed || tag.prefixed)?;
            work.commit(&found)
                .map_err(|limit| Halt::limit(limit, scan.pos))?;
        }
        "link" | "type" | "total" => {
            let (element, end) = tree::read(scan.text, start, 1, limit)?;
            scan.pos = end;
            member(&element, work);
        }
        _ => scan.skip(2, limit)?,
    }
    Ok(())
}

fn member(element: &Element<'_>, work: &mut Work<'_>) {
    let value = element.attribute("value");
    match &*element.name {
        "type" => work.meta.kind = value.map(str::to_owned),
        "total" => work.meta.total = value.and_then(|v| v.parse().ok()),
        _ => work.meta.set_link(
            element.value_of("relation").unwrap_or_default(),
            element.value_of("url").unwrap_or_default(),
        ),
    }
}

/// Takes an entry, the fast way if its form allows it.
fn entry<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>, prefixed: bool) -> Result<Found<'a>, Halt> {
    let start = scan.pos;
    if !prefixed {
        match entry_of_usual_form(scan, work) {
            Err(Halt::Unusual) => work.rows.rollback(),
            usual => return usual,
        }
    }
    scan.pos = start;
    let (entry, end) = tree::read(scan.text, start, 1, work.options.limits.depth)?;
    scan.pos = end;
    let resource = entry.children.into_iter().find(|c| c.name == "resource");
    match resource.and_then(|r| r.children.into_iter().next()) {
        Some(resource) => of_tree(resource, scan.pos, work),
        None => Ok(Found::Nothing),
    }
}

fn entry_of_usual_form<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>) -> Result<Found<'a>, Halt> {
    let limit = work.options.limits.depth;
    let mut found = None;
    if scan.start_tag()?.empty {
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
        if tag.name != "resource" {
            scan.skip_content(tag.name, RESOURCE_DEPTH - 1, limit)?;
            continue;
        }
        if found.is_some() {
            return Err(Halt::duplicate(scan.pos));
        }
        if scan.next()? == Next::Start {
            found = Some(resource_of_usual_form(scan, work, RESOURCE_DEPTH)?);
        }
        if scan.next()? == Next::Start {
            return Err(Halt::syntax(Expected::OneResource, scan.pos));
        }
        scan.end_of("resource")?;
    }
    scan.end_of("entry")?;
    Ok(found.unwrap_or(Found::Nothing))
}

/// Takes a resource that is the whole page.
fn resource<'a>(scan: &mut Scan<'a>, work: &mut Work<'_>, depth: u32) -> Result<Found<'a>, Halt> {
    let start = scan.pos;
    match resource_of_usual_form(scan, work, depth) {
        Err(Halt::Unusual) => work.rows.rollback(),
        usual => return usual,
    }
    let (resource, end) = tree::read(scan.text, start, depth - 1, work.options.limits.depth)?;
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
    if tag.prefixed {
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
            let (resource, _) = tree::read(scan.text, start, depth - 1, limit)?;
            work.push_resource(number, &resource, true, start)?;
        }
        return Ok(Found::Wanted(number));
    }
    if tag.name == "OperationOutcome" {
        let (outcome, end) = tree::read(scan.text, start, depth - 1, limit)?;
        scan.pos = end;
        return Ok(Found::Outcome(outcome));
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
