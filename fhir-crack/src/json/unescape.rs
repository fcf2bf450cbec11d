use crate::halt::{Expected, Halt};
use crate::repair::Repaired;

/// Appends the text of a string with escapes. `at` is where `raw` stands in the page. Says whether U+FFFD stands for
/// something in it that is no character.
pub(crate) fn unescape(raw: &str, at: usize, out: &mut String) -> Result<Option<Repaired>, Halt> {
    let mut rest = raw;
    let mut repaired = None;
    while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (before, escape) = rest.split_at(slash);
        out.push_str(before);
        let place = at + raw.len() - escape.len();
        let taken = one(escape, out, &mut repaired).ok_or(Halt::syntax(Expected::Escape, place))?;
        rest = escape.get(taken..).ok_or(Halt::syntax(Expected::Escape, place))?;
    }
    out.push_str(rest);
    Ok(repaired)
}

/// Unescapes what a text starts with and says how many bytes it took.
fn one(escape: &str, out: &mut String, repaired: &mut Option<Repaired>) -> Option<usize> {
    let char = match escape.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(escape, out, repaired),
        _ => return None,
    };
    out.push(char);
    Some(2)
}

/// Characters outside the basic plane come as two escapes; half of a pair is no character.
fn unicode(escape: &str, out: &mut String, repaired: &mut Option<Repaired>) -> Option<usize> {
    let high = hex(escape.get(2..6)?)?;
    if high == 0 {
        out.push(char::REPLACEMENT_CHARACTER);
        *repaired = Some(Repaired::Nul);
        return Some(6);
    }
    if let Some(char) = char::from_u32(high) {
        out.push(char);
        return Some(6);
    }
    let low = escape
        .get(6..12)
        .and_then(|second| hex(second.strip_prefix("\\u")?))
        .filter(|low| high < 0xdc00 && (0xdc00..0xe000).contains(low));
    if let Some(low) = low {
        let pair = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        out.push(char::from_u32(pair)?);
        return Some(12);
    }
    out.push(char::REPLACEMENT_CHARACTER);
    *repaired = Some(Repaired::Surrogate);
    Some(6)
}

fn hex(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
