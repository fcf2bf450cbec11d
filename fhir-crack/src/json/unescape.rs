use crate::halt::{Expected, Halt};

/// Appends the text of a string with escapes. `at` is where `raw` stands in the page.
pub(crate) fn unescape(raw: &str, at: usize, out: &mut String) -> Result<(), Halt> {
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (before, escape) = rest.split_at(slash);
        out.push_str(before);
        let place = at + raw.len() - escape.len();
        let taken = one(escape, out).ok_or(Halt::syntax(Expected::Escape, place))?;
        rest = escape.get(taken..).ok_or(Halt::syntax(Expected::Escape, place))?;
    }
    out.push_str(rest);
    Ok(())
}

/// Unescapes what a text starts with and says how many bytes it took.
fn one(escape: &str, out: &mut String) -> Option<usize> {
    let char = match escape.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(escape, out),
        _ => return None,
    };
    out.push(char);
    Some(2)
}

/// Characters outside the basic plane come as two escapes; half of a pair is no character.
fn unicode(escape: &str, out: &mut String) -> Option<usize> {
    let high = hex(escape.get(2..6)?)?;
    if let Some(char) = char::from_u32(high) {
        out.push(char);
        return Some(6);
    }
    let second = escape.get(6..12)?;
    let low = hex(second.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&high) || !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    out.push(char::from_u32(
        0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00),
    )?);
    Some(12)
}

fn hex(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
