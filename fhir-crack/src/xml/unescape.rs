use crate::halt::{Expected, Halt};

/// Appends an attribute's value: references replaced, literal line ends and tabs turned to blanks as XML has it.
/// `at` is where `raw` stands in the page.
///
/// Source: <https://www.w3.org/TR/xml/#AVNormalize>.
pub(crate) fn unescape(raw: &str, at: usize, out: &mut String) -> Result<(), Halt> {
    let mut rest = raw;
    while let Some(found) = rest
        .bytes()
        .position(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r' | b'<'))
    {
        let (before, special) = rest.split_at(found);
        out.push_str(before);
        let place = at + raw.len() - special.len();
        let taken = match special.as_bytes() {
            [b'&', ..] => reference(special, place, out)?,
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
    Ok(())
}

/// Appends the character a reference stands for and says how many bytes it took.
fn reference(text: &str, place: usize, out: &mut String) -> Result<usize, Halt> {
    let end = text.find(';').ok_or(Halt::syntax(Expected::Semicolon, place))?;
    let name = text.get(1..end).unwrap_or_default();
    let char = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#') {
            Some(number) => character(number).ok_or(Halt::syntax(Expected::Character, place))?,
            None => return Err(Halt::entity(place)),
        },
    };
    out.push(char);
    Ok(end + 1)
}

fn character(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    let char = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    let allowed = !char.is_control() || matches!(char, '\t' | '\n' | '\r') || char >= '\u{7f}';
    (allowed && !matches!(char, '\u{fffe}' | '\u{ffff}')).then_some(char)
}
