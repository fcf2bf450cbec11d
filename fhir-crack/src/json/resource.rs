//! A resource of a page: walked along the plan, read as a tree, recorded, or passed over.

use std::borrow::Cow;

use super::scan::{Scan, StringSpan};
use super::tree::Reader;
use super::walk::Walk;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::index_path::IndexPath;
use crate::tree::Element;
use crate::work::{Found, Work};

/// Takes a resource of the type of this name, its opening bracket taken, `depth` elements being open with it.
pub(super) fn resource<'a>(
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
        pass(scan, work, "", depth, limit)?;
        return Ok(Found::Untyped);
    };
    let name: Cow<'a, str> = scan.name_of(name)?;
    if let Some(number) = work.plan.type_of(&name) {
        wanted(scan, work, number, depth)?;
        return Ok(Found::Wanted(number));
    }
    if name == "OperationOutcome" {
        let mut outcome = Element::default();
        Reader { scan, limit }.members(&mut outcome, depth, true)?;
        if let Some(heads) = &mut work.meta.heads {
            heads.resource(&name, outcome.value_of("id").unwrap_or_default());
        }
        return Ok(Found::Outcome(outcome));
    }
    pass(scan, work, &name, depth, limit)?;
    Ok(Found::Other(name))
}

/// Passes over a resource of which nothing but its head is wanted.
fn pass(scan: &mut Scan<'_>, work: &mut Work<'_>, name: &str, depth: u32, limit: u32) -> Result<(), Halt> {
    let Some(heads) = &mut work.meta.heads else {
        return scan.skip_members(depth, limit);
    };
    let id = text_member(scan, "id", depth, limit)?;
    heads.resource(name, id.as_deref().unwrap_or_default());
    Ok(())
}

/// Passes over the members of an object whose opening bracket is taken, and gives the text of the first one of this name;
/// behind it only brackets and strings are looked at.
pub(super) fn text_member<'a>(
    scan: &mut Scan<'a>,
    wanted: &str,
    depth: u32,
    limit: u32,
) -> Result<Option<Cow<'a, str>>, Halt> {
    if scan.closes(b'}')? {
        return Ok(None);
    }
    loop {
        let name = scan.string()?;
        scan.expect(b':', Expected::Colon)?;
        if scan.peek()? == b'"' && scan.name_of(name)? == wanted {
            let text = scan.string()?;
            let found = scan.name_of(text)?;
            if scan.more(b'}', Expected::Member)? {
                scan.skip_object_rest(depth, limit)?;
            }
            return Ok(Some(found));
        }
        scan.skip(depth, limit)?;
        if !scan.more(b'}', Expected::Member)? {
            return Ok(None);
        }
    }
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
