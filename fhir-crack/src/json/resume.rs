//! Where to go on behind a part of a JSON page that cannot be read: at the next entry, line or member.

use memchr::memmem;

use super::page::{Level, State};
use super::structure::{Structure, structure};
use crate::rejected::Resume;

/// Where to go on behind the part of a page that begins at `from`, `state` being the page's there. `last` says that no
/// further bytes follow.
pub(crate) fn resume(state: State, text: &str, from: usize, last: bool) -> Resume<State> {
    let bytes = text.as_bytes();
    match state {
        State::Outside => outside(bytes, from, last),
        State::Array { .. } => items(bytes, from, last),
        State::Entries { level, .. } | State::EntryRest { level } => entries(bytes, from, last, level),
        State::Bundle { level, .. } => member(bytes, from, last, level),
    }
}

fn blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let is_blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    from + rest.iter().position(|b| !is_blank(b)).unwrap_or(rest.len())
}

/// A resource that stands alone: it ends with its brackets, or where the next line begins one.
fn outside(bytes: &[u8], from: usize, last: bool) -> Resume<State> {
    let mut begin = blanks(bytes, from);
    if bytes.get(begin..).is_some_and(|rest| rest.starts_with(BOM)) {
        begin = blanks(bytes, begin + BOM.len());
    }
    let to = |end| Resume::At {
        begin,
        end,
        pos: end,
        state: State::Outside,
    };
    if bytes.get(begin) == Some(&b'{') {
        match structure(bytes, begin) {
            Structure::Closed(end) => return to(end),
            Structure::Open if !last => return Resume::Wait,
            Structure::Open | Structure::Broken => {}
        }
    }
    match (next_line(bytes, begin), last) {
        (Some(end), _) => to(end),
        (None, true) => to(bytes.len()),
        (None, false) => Resume::Wait,
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The beginning of the next line that may hold a resource, or of a resource right behind the brackets of another.
fn next_line(bytes: &[u8], begin: usize) -> Option<usize> {
    let rest = bytes.get(begin + 1..)?;
    let line = memchr::memchr_iter(b'\n', rest).map(|at| at + 1).find(|&at| {
        let line = rest.get(at..).unwrap_or_default();
        line.strip_prefix(BOM).unwrap_or(line).starts_with(b"{")
    });
    let joined = memmem::find(rest, br#"}{"resourceType""#).map(|at| at + 1);
    line.into_iter().chain(joined).min().map(|at| begin + 1 + at)
}

/// An item of an array: it ends with its brackets, or the page does.
fn items(bytes: &[u8], from: usize, last: bool) -> Resume<State> {
    let mut begin = blanks(bytes, from);
    if bytes.get(begin) == Some(&b',') {
        begin = blanks(bytes, begin + 1);
    }
    match structure(bytes, begin) {
        Structure::Closed(end) => Resume::At {
            begin,
            end,
            pos: end,
            state: State::Array { first: false },
        },
        Structure::Open if !last => Resume::Wait,
        Structure::Open | Structure::Broken => match (next_line(bytes, begin), last) {
            (Some(next), _) => Resume::At {
                begin,
                end: next,
                pos: next,
                state: State::Array { first: true },
            },
            (None, false) => Resume::Wait,
            (None, true) => rest(bytes, begin),
        },
    }
}

/// An entry: it ends with its brackets, or where the next one begins.
fn entries(bytes: &[u8], from: usize, last: bool, level: Level) -> Resume<State> {
    let mut begin = blanks(bytes, from);
    if bytes.get(begin) == Some(&b',') {
        begin = blanks(bytes, begin + 1);
    }
    let among = |end, pos, first| Resume::At {
        begin,
        end,
        pos,
        state: State::Entries { first, level },
    };
    match structure(bytes, begin) {
        Structure::Closed(end) => {
            let next = blanks(bytes, end);
            match bytes.get(next) {
                Some(b',' | b']') => return among(end, end, false),
                // a comma is missing
                Some(b'{') => return among(end, next, true),
                None if !last => return Resume::Wait,
                _ => {}
            }
        }
        Structure::Open if !last => return Resume::Wait,
        Structure::Open | Structure::Broken => {}
    }
    match (next_entry(bytes, begin), last) {
        (Some(next), _) => among(next, next, true),
        (None, false) => Resume::Wait,
        (None, true) => rest(bytes, begin),
    }
}

/// The rest of the page is lost.
fn rest(bytes: &[u8], begin: usize) -> Resume<State> {
    Resume::At {
        begin,
        end: bytes.len(),
        pos: bytes.len(),
        state: State::Outside,
    }
}

/// The opening bracket of the next entry: the one before a `resource`, with nothing between but a `fullUrl`.
fn next_entry(bytes: &[u8], begin: usize) -> Option<usize> {
    let from = begin + 1;
    let text = bytes.get(from..)?;
    memmem::find_iter(text, br#""resource""#).find_map(|at| {
        let colon = blanks(text, at + br#""resource""#.len());
        let value = blanks(text, colon + 1);
        if text.get(colon) != Some(&b':') || text.get(value) != Some(&b'{') {
            return None;
        }
        let open = memchr::memrchr(b'{', text.get(..at)?)?;
        let between = text.get(open + 1..at)?.trim_ascii_start();
        let before = text.get(..open)?.trim_ascii_end().last();
        let is_entry = between.is_empty() || between.starts_with(br#""fullUrl""#);
        (is_entry && matches!(before, Some(b',' | b'[' | b'}'))).then_some(from + open)
    })
}

/// A member of the Bundle itself: it ends with its value, or where the entries begin.
fn member(bytes: &[u8], from: usize, last: bool, level: Level) -> Resume<State> {
    let mut begin = blanks(bytes, from);
    if bytes.get(begin) == Some(&b',') {
        begin = blanks(bytes, begin + 1);
    }
    if let Structure::Closed(name) = structure(bytes, begin) {
        let colon = blanks(bytes, name);
        if bytes.get(colon) == Some(&b':') {
            match structure(bytes, colon + 1) {
                Structure::Closed(end) if matches!(bytes.get(blanks(bytes, end)), Some(b',' | b'}')) => {
                    return Resume::At {
                        begin,
                        end,
                        pos: end,
                        state: State::Bundle { first: false, level },
                    };
                }
                Structure::Open if !last => return Resume::Wait,
                _ => {}
            }
        }
    }
    let entries = memmem::find_iter(bytes.get(begin..).unwrap_or_default(), br#""entry""#).find_map(|at| {
        let colon = blanks(bytes, begin + at + br#""entry""#.len());
        let open = blanks(bytes, colon + 1);
        (bytes.get(colon) == Some(&b':') && bytes.get(open) == Some(&b'[')).then_some(open + 1)
    });
    match (entries, last) {
        (Some(pos), _) => Resume::At {
            begin,
            end: pos,
            pos,
            state: State::Entries { first: true, level },
        },
        (None, false) => Resume::Wait,
        (None, true) => rest(bytes, begin),
    }
}
