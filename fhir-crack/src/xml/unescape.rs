use crate::halt::{Expected, Halt};
use crate::repair::Repaired;

/// Appends an attribute's value: references replaced, literal line ends and tabs turned to blanks as XML has it.
/// `at` is where `raw` stands in the page. Says whether U+FFFD stands for a character that XML does not allow.
///
/// Source: <https://www.w3.org/TR/xml/#AVNormalize>.
pub(crate) fn unescape(raw: &str, at: usize, out: &mut String) -> Result<Option<Repaired>, Halt> {
    let mut rest = raw;
    let mut repaired = None;
    while let Some(found) = rest
        .bytes()
        .position(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r' | b'<'))
    {
        let (before, special) = rest.split_at(found);
        out.push_str(before);
        let place = at + raw.len() - special.len();
        let taken = match special.as_bytes() {
            [b'&', ..] => reference(special, place, out, &mut repaired)?,
            [b'<', ..] => return Err(Halt::syntax(Expected::NoTag, place)),
            [b'\r', b'\n', ..] => {
                out.push(' ');
                2
            }
            _ => {
                out.push(' ');
                1
            }
        };
        rest = special.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(repaired)
}

/// Appends the character a reference stands for and says how many bytes it took.
fn reference(
    text: &str,
    place: usize,
    out: &mut String,
    repaired: &mut Option<Repaired>,
) -> Result<usize, Halt> {
    let end = text.find(';').ok_or(Halt::syntax(Expected::Semicolon, place))?;
    let name = text.get(1..end).unwrap_or_default();
    let char = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#') {
            Some(number) => {
                let number = code(number).ok_or(Halt::syntax(Expected::Character, place))?;
                if let Some((char, taken)) = pair(number, text.get(end + 1..).unwrap_or_default()) {
                    out.push(char);
                    return Ok(end + 1 + taken);
                }
                character(number).unwrap_or_else(|| {
                    *repaired = Some(if number == 0 {
                        Repaired::Nul
                    } else {
                        Repaired::Character
                    });
                    char::REPLACEMENT_CHARACTER
                })
            }
            None => return Err(Halt::entity(place)),
        },
    };
    out.push(char);
    Ok(end + 1)
}

/// The number of a character reference.
fn code(number: &str) -> Option<u32> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// The character that two references to the halves of a surrogate pair stand for, and the bytes of the second one.
fn pair(high: u32, rest: &str) -> Option<(char, usize)> {
    if !(0xd800..0xdc00).contains(&high) {
        return None;
    }
    let second = rest.strip_prefix("&#")?;
    let end = second.find(';')?;
    let low = code(second.get(..end)?).filter(|low| (0xdc00..0xe000).contains(low))?;
    let char = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
    Some((char, end + "&#;".len()))
}

fn character(code: u32) -> Option<char> {
    let char = char::from_u32(code)?;
    let allowed = !char.is_control() || matches!(char, '\t' | '\n' | '\r') || char >= '\u{7f}';
    (allowed && !matches!(char, '\u{fffe}' | '\u{ffff}')).then_some(char)
}
