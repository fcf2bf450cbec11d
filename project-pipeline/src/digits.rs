//! Numbers as Python reads them from text: blanks around, `_` between digits, digits of any script.

/// The zeros of the scripts whose digits are decimal; nine digits follow each.
const ZEROS: [u32; 37] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// The value of a decimal digit of any script.
pub(crate) fn digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .and_then(|zero| u8::try_from(code - zero).ok())
}

/// A number with a point, as `float()` takes it.
pub(crate) fn float(text: &str) -> Option<f64> {
    let text = plain(text)?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let word = unsigned.to_ascii_lowercase();
    if matches!(word.as_str(), "inf" | "infinity" | "nan")
        || unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether `int()` takes the text.
pub(crate) fn is_int(text: &str) -> bool {
    plain(text).is_some_and(|text| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// ASCII digits, no blanks around, no `_`; `None` if a `_` is not between digits.
fn plain(text: &str) -> Option<String> {
    let ascii: Vec<char> = text
        .trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
        .chars()
        .map(|c| digit(c).map_or(c, |d| char::from(b'0' + d)))
        .collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| ascii.get(at)).is_some_and(char::is_ascii_digit);
    for (at, c) in ascii.iter().enumerate() {
        if *c == '_' && !(is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))) {
            return None;
        }
    }
    Some(ascii.into_iter().filter(|c| *c != '_').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_does() {
        for (text, value) in [
            (" 5 ", Some(5.0)),
            ("1_0", Some(10.0)),
            ("_1", None),
            ("1__0", None),
            ("٥", Some(5.0)),
            ("5.", Some(5.0)),
            ("Infinity", Some(f64::INFINITY)),
            ("1.0.0", None),
            ("foo", None),
            ("", None),
            ("0x5", None),
            ("+-5", None),
        ] {
            assert_eq!(float(text), value, "{text}");
        }
        assert!(is_int(" -1_000 ") && !is_int("1.5") && !is_int("") && !is_int("1e3"));
    }
}
