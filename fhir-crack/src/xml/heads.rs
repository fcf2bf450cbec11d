//! Type and id of a resource, and why it is there, read without the rest.

use std::borrow::Cow;

use super::scan::{Next, Scan};
use super::tree;
use crate::halt::Halt;
use crate::tree::Element;
use crate::work::Work;

/// Goes on to the first child of this name of the element whose start tag is taken, and behind it; to the end of the
/// children where there is none. Gives its value.
pub(super) fn value_of_child<'a>(
    scan: &mut Scan<'a>,
    name: &str,
    depth: u32,
    limit: u32,
) -> Result<Cow<'a, str>, Halt> {
    while scan.next()? == Next::Start {
        let at = scan.pos;
        let tag = scan.start_tag()?;
        if tag.prefixed {
            return Err(Halt::Unusual);
        }
        let text = scan.slice(at, scan.pos);
        if !tag.empty {
            scan.skip_content(tag.name, depth + 1, limit)?;
        }
        if tag.name == name {
            return value_of_tag(scan, at, tag.name, text, limit);
        }
    }
    Ok(Cow::default())
}

/// The value of the element that begins at a position with this tag.
fn value_of_tag<'a>(
    scan: &Scan<'a>,
    at: usize,
    name: &str,
    tag: &'a str,
    limit: u32,
) -> Result<Cow<'a, str>, Halt> {
    let plain = tag
        .get(1 + name.len()..)
        .and_then(|attributes| attributes.strip_prefix(" value=\""))
        .and_then(|rest| rest.split_once('"'));
    if let Some((value, rest)) = plain
        && matches!(rest.trim_ascii(), "/>" | ">")
        && !value.contains(['&', '<', '\n', '\r', '\t'])
    {
        return Ok(value.into());
    }
    let (element, _) = tree::read(scan.text, at, 1, limit, &[])?;
    Ok(element.attribute("value").unwrap_or_default().to_owned().into())
}

/// Notes the head of a resource read as a tree.
pub(super) fn note_head(resource: &Element<'_>, work: &mut Work<'_>) {
    if let Some(heads) = &mut work.meta.heads {
        let id = resource.value_of("id").unwrap_or_default();
        heads.resource(&resource.name, id);
    }
}
