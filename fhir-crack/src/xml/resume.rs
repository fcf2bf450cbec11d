//! Where to go on behind a part of an XML page that cannot be read: at the next entry.

use memchr::memmem;

use super::page::State;
use crate::rejected::Resume;

/// Where to go on behind the part of a page that begins at `from`, `state` being the page's there. `last` says that no
/// further bytes follow.
pub(crate) fn resume(state: State, text: &str, from: usize, last: bool) -> Resume<State> {
    let bytes = text.as_bytes();
    let rest = bytes.get(from..).unwrap_or_default();
    let begin = from + memchr::memchr(b'<', rest).unwrap_or(rest.len());
    if let State::Bundle { .. } | State::EntryRest { .. } = state {
        let state = match state {
            State::EntryRest { level } => State::Bundle { level },
            other => other,
        };
        let to = |end| Resume::At {
            begin,
            end,
            pos: end,
            state,
        };
        match (entry_end(bytes, begin), last) {
            (Some(end), _) => return to(end),
            (None, false) => return Resume::Wait,
            (None, true) => {}
        }
    } else if let Some(next) = memmem::find(bytes.get(begin + 1..).unwrap_or_default(), b"<?xml") {
        let end = begin + 1 + next;
        return Resume::At {
            begin,
            end,
            pos: end,
            state: State::Before,
        };
    } else if !last {
        return Resume::Wait;
    }
    Resume::At {
        begin,
        end: bytes.len(),
        pos: bytes.len(),
        state: State::Behind,
    }
}

/// Behind the entry that begins at a position, or where the next one begins; for another child of the Bundle where the
/// first entry or the Bundle's end is.
fn entry_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let is_entry = matches!(tag(bytes, begin), Some((b"entry" | b"parameter", false)));
    let mut open = u32::from(is_entry);
    let mut nested = false;
    let mut at = begin + 1;
    loop {
        at += memchr::memchr(b'<', bytes.get(at..)?)?;
        let rest = bytes.get(at..)?;
        for (open, close) in [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>")] {
            if rest.starts_with(open) {
                at += memmem::find(rest, close)?;
            }
        }
        match tag(bytes, at) {
            Some((b"Bundle" | b"Parameters", false)) => nested = true,
            Some((b"Bundle" | b"Parameters", true)) if !nested => return Some(at),
            // Without a Bundle in between it is no entry in an entry.
            Some((b"entry" | b"parameter", false)) if !nested => return Some(at),
            Some((b"entry" | b"parameter", false)) => open += 1,
            Some((b"entry" | b"parameter", true)) => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at + memchr::memchr(b'>', bytes.get(at..)?)? + 1);
                }
            }
            Some(_) | None => {}
        }
        at += 1;
    }
}

/// Name without prefix of the tag at a position, and whether it is an end tag.
fn tag(bytes: &[u8], at: usize) -> Option<(&[u8], bool)> {
    let rest = bytes.get(at + 1..)?;
    let (rest, end) = match rest.strip_prefix(b"/") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let length = rest
        .iter()
        .position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b'>' | b'/'))?;
    let name = rest.get(..length)?;
    let local = memchr::memrchr(b':', name).map_or(0, |colon| colon + 1);
    Some((name.get(local..)?, end))
}
