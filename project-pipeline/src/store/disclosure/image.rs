//! Images: they must be what their names say, end where they end, and carry no text about persons.

use super::{Rules, words};

/// Why an image must not be seen.
pub(super) fn examine(path: &str, bytes: &[u8], rules: &Rules) -> Option<String> {
    let end = if path.ends_with(".png") {
        png(bytes)
    } else {
        jpeg(bytes)
    };
    let Some(end) = end else {
        return Some("it is not an image of the type that its name says".to_owned());
    };
    if bytes.len() > end {
        return Some(format!("{} bytes stand behind the image", bytes.len() - end));
    }
    words::identifier(bytes, rules).map(|name| format!("it carries text that names the identifier {name}"))
}

/// Where a PNG ends, in bytes: behind its IEND chunk.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return None;
    }
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let kind = bytes.get(at + 4..at + 8)?;
        at = at.checked_add(length)?.checked_add(12)?;
        if kind == b"IEND" {
            return (at <= bytes.len()).then_some(at);
        }
    }
}

/// Where a JPEG ends, in bytes: behind its first end marker that stands outside of a segment.
fn jpeg(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"\xff\xd8\xff") {
        return None;
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            at += 1; // entropy-coded data
            continue;
        }
        match *bytes.get(at + 1)? {
            0xd9 => return Some(at + 2),
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            0xff => at += 1,
            _ => {
                let length = u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?) as usize;
                at += 2 + length.max(2);
            }
        }
    }
}
