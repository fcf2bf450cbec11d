//! A JSON value checked against the whole grammar, also where no column asks for what it holds: [`Options::strict`].
//!
//! [`Options::strict`]: crate::Options::strict

use std::collections::HashSet;

use super::scan::Scan;
use super::unescape::unescape;
use crate::error::Limit;
use crate::halt::{Expected, Halt};

/// An open bracket, and the names an object has so far.
enum Open {
    Object(HashSet<String>),
    Array,
}

/// Checks the value that begins at the scan's place; nothing is taken.
pub(super) fn value(mut scan: Scan<'_>, limit: u32) -> Result<(), Halt> {
    let mut open = Vec::new();
    let mut text = String::new();
    loop {
        match scan.peek()? {
            b'{' => {
                scan.pos += 1;
                open.push(Open::Object(HashSet::new()));
                if !scan.closes(b'}')? {
                    if open.len() > limit as usize {
                        return Err(Halt::limit(Limit::Depth, scan.pos));
                    }
                    name(&mut scan, &mut open, &mut text)?;
                    continue;
                }
                open.pop();
            }
            b'[' => {
                scan.pos += 1;
                open.push(Open::Array);
                if !scan.closes(b']')? {
                    if open.len() > limit as usize {
                        return Err(Halt::limit(Limit::Depth, scan.pos));
                    }
                    continue;
                }
                open.pop();
            }
            b'"' => string(&mut scan, &mut text)?,
            b'-' | b'0'..=b'9' => scan.number().map(drop)?,
            _ => scan.literal().map(drop)?,
        }
        loop {
            let more = match open.last_mut() {
                None => return Ok(()),
                Some(Open::Array) => scan.more(b']', Expected::Item)?,
                Some(Open::Object(_)) => scan.more(b'}', Expected::Member)?,
            };
            if more {
                if let Some(Open::Object(_)) = open.last() {
                    name(&mut scan, &mut open, &mut text)?;
                }
                break;
            }
            open.pop();
        }
    }
}

/// Takes a name and its colon; it belongs to the innermost of the open brackets.
fn name(scan: &mut Scan<'_>, open: &mut [Open], text: &mut String) -> Result<(), Halt> {
    scan.peek()?;
    let at = scan.pos;
    string(scan, text)?;
    if let Some(Open::Object(names)) = open.last_mut()
        && !names.insert(text.clone())
    {
        return Err(Halt::duplicate(at));
    }
    scan.expect(b':', Expected::Colon)
}

/// Takes a string: escapes that JSON knows, no control character as it is.
fn string(scan: &mut Scan<'_>, text: &mut String) -> Result<(), Halt> {
    let string = scan.string()?;
    let raw = scan.slice(string.start(), string.end());
    if let Some(at) = raw.bytes().position(|byte| byte < b' ') {
        return Err(Halt::syntax(Expected::Escape, string.start() + at));
    }
    text.clear();
    unescape(raw, string.start(), text).map(drop)
}
